/** Turns what people paste as a private key into a key that ssh2 can use, or says what is wrong with it. No message holds any text of the key. */
import { createPrivateKey, type KeyObject } from 'node:crypto'
import ssh2, { type ParsedKey } from 'ssh2'

/** Faults are sentences for people. */
export type PrivateKeyResult = { readonly key: ParsedKey } | { readonly fault: string }

export function parsePrivateKey(text: string, passphrase: string | undefined): PrivateKeyResult {
  const normalised = normalise(text)
  if (typeof normalised !== 'string') return normalised
  const pem = normalised.startsWith('-----BEGIN OPENSSH') ? normalised : convert(normalised, passphrase)
  if (typeof pem !== 'string') return pem
  const parsed = ssh2.utils.parseKey(pem, pem === normalised ? passphrase : undefined)
  const key: ParsedKey | Error | undefined = Array.isArray(parsed) ? parsed[0] : parsed
  if (key instanceof Error || key === undefined) return { fault: openSshFault(key?.message ?? '', passphrase) }
  return key.isPrivateKey() ? { key } : { fault: 'private-key: this is a public key; the private half is needed' }
}

/** One clean PEM block: secrets travel through forms that lose line ends, indent lines or write them as a literal `\n`. */
function normalise(text: string): string | { readonly fault: string } {
  const trimmed = text.replaceAll('\\r', '').replaceAll('\\n', '\n').trim()
  if (/^PuTTY-User-Key-File-/.test(trimmed))
    return { fault: 'private-key: PuTTY keys (.ppk) are not supported; convert it: puttygen key.ppk -O private-openssh -o key' }
  if (/^(ssh-|ecdsa-sha2-|-----BEGIN [A-Z0-9 ]*PUBLIC KEY|---- BEGIN SSH2 PUBLIC)/.test(trimmed))
    return { fault: 'private-key: this is a public key; the private half is needed' }
  const block = firstBlock(trimmed)
  if (block === null)
    return {
      fault: trimmed.includes('-----BEGIN ')
        ? 'private-key: the key is cut off: its "-----END …-----" line is missing'
        : 'private-key: this is not a private key: its "-----BEGIN … PRIVATE KEY-----" line is missing',
    }
  const { label, text: inside } = block
  const lines = inside.split(/\r\n|\r|\n/).map((line) => line.trim())
  const headers = lines.filter((line) => line.includes(':'))
  const base64 = lines
    .filter((line) => !line.includes(':'))
    .join('')
    .replace(/\s+/g, '')
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(base64)) return { fault: 'private-key: the key is damaged: its body is not base64' }
  const body = base64.match(/.{1,64}/g) ?? []
  return [`-----BEGIN ${label}-----`, ...(headers.length > 0 ? [...headers, ''] : []), ...body, `-----END ${label}-----`, ''].join('\n')
}

/** The first beginning that has its end. Ends are collected first: to look for one from every beginning would take the square of the text. */
function firstBlock(text: string): { readonly label: string; readonly text: string } | null {
  const lastEnd = new Map([...text.matchAll(/-----END ([A-Z0-9 ]+)-----/g)].map(({ 1: label = '', index }) => [label, index]))
  for (const { 0: begin, 1: label = '', index } of text.matchAll(/-----BEGIN ([A-Z0-9 ]+)-----/g)) {
    const start = index + begin.length
    if ((lastEnd.get(label) ?? -1) >= start) return { label, text: text.slice(start, text.indexOf(`-----END ${label}-----`, start)) }
  }
  return null
}

/** PKCS#8, PKCS#1 and SEC1 through node:crypto, which knows more encryptions than ssh2 and can tell a wrong passphrase. */
function convert(pem: string, passphrase: string | undefined): string | { readonly fault: string } {
  const encrypted = /BEGIN ENCRYPTED|Proc-Type: 4,ENCRYPTED/.test(pem)
  if (encrypted && passphrase === undefined) return { fault: 'private-key: the key is encrypted and no passphrase is given' }
  let key: KeyObject
  try {
    key = createPrivateKey(encrypted ? { key: pem, passphrase: passphrase ?? '' } : pem)
  } catch {
    return { fault: encrypted ? 'private-key: the passphrase is wrong, or the key is damaged' : 'private-key: the key is damaged' }
  }
  if (key.asymmetricKeyType === 'rsa') return key.export({ type: 'pkcs1', format: 'pem' }).toString()
  if (key.asymmetricKeyType === 'ec') return key.export({ type: 'sec1', format: 'pem' }).toString()
  if (key.asymmetricKeyType === 'ed25519') return openSshPem(key)
  return { fault: `private-key: keys of the type ${key.asymmetricKeyType ?? 'unknown'} are not supported` }
}

function sshString(content: Buffer | string): Buffer {
  const bytes = Buffer.from(content)
  const length = Buffer.alloc(4)
  length.writeUInt32BE(bytes.length)
  return Buffer.concat([length, bytes])
}

/** Ed25519 has no older PEM form that ssh2 reads, so it is wrapped as OpenSSH writes it, unencrypted (PROTOCOL.key). */
function openSshPem(key: KeyObject): string {
  const jwk = key.export({ format: 'jwk' })
  const secret = Buffer.from(jwk.d ?? '', 'base64url')
  const point = Buffer.from(jwk.x ?? '', 'base64url')
  const type = sshString('ssh-ed25519')
  const check = Buffer.alloc(8)
  const secrets = Buffer.concat([check, type, sshString(point), sshString(Buffer.concat([secret, point])), sshString('')])
  const padding = Buffer.from(Array.from({ length: (8 - (secrets.length % 8)) % 8 }, (_, i) => i + 1))
  const one = Buffer.from([0, 0, 0, 1])
  const blob = Buffer.concat([
    Buffer.from('openssh-key-v1\0'),
    sshString('none'),
    sshString('none'),
    sshString(''),
    one,
    sshString(Buffer.concat([type, sshString(point)])),
    sshString(Buffer.concat([secrets, padding])),
  ])
  const lines = blob.toString('base64').match(/.{1,70}/g) ?? []
  return `-----BEGIN OPENSSH PRIVATE KEY-----\n${lines.join('\n')}\n-----END OPENSSH PRIVATE KEY-----\n`
}

function openSshFault(message: string, passphrase: string | undefined): string {
  if (/no passphrase given/i.test(message)) return 'private-key: the key is encrypted and no passphrase is given'
  if (/integrity check failed|bad passphrase|decrypt/i.test(message) && passphrase !== undefined)
    return 'private-key: the passphrase is wrong, or the key is damaged'
  const unsupported = /Unsupported OpenSSH private key type: ([\w@.-]{1,60})/.exec(message)?.[1]
  if (unsupported !== undefined) return `private-key: keys of the type ${unsupported} are not supported`
  const cipher = /Unsupported (?:cipher|kdf name) for OpenSSH key: ([\w@.-]{1,60})/.exec(message)?.[1]
  if (cipher !== undefined) return `private-key: encryption with ${cipher} is not supported`
  return 'private-key: the key is damaged'
}
