/** What WebDAV tells of names: PROPFIND. */
import { TransferError } from '../../core/errors.ts'
import { statusError } from './errors.ts'
import type { Reply } from './headers.ts'
import { EXCERPT } from './intake.ts'
import { DIRECTORY, type Properties } from './look.ts'
import { type DavResource, parseMultistatus } from './multistatus.ts'
import { lastWordMs } from './patience.ts'
import { addsSlash, isRedirect } from './redirects.ts'
import type { Session } from './session.ts'

const LISTING_BYTES_MAX = 128 * 1024 * 1024
const PROPFIND = '<?xml version="1.0" encoding="utf-8"?><propfind xmlns="DAV:"><prop><resourcetype/><getcontentlength/></prop></propfind>'

/** Of the name itself. */
export function davProperties(session: Session): Properties {
  return async (path, signal) => {
    const found = await resources(session, path, '0', signal)
    const [first] = found
    if (first === undefined) return null
    if (found.some((resource) => resource.collection)) return DIRECTORY
    return { kind: 'file', size: first.size, modifiedAtMs: null, validator: null }
  }
}

/** Another success than 207, and a failure inside, are no answers about the file. */
function answerError(reply: Reply, excerpt: string): TransferError {
  const error = statusError('PROPFIND', reply, excerpt)
  return reply.status < 300 || reply.status === 500 ? new TransferError('refused', error.message) : error
}

/** Empty where there is nothing. */
export async function resources(session: Session, path: string, depth: '0' | '1', signal: AbortSignal): Promise<readonly DavResource[]> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  const sink = (chunk: Uint8Array): void => {
    bytes += chunk.length
    if (bytes > LISTING_BYTES_MAX) throw new TransferError('limit', 'the listing of a directory is too long')
    chunks.push(chunk)
  }
  const { reply, excerpt } = await session.perform(
    {
      method: 'PROPFIND',
      path,
      headers: { depth, 'content-type': 'application/xml' },
      body: PROPFIND,
      lastWordMs: lastWordMs(),
      endsAt: addsSlash,
    },
    (found) => (found.status === 207 ? { kind: 'deliver', sink, length: null, beyond: 'protocol' } : EXCERPT),
    signal,
  )
  if (isRedirect(reply)) return [{ href: reply.target.path, collection: true, size: null }]
  if (reply.status === 404 && depth === '0') return []
  if (reply.status !== 207) throw answerError(reply, excerpt)
  const xml = Buffer.concat(chunks).toString('utf8')
  // A listing that was cut short would make files look gone.
  if (!/<\/(?:[^<>]{1,100}:)?multistatus\s*>\s*$/.test(xml.slice(-300)))
    throw new TransferError('transient', 'the listing of a directory is incomplete')
  return parseMultistatus(xml)
}
