/** What a server or the network said, as a failure of ours. */
import { errors } from 'undici'
import { type FailureKind, TransferError } from '../../core/errors.ts'
import { messageOf } from '../reach.ts'
import { tlsFailureKind } from '../tls.ts'
import { type Reply, retryAfterMsOf } from './headers.ts'
import { describeTarget } from './location.ts'

const KINDS: Readonly<Record<number, FailureKind>> = {
  401: 'denied',
  403: 'denied',
  404: 'not-found',
  407: 'denied',
  408: 'transient',
  410: 'not-found',
  412: 'conflict',
  421: 'transient',
  423: 'transient',
  425: 'transient',
  429: 'transient',
  501: 'refused',
  505: 'refused',
  507: 'no-space',
  508: 'refused',
  511: 'denied',
}

function kindOf(status: number): FailureKind {
  const kind = KINDS[status]
  if (kind !== undefined) return kind
  if (status >= 500) return 'transient'
  return status >= 300 ? 'refused' : 'protocol'
}

/** The server is busy, or a gateway waited in vain: nothing is wrong with the request. From 520 on they are a gateway's own (Cloudflare). */
const BUSY = [503, 504]
const GATEWAYS_OWN = 520

/** 405: not here; 501: not at all. */
const TAKES_NO_UPLOADS = [405, 501]
const NO_UPLOADS =
  'This URL takes no uploads. Check that it is the address of the WebDAV folder or upload service (that of the web page is often another one), ' +
  'that it names a file and no folder, and that the server allows PUT there.'

/** The failure for a reply that is not the hoped-for one. `excerpt` is the beginning of its body, for people. */
export function statusError(method: string, reply: Reply, excerpt: string): TransferError {
  const kind = kindOf(reply.status)
  const retryAfterMs = kind === 'transient' ? retryAfterMsOf(reply) : null
  const words = excerpt.trim() === '' ? '' : `: ${excerpt.trim()}`
  const hint = method === 'PUT' && TAKES_NO_UPLOADS.includes(reply.status) ? NO_UPLOADS : undefined
  return new TransferError(kind, `${method} ${describeTarget(reply.target)} was answered with ${reply.status}${words}`, {
    ...(retryAfterMs === null ? {} : { retryAfterMs }),
    ofLogin: reply.status === 401 || reply.status === 407,
    brokeDown: kind === 'transient' && reply.status >= 500 && reply.status < GATEWAYS_OWN && !BUSY.includes(reply.status),
    ...(hint === undefined ? {} : { hint }),
  })
}

const NETWORK_CODES = new Set(
  `ECONNRESET ECONNREFUSED ECONNABORTED EPIPE ETIMEDOUT ENOTFOUND EAI_AGAIN EAI_FAIL EAI_NODATA EHOSTUNREACH EHOSTDOWN ENETUNREACH ENETDOWN
  ENETRESET EADDRNOTAVAIL ENOTCONN ERR_STREAM_PREMATURE_CLOSE UND_ERR_SOCKET UND_ERR_CONNECT_TIMEOUT UND_ERR_HEADERS_TIMEOUT UND_ERR_BODY_TIMEOUT
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH UND_ERR_INFO UND_ERR_PRX_CONN UND_ERR_DESTROYED UND_ERR_CLOSED`.split(/\s+/),
)

/** The failure behind an error of the network, of TLS or of undici; `secured` as in `tlsFailureKind`. Anything unknown is our own defect. */
export function networkError(error: unknown, origin: string, secured: boolean): TransferError {
  if (error instanceof TransferError) return error
  const code = codeOf(error)
  const message = `${origin}: ${messageOf(error) || code}`
  const fail = (kind: FailureKind): TransferError => new TransferError(kind, message, { cause: error })
  if (NETWORK_CODES.has(code) || isOfConnecting(error)) return fail('transient')
  if (error instanceof errors.HTTPParserError || code === 'UND_ERR_HEADERS_OVERFLOW') return fail('protocol')
  const tls = tlsFailureKind(code, secured)
  if (tls !== null) return fail(tls)
  if (code === 'ABORT_ERR') return fail('stopped')
  const proxyStatus = /Proxy response \((\d{3})\)/.exec(message)?.[1] ?? (/Proxy Authentication Required/.test(message) ? '407' : null)
  if (proxyStatus !== null) return fail(proxyStatus === '407' || proxyStatus === '403' ? 'denied' : 'transient')
  return fail('internal')
}

/** Whatever kept a connection from being made: a firewall's EPERM, a family that this machine does not speak. */
function isOfConnecting(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error && error.syscall === 'connect'
}

/** Node's `AggregateError` (all addresses of a host failed) may carry only the code of its first part. */
function codeOf(error: unknown): string {
  const part: unknown = error instanceof AggregateError && !('code' in error) ? (error.errors[0] ?? error) : error
  const code = typeof part === 'object' && part !== null && 'code' in part ? part.code : ''
  return typeof code === 'string' ? code : ''
}
