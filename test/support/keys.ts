/** Private keys of every kind and format, where they are secret, and lines of known_hosts of other keys. Built here, so that hundreds take seconds. */
import assert from 'node:assert/strict'
import { generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto'
import ssh2 from 'ssh2'

export interface HostKey {
  readonly blob: Buffer
  readonly line: string
}

function sshString(content: Buffer | string): Buffer {
  const bytes = Buffer.from(content)
  const length = Buffer.alloc(4)
  length.writeUInt32BE(bytes.length)
  return Buffer.concat([length, bytes])
}

/** As a number of the protocol: without zeros before it, but for one where the first bit is set. */
function sshNumber(bytes: Buffer): Buffer {
  const first = bytes.findIndex((byte) => byte !== 0)
  const short = bytes.subarray(first < 0 ? bytes.length : first)
  return sshString((short[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.alloc(1), short]) : short)
}

function point(bytes: number): Buffer {
  const coordinates = randomBytes(2 * bytes)
  // Of 521 bits one is in the first byte.
  if (bytes === 66) for (const at of [0, 66]) coordinates[at] = (coordinates[at] ?? 0) & 1
  return sshString(Buffer.concat([Buffer.from([4]), coordinates]))
}

function modulus(bits: number): Buffer {
  const bytes = randomBytes(bits / 8)
  bytes[0] = (bytes[0] ?? 0) | 0x80
  return sshNumber(bytes)
}

/** The numbers of a new host key of each kind; they need not be a key that works. */
const HOST_KEYS: readonly (readonly [type: string, fields: () => readonly Buffer[]])[] = [
  ['ssh-ed25519', () => [sshString(randomBytes(32))]],
  ['ecdsa-sha2-nistp256', () => [sshString('nistp256'), point(32)]],
  ['ecdsa-sha2-nistp384', () => [sshString('nistp384'), point(48)]],
  ['ecdsa-sha2-nistp521', () => [sshString('nistp521'), point(66)]],
  ...[1024, 2048, 3072, 4096].map((bits) => ['ssh-rsa', () => [sshString(Buffer.from([1, 0, 1])), modulus(bits)]] as const),
  ['sk-ssh-ed25519@openssh.com', () => [sshString(randomBytes(32)), sshString('ssh:')]],
  ['sk-ecdsa-sha2-nistp256@openssh.com', () => [sshString('nistp256'), point(32), sshString('ssh:')]],
]

export function hostKeys(): readonly HostKey[] {
  return HOST_KEYS.map(([type, numbers]) => {
    const blob = Buffer.concat([sshString(type), ...numbers()])
    return { blob, line: `[127.0.0.1]:23022 ${type} ${blob.toString('base64')}` }
  })
}

export function hostLines(): readonly string[] {
  return hostKeys().map(({ line }) => line)
}

export interface Key {
  readonly text: string
  /** What is to be found in the body and hidden; null: everything from the last public byte on. */
  readonly secrets: readonly Buffer[] | null
  readonly pem: (format: PemFormat) => string
}

interface PemFormat {
  readonly type: 'pkcs1' | 'pkcs8' | 'sec1'
  readonly cipher?: string
}

type Type = 'ed25519' | 'ecdsa' | 'rsa'

const CURVES: Readonly<Record<number, string>> = { 256: 'prime256v1', 384: 'secp384r1', 521: 'secp521r1' }
const PASSPHRASE = 'correct horse'

function generate(type: Type, bits: number): KeyObject {
  if (type === 'ed25519') return generateKeyPairSync('ed25519').privateKey
  if (type === 'rsa') return generateKeyPairSync('rsa', { modulusLength: bits }).privateKey
  return generateKeyPairSync('ec', { namedCurve: CURVES[bits] ?? '' }).privateKey
}

/** A new key in OpenSSH's format, not encrypted. */
export function newKey(type: Type, bits = 256): Key {
  const key = generate(type, bits)
  const jwk = key.export({ format: 'jwk' })
  const bytes = (name: 'd' | 'e' | 'n' | 'p' | 'q' | 'qi' | 'x' | 'y'): Buffer => Buffer.from(jwk[name] ?? '', 'base64url')
  const secrets = type === 'rsa' ? [bytes('d'), bytes('qi'), bytes('p'), bytes('q')] : [bytes('d')]
  const curve = `nistp${bits}`
  const q = sshString(Buffer.concat([Buffer.from([4]), bytes('x'), bytes('y')]))
  const shapes: Readonly<Record<Type, () => readonly [name: string, publicBlob: readonly Buffer[], all: readonly Buffer[]]>> = {
    ed25519: () => {
      const own = sshString(bytes('x'))
      return ['ssh-ed25519', [own], [own, sshString(Buffer.concat([bytes('d'), bytes('x')]))]]
    },
    ecdsa: () => [`ecdsa-sha2-${curve}`, [sshString(curve), q], [sshString(curve), q, sshNumber(bytes('d'))]],
    rsa: () => {
      const [n, e] = [sshNumber(bytes('n')), sshNumber(bytes('e'))]
      return ['ssh-rsa', [e, n], [n, e, ...secrets.map(sshNumber)]]
    },
  }
  const [name, publicBlob, all] = shapes[type]()
  const text = openSshText(Buffer.concat([sshString(name), ...publicBlob]), Buffer.concat([sshString(name), ...all]))
  assert.ok(!(ssh2.utils.parseKey(text) instanceof Error))
  const pem = ({ type: format, cipher }: PemFormat): string =>
    key.export({ type: format, format: 'pem', ...(cipher === undefined ? {} : { cipher, passphrase: PASSPHRASE }) } as never).toString()
  return {
    text,
    secrets: secrets.map((one) => one.subarray(Math.max(0, type === 'ed25519' ? 0 : one.findIndex((byte) => byte !== 0)))),
    pem,
  }
}

function openSshText(publicBlob: Buffer, numbers: Buffer): string {
  const check = randomBytes(4)
  const comment = sshString('tester@example'.slice(0, (check[0] ?? 0) % 15))
  const open = Buffer.concat([check, check, numbers, comment])
  const padding = Buffer.from(Array.from({ length: (8 - (open.length % 8)) % 8 }, (_, i) => i + 1))
  const whole = Buffer.concat([
    Buffer.from('openssh-key-v1\0'),
    ...['none', 'none', ''].map(sshString),
    Buffer.from([0, 0, 0, 1]),
    sshString(publicBlob),
    sshString(Buffer.concat([open, padding])),
  ])
  return framed('OPENSSH PRIVATE KEY', whole)
}

function framed(label: string, bytes: Buffer): string {
  return `-----BEGIN ${label}-----\n${(bytes.toString('base64').match(/.{1,70}/g) ?? []).join('\n')}\n-----END ${label}-----\n`
}

/** The same key as if it were encrypted: what its cipher made of it is as good as chance, with a tag behind it for some ciphers. */
function encrypted({ text, pem }: Key): Key {
  const whole = Buffer.from(text.replaceAll(/-----[A-Z ]+-----/g, ''), 'base64')
  const at = 'openssh-key-v1\0'.length + 4 + 4 + 4 + 4 + 4 + 4
  const blob = whole.subarray(at, at + 4 + whole.readUInt32BE(at))
  const options = Buffer.concat([sshString(randomBytes(16)), Buffer.from([0, 0, 0, 24])])
  const hidden = randomBytes(whole.readUInt32BE(at + blob.length))
  const tag = randomBytes(16)
  const header = [
    Buffer.from('openssh-key-v1\0'),
    ...['aes256-gcm@openssh.com', 'bcrypt', options].map(sshString),
    Buffer.from([0, 0, 0, 1]),
  ]
  return { text: framed('OPENSSH PRIVATE KEY', Buffer.concat([...header, blob, sshString(hidden), tag])), secrets: [hidden, tag], pem }
}

function inPem(key: Key, format: PemFormat): Key {
  return { ...key, text: key.pem(format), secrets: format.cipher === undefined ? key.secrets : null }
}

/** Every eight characters of the body that hold nothing but bits of a secret, or a first or last letter that holds some. */
export function secretRuns({ text, secrets }: Key): readonly string[] {
  const body = text.replaceAll(/-----[A-Z ]+-----|^.*:.*$|\s/gm, '')
  const bytes = Buffer.from(body, 'base64')
  const parts = (secrets ?? [bytes]).map((secret) => {
    const at = bytes.indexOf(secret)
    assert.ok(at >= 0)
    return body.slice(Math.floor((at * 8) / 6), Math.ceil(((at + secret.length) * 8) / 6))
  })
  return parts.flatMap((part) => Array.from({ length: part.length - 7 }, (_, at) => part.slice(at, at + 8)))
}

interface KeyKind {
  readonly name: string
  readonly count: number
  readonly make: () => Key
}

const SMALL = [
  ['ed25519', 256],
  ['ecdsa', 256],
  ['ecdsa', 384],
  ['ecdsa', 521],
] as const
const CIPHER = 'aes-256-cbc'
/** A large key is slow to make, and has more to collide with. */
const LARGE_COUNT = 8

export const KEY_KINDS: readonly KeyKind[] = [...SMALL, ['rsa', 2048] as const].flatMap(([type, bits]) => {
  const count = type === 'rsa' ? LARGE_COUNT : 200
  const kind = (name: string, make: () => Key): KeyKind => ({ name: `${type} ${bits}, ${name}`, count, make })
  const older = type === 'rsa' ? 'pkcs1' : 'sec1'
  return [
    kind('OpenSSH', () => newKey(type, bits)),
    kind('OpenSSH, encrypted', () => encrypted(newKey(type, bits))),
    kind('PKCS#8', () => inPem(newKey(type, bits), { type: 'pkcs8' })),
    kind('PKCS#8, encrypted', () => inPem(newKey(type, bits), { type: 'pkcs8', cipher: CIPHER })),
    ...(type === 'ed25519'
      ? []
      : [
          kind('PEM', () => inPem(newKey(type, bits), { type: older })),
          kind('PEM, encrypted', () => inPem(newKey(type, bits), { type: older, cipher: CIPHER })),
        ]),
  ]
})
