/** Where a redirect may lead, and what may travel along. */
import { TransferError } from '../../core/errors.ts'
import { isPrivateHost } from './addresses.ts'
import { header, type Reply } from './headers.ts'
import { describeTarget, type Target } from './location.ts'

export const REDIRECTS_MAX = 5
const REDIRECT_STATUSES = new Set([301, 302, 303, 307, 308])

export function isRedirect(reply: Reply): boolean {
  return REDIRECT_STATUSES.has(reply.status) && header(reply, 'location') !== null
}

/**
 * The target of a redirect. Throws `protocol` when there is none to speak of, and `untrusted` when it would leave TLS, HTTP, or,
 * for a server in public, lead into a private network (by its literal host; names are checked when they are resolved).
 */
export function redirectTarget(reply: Reply, homeIsPrivate: boolean): Target {
  const from = describeTarget(reply.target)
  const location = header(reply, 'location') ?? ''
  const url = URL.parse(location, reply.target.origin + reply.target.path)
  if (url === null) throw new TransferError('protocol', `${from} redirects to something that is no URL`)
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new TransferError('untrusted', `${from} redirects to another protocol, ${url.protocol}`)
  }
  if (url.protocol === 'http:' && reply.target.origin.startsWith('https:')) {
    throw new TransferError('untrusted', `${from} redirects from https to http, where nothing protects the bytes`)
  }
  if (!homeIsPrivate && isPrivateHost(url.hostname)) {
    throw new TransferError('untrusted', `${from} redirects into a private network, to ${url.host}`)
  }
  return { origin: url.origin, path: url.pathname + url.search }
}

/** Whether a redirect only adds the slash that marks a directory. */
export function addsSlash(from: Target, to: Target): boolean {
  const bare = (path: string): string => decodeURISafely(path.split('?', 1)[0] ?? '')
  return from.origin === to.origin && `${bare(from.path)}/` === bare(to.path)
}

function decodeURISafely(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    return path
  }
}

/** What other origins get to see: none of the user's headers, no credential, no cookie. */
const HARMLESS = new Set(['range', 'if-range', 'accept', 'accept-encoding', 'user-agent'])

export function withoutSecrets(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => HARMLESS.has(name)))
}
