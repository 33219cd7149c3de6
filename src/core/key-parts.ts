/**
 * Which parts of a private key are secret. The rest is the same in many keys: names of kinds, lengths, zero bytes, padding. A host key of the kind is written with
 * much of it, and the line for known-hosts must stay readable.
 */

/** Also the headers of an encrypted PEM: `ENCRYPTED` is an ordinary word. */
const FRAME = /-----(?:BEGIN|END) [A-Z0-9 ]{1,60}-----|Proc-Type: 4,ENCRYPTED|DEK-Info: [A-Z0-9-]{1,40},[0-9A-F]{1,64}(?![0-9A-F])/g
const OPENSSH_BEGIN = '-----BEGIN OPENSSH PRIVATE KEY-----'
const OPENSSH_END = '-----END OPENSSH PRIVATE KEY-----'

/** Null when the text holds no key. In other formats than OpenSSH's nothing is like a host key, so that there everything but the frame is secret. */
export function secretPartsOf(text: string): readonly string[] | null {
  const own = text.replaceAll(FRAME, '')
  if (own === text) return null
  if (!text.includes(OPENSSH_BEGIN)) return [own]
  return text.split(OPENSSH_BEGIN).flatMap((piece, at) => {
    const end = at === 0 ? -1 : piece.indexOf(OPENSSH_END)
    const outside = piece.slice(Math.max(end, 0)).replaceAll(FRAME, '')
    return end < 0 ? [outside] : [...openSshParts(piece.slice(0, end)), outside]
  })
}

/** Of Base64 the characters that any bit of a secret range is in, as they stand in the text. Of a body that nobody can read, everything. */
function openSshParts(body: string): readonly string[] {
  // A line break may be written as `\n`, which holds a letter of Base64.
  const letters = [...body.matchAll(/\\[nr]|[A-Za-z0-9+/]/g)].filter(([token]) => token.length === 1)
  const ranges = secretRanges(Buffer.from(letters.map(([letter]) => letter).join(''), 'base64'))
  if (ranges === null) return [body]
  return ranges.map(({ from, end }) => {
    const [first, last] = [letters[Math.floor((from * 8) / 6)], letters[Math.ceil((end * 8) / 6) - 1]]
    return body.slice(first?.index, (last?.index ?? body.length) + 1)
  })
}

interface Range {
  readonly from: number
  readonly end: number
}

const MAGIC = 'openssh-key-v1\0'
const CHECK_BYTES = 8
const ED25519_SEED_BYTES = 32

/** PROTOCOL.key of OpenSSH: cipher, kdf, its options, the number of keys, the public key, and what is encrypted unless the cipher is `none`. */
function secretRanges(bytes: Buffer): readonly Range[] | null {
  if (bytes.toString('latin1', 0, MAGIC.length) !== MAGIC) return null
  const [cipher, , options] = fields(bytes, MAGIC.length, 3) ?? []
  if (cipher === undefined || options === undefined) return null
  // Of several keys the secrets would stand elsewhere.
  if (options.end + 4 > bytes.length || bytes.readUInt32BE(options.end) !== 1) return null
  const [, hidden] = fields(bytes, options.end + 4, 2) ?? []
  if (hidden === undefined) return null
  // Some ciphers append a tag.
  if (bytes.toString('latin1', cipher.from, cipher.end) !== 'none') return [{ from: hidden.from, end: bytes.length }]
  return secretFields(bytes.subarray(0, hidden.end), hidden.from + CHECK_BYTES) ?? [{ from: hidden.from, end: bytes.length }]
}

/** What is not encrypted: the kind, then the numbers of the kind, the public ones first, then the comment and the padding 1, 2, 3. */
function secretFields(bytes: Buffer, from: number): readonly Range[] | null {
  const [type] = fields(bytes, from, 1) ?? []
  if (type === undefined) return null
  const name = bytes.toString('latin1', type.from, type.end)
  // The seed, behind which the public key stands once more.
  if (name === 'ssh-ed25519')
    return (
      fields(bytes, type.end, 2)
        ?.slice(1)
        .map((seed) => ({ ...seed, end: Math.min(seed.end, seed.from + ED25519_SEED_BYTES) })) ?? null
    )
  if (name.startsWith('ecdsa-sha2-')) return fields(bytes, type.end, 3)?.slice(2) ?? null
  if (name === 'ssh-rsa') return fields(bytes, type.end, 6)?.slice(2) ?? null
  return null
}

/** So many fields, each behind its length; null when they do not all fit. */
function fields(bytes: Buffer, start: number, count: number): readonly Range[] | null {
  const ranges: Range[] = []
  let at = start
  for (let i = 0; i < count; i += 1) {
    if (at + 4 > bytes.length) return null
    const from = at + 4
    at = from + bytes.readUInt32BE(at)
    if (at > bytes.length) return null
    ranges.push({ from, end: at })
  }
  return ranges
}
