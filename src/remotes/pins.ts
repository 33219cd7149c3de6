/** SHA-256 pins of host keys and certificates, in every form in which programs print them and people paste them. */
import { createHash, type X509Certificate } from 'node:crypto'

/** Lowercase hex, or what is wrong, to go behind the pin in a sentence. */
export type ReadPin = { readonly hex: string } | { readonly problem: string }

const BYTES = 32
const WANTED = 'A pin is SHA256:…, or a SHA-256 as 64 hex digits or base64.'
/** What to do instead of those that people still have. */
const NEWER = '`ssh-keygen -lf` and `openssl x509 -noout -fingerprint -sha256` print the SHA-256, which is wanted.'
/** `SHA256:`, `sha256//` (curl), `pin-sha256="` (gnutls), `SHA256 Fingerprint=` (openssl). */
const LABEL = /^(?:pin-)?(md5|sha-?\d{1,3})(?:[ -]fingerprint)?(?:\/\/|\s?[:=]\s?["']?)/i

/** Windows shows the digits of a certificate in pairs. */
const SPACED = /^(?:[0-9a-f]{2}\s)+[0-9a-f]{2}$/i

export function readPin(text: string): ReadPin {
  const line = text.trim().replace(/^["']/, '')
  const label = LABEL.exec(line)
  if (label !== null) return labelled(label[1] ?? '', line.slice(label[0].length))
  // `ssh-keygen -l` prints size, pin, comment and type on one line.
  const words = line.split(/\s+/)
  const word = words.find((one) => LABEL.test(one)) ?? (/^\d{3,5}$/.test(words[0] ?? '') ? words[1] : undefined)
  return word === undefined || word === line ? digest(line.replace(/["']$/, '')) : readPin(word)
}

function labelled(label: string, body: string): ReadPin {
  const algorithm = label.toLowerCase().replace('-', '')
  // A comment may stand behind it.
  if (algorithm === 'sha256') return digest(SPACED.test(body.trim()) ? body : (body.trim().split(/[\s"';]/, 1)[0] ?? ''))
  return { problem: `is one of ${algorithm === 'md5' ? 'MD5, which can be forged' : algorithm.replace('sha', 'SHA-')}. ${NEWER}` }
}

function digest(text: string): ReadPin {
  const body = SPACED.test(text.trim()) ? text.replaceAll(/\s/g, '') : text
  const hex = body.replaceAll(':', '').toLowerCase()
  const isHex = /^(?:[0-9a-f]{2})+$/.test(hex) && (body.includes(':') || [32, 40, 64].includes(hex.length))
  if (!isHex && !/^[A-Za-z0-9+/_-]+={0,2}$/.test(body)) return { problem: `is neither hex nor base64. ${WANTED}` }
  const bytes = isHex ? Buffer.from(hex, 'hex') : Buffer.from(body, 'base64')
  if (bytes.length === BYTES) return { hex: bytes.toString('hex') }
  const known = bytes.length === 16 && isHex ? ', as MD5 has' : bytes.length === 20 && isHex ? ', as SHA-1 has' : ''
  return { problem: `has ${bytes.length} bytes instead of ${BYTES}${known}. ${known === '' ? WANTED : NEWER}` }
}

/** What a certificate may be pinned by: its own SHA-256 first, then that of its public key, which curl pins and which outlives a renewal. */
export function pinsOfCertificate(certificate: X509Certificate): readonly [string, ...string[]] {
  const own = createHash('sha256').update(certificate.raw).digest('hex')
  try {
    const key = certificate.publicKey.export({ type: 'spki', format: 'der' })
    return [own, createHash('sha256').update(key).digest('hex')]
  } catch {
    // A kind of key that Node does not read.
    return [own]
  }
}
