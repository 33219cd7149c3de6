/** Whom to trust and as whom to log in: known_hosts, pins, private keys, certificates. */
import assert from 'node:assert/strict'
import { createHmac, generateKeyPairSync } from 'node:crypto'
import fc from 'fast-check'
import ssh2 from 'ssh2'
import { TransferError } from '../../src/core/errors.ts'
import { readPin } from '../../src/remotes/pins.ts'
import { hostKeyAlgorithms, pinOf, verifyHostKey } from '../../src/remotes/sftp/host-key.ts'
import { keyTypeOf, linesFor, parseKnownHosts } from '../../src/remotes/sftp/known-hosts.ts'
import { parsePrivateKey } from '../../src/remotes/sftp/private-key.ts'
import { damaged, hostileText, jumble } from './arbitrary-text.ts'
import { type FuzzTarget, fuzzTarget } from './fuzz-target.ts'

const HOST = 'files.example.com'
const KEY = publicBlob('ssh-ed25519', 1)
const OTHER = publicBlob('ssh-ed25519', 2)

function publicBlob(type: string, fill: number): Buffer {
  const length = (value: number): Buffer => Buffer.from([0, 0, 0, value])
  return Buffer.concat([length(type.length), Buffer.from(type), length(32), Buffer.alloc(32, fill)])
}

function hashed(name: string): string {
  const salt = Buffer.alloc(20, 7)
  return `|1|${salt.toString('base64')}|${createHmac('sha1', salt).update(name).digest('base64')}`
}

const base64 = KEY.toString('base64')
const KNOWN_HOSTS = [
  `${HOST} ssh-ed25519 ${base64} comment`,
  `${HOST},192.0.2.1,[${HOST}]:2222 ssh-ed25519 ${base64}\r\n# c\r\n\r\n@revoked * ssh-ed25519 ${OTHER.toString('base64')}`,
  `${hashed(HOST)} ssh-ed25519 ${base64}`,
  `@cert-authority *.example.com ssh-ed25519 ${base64}\n!${HOST},*.example.com ssh-ed25519 ${base64}`,
]
const HOST_WORDS = [
  HOST,
  base64,
  hashed(HOST),
  hashed('x'),
  'ssh-ed25519',
  'ssh-rsa',
  '@revoked',
  '@cert-authority',
  ' ',
  '\t',
  '\n',
  ',',
  '*',
  '?',
  '!',
]

/** The key is trusted only if its base64 stands in the text, whatever else stands there. */
function assertTrustNeedsTheKey(text: string): void {
  const known = parseKnownHosts(text)
  for (const fault of known.faults) assert.match(fault, /^known-hosts line \d+: /)
  for (const line of known.lines) assert.equal(keyTypeOf(line.key), line.keyType)
  const trust = { host: HOST, port: 22, knownHosts: known, pins: [] }
  assert.ok(hostKeyAlgorithms(trust).length >= 7)
  try {
    verifyHostKey(KEY, trust)
    assert.ok(text.includes(base64.replace(/=+$/, '')), 'trusted although the key is nowhere')
    assert.ok(linesFor(known, HOST, 22).some(({ marker, key }) => marker === 'none' && key.equals(KEY)))
  } catch (error) {
    assert.ok(error instanceof TransferError && error.kind === 'untrusted', String(error))
  }
}

const PASSPHRASE = 'correct horse'
const rsa = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
const ed25519 = generateKeyPairSync('ed25519').privateKey
const KEYS = [
  ssh2.utils.generateKeyPairSync('ed25519').private,
  ssh2.utils.generateKeyPairSync('ed25519', { cipher: 'aes256-ctr', passphrase: PASSPHRASE, rounds: 1 }).private,
  rsa.export({ type: 'pkcs1', format: 'pem' }).toString(),
  ec.export({ type: 'sec1', format: 'pem' }).toString(),
  ed25519.export({ type: 'pkcs8', format: 'pem' }).toString(),
  'PuTTY-User-Key-File-3: ssh-ed25519\nPrivate-Lines: 1\nAAAA',
]
const KEY_WORDS = [
  '-----BEGIN ',
  '-----END ',
  'OPENSSH PRIVATE KEY-----',
  'RSA PRIVATE KEY-----',
  'Proc-Type: 4,ENCRYPTED\n',
  '\\n',
  '\\r',
  '\n\n',
  '    ',
  '=',
]

/** Lines of a key that nobody else could have: longer than any word of ours. */
const KEY_LINE_MIN = 24

function assertUsableOrDiscreet(text: string): void {
  for (const passphrase of [undefined, PASSPHRASE, 'wrong']) {
    const result = parsePrivateKey(text, passphrase)
    if ('key' in result) {
      assert.ok(result.key.isPrivateKey())
      continue
    }
    assert.match(result.fault, /^private-key: /)
    assert.ok(result.fault.length < 300)
    for (const line of text.split(/\s+/))
      if (line.length >= KEY_LINE_MIN) assert.ok(!result.fault.includes(line), 'tells a line of the key')
  }
}

const PINS = [pinOf(KEY), `${pinOf(KEY)}=`, 'ab'.repeat(32), 'AB:'.repeat(31).concat('AB'), `sha256:${'0f'.repeat(32)}`]

export const TRUST_TARGETS: readonly FuzzTarget[] = [
  fuzzTarget('known-hosts', 1500, fc.oneof(damaged(KNOWN_HOSTS, HOST_WORDS), jumble(HOST_WORDS), hostileText()), assertTrustNeedsTheKey),
  fuzzTarget('private-key', 250, fc.oneof(damaged(KEYS, KEY_WORDS), jumble(KEY_WORDS), fc.constantFrom(...KEYS)), assertUsableOrDiscreet),
  fuzzTarget('pin', 1500, fc.oneof(damaged(PINS, [':', '=', 'sha256=']), hostileText()), (text) => {
    const pin = readPin(text)
    assert.ok('problem' in pin || /^[0-9a-f]{64}$/.test(pin.hex))
  }),
]
