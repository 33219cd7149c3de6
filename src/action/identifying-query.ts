/** Which part of a URL's query says what file is meant, and which only who may have it, and until when. */

/** Signatures and tokens by the names that services give them, in lower case. */
const CREDENTIALS = new Set(
  `token access_token accesstoken auth auth_token authtoken authorization api_key apikey api-key private_token job_token id_token jwt bearer
  sig signature hmac sign expires expiry exp password passwd pwd secret client_secret ticket session sessionid session_id sid
  awsaccesskeyid googleaccessid ossaccesskeyid accesskeyid key-pair-id security-token
  x-oss-signature x-oss-signature-version x-oss-credential x-oss-date x-oss-expires x-oss-additional-headers x-oss-security-token
  x-obs-security-token x-cos-security-token
  q-sign-algorithm q-ak q-sign-time q-key-time q-header-list q-url-param-list q-signature
  hdnts hdnea hdntl hdnea2 __token__ __gda__`.split(/\s+/),
)
/** AWS and those who follow it, and Google: every name of theirs is about the signature. */
const SIGNED_PREFIX = /^x-(?:amz|goog)-/
/** Names too common to be left out alone: they belong to a signature only beside the parameter that carries it. */
const COMPANIONS: readonly { readonly beside: readonly string[]; readonly names: ReadonlySet<string> }[] = [
  // Azure's shared access signatures.
  { beside: ['sig'], names: new Set('sv se sp sr st spr sip ss srt si sdd ske sks skt skv skoid sktid saoid suoid scid ses'.split(' ')) },
  // CloudFront.
  { beside: ['signature', 'key-pair-id'], names: new Set(['policy', 'hash-algorithm']) },
  // nginx, secure_link.
  { beside: ['expires'], names: new Set(['md5', 'st', 'e', 'h']) },
]

/**
 * The query without what changes whenever it is signed anew, in an order that does not depend on who wrote it: `?file=a` and `?file=b` are two files, and a new
 * signature means the same one. It may still hold something secret, so it is only for hashing.
 */
export function identifyingQuery(url: URL): string {
  const pairs = url.search
    .slice(1)
    .split('&')
    .filter((pair) => pair !== '')
    .map((pair) => ({ pair, name: nameOf(pair) }))
  const present = new Set(pairs.map(({ name }) => name))
  const left = pairs.filter(({ name }) => !CREDENTIALS.has(name) && !SIGNED_PREFIX.test(name) && !accompanies(name, present))
  return left
    .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
    .map(({ pair }) => pair)
    .join('&')
}

function accompanies(name: string, present: ReadonlySet<string>): boolean {
  return COMPANIONS.some(({ beside, names }) => names.has(name) && beside.some((other) => present.has(other)))
}

function nameOf(pair: string): string {
  const name = (pair.split('=', 1)[0] ?? '').replaceAll('+', ' ')
  try {
    return decodeURIComponent(name).toLowerCase()
  } catch {
    return name.toLowerCase()
  }
}
