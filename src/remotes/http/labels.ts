/**
 * What a Content-Encoding says although we asked for none. Mostly it is a label of what is stored: Apache's AddEncoding for `.tgz`, objects that were put with
 * `aws-chunked`, `none` for nothing at all. Those bytes are the file, as curl saves it. But a proxy that compresses on the way sends other bytes than the stored ones.
 */
import { contentRangeOf, entityTagOf, framingOf, header, modifiedAtMsOf, type Reply, strongValidatorOf } from './headers.ts'

/** No coding at all, whatever people write there. */
const NO_CODING = new Set(['', 'identity', 'none', 'binary', '7bit', '8bit', 'utf-8', 'utf8', 'us-ascii', 'iso-8859-1', 'aws-chunked'])
const ARCHIVE_NAME = /\.(?:gz|tgz|taz|svgz|vsix|z|bz2|tbz2?|xz|txz|lzma|zst|tzst|br)$/i
const ARCHIVE_TYPE = /^application\/(?:x-)?(?:gzip|gtar(?:-compressed)?|compressed|tgz|tar-gz|compress|bzip2?|xz|zstd)\b/i

/** `stored`: a label of the stored bytes. `doubtful`: perhaps made on the way, so that neither length nor bytes are the file's. */
export type Labelled = 'plain' | 'stored' | 'doubtful'

export function labelOf(reply: Reply): string {
  return (header(reply, 'content-encoding') ?? '').trim().toLowerCase()
}

/**
 * What is compressed on the way has no length (it is sent in chunks) and no ranges; or else it has a weak ETag, one that ends in `-gzip`, or a `Vary` that says so.
 */
export function labelled(reply: Reply): Labelled {
  if (
    labelOf(reply)
      .split(',')
      .every((one) => NO_CODING.has(one.trim()))
  )
    return 'plain'
  const hasLength = framingOf(reply).kind === 'length' || contentRangeOf(reply)?.total != null
  const etag = entityTagOf(reply)
  const isRemade = etag !== null && (strongValidatorOf(reply) === null || /(?:-|--|;)(?:gzip|br|zstd|deflate)"$/i.test(etag))
  if (!hasLength || isRemade) return 'doubtful'
  if (ARCHIVE_NAME.test(reply.target.path.split('?', 1)[0] ?? '') || ARCHIVE_TYPE.test(header(reply, 'content-type') ?? '')) return 'stored'
  const varies = /accept-encoding|\*/i.test(header(reply, 'vary') ?? '')
  return varies || (etag === null && modifiedAtMsOf(reply) === null) ? 'doubtful' : 'stored'
}
