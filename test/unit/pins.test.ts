import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { pinsOfCertificate, readPin } from '../../src/remotes/pins.ts'
import { makeCertificate } from '../servers/certificate.ts'
import { printed } from '../support/printed-pins.ts'

const BYTES = Buffer.from('f1'.repeat(16) + '0b'.repeat(16), 'hex')
const HEX = BYTES.toString('hex')
const UPPER = HEX.toUpperCase()
const BASE64 = BYTES.toString('base64')
const BARE = BASE64.replace('=', '')
const pairs = (between: string): string => (UPPER.match(/../g) ?? []).join(between)

test('a pin in every form that people paste is the same', () => {
  for (const line of [
    HEX,
    UPPER,
    pairs(':'),
    pairs(':').toLowerCase(),
    pairs(' '),
    BASE64,
    BARE,
    BARE.replaceAll('+', '-').replaceAll('/', '_'),
    `SHA256:${BARE}`,
    `SHA256:${BASE64}`,
    `sha256:${HEX}`,
    `SHA-256: ${UPPER}`,
    `sha256//${BASE64}`,
    `"sha256//${BASE64}"`,
    `pin-sha256="${BASE64}"`,
    `SHA256 Fingerprint=${pairs(':')}`,
    `sha256 Fingerprint=${pairs(':')}`,
    `SHA256 Fingerprint=${pairs(':')}\r\n`,
    `256 SHA256:${BARE} root@host (ED25519)`,
    `3072 SHA256:${BARE} host.example.com (RSA)`,
    `256 SHA256:${BARE} no comment (ECDSA)`,
    `  SHA256:${BARE} (stdin)  `,
  ])
    assert.deepEqual(readPin(line), { hex: HEX }, line)
})

test('what is no SHA-256 is refused with what to do', () => {
  const md5 = '16:27:ac:a5:76:28:2d:36:63:1b:56:4d:eb:df:a6:48'
  for (const [line, wanted] of [
    [`MD5:${md5}`, /MD5, which can be forged\. `ssh-keygen -lf`/],
    [`2048 MD5:${md5} host (RSA)`, /MD5/],
    [`2048 ${md5} host (RSA)`, /16 bytes instead of 32, as MD5 has/],
    [md5, /as MD5 has/],
    [md5.replaceAll(':', ''), /as MD5 has/],
    [`MD5 Fingerprint=${md5}`, /MD5/],
    [`SHA1 Fingerprint=${md5}:00:00:00:00`, /SHA-1\. `ssh-keygen/],
    [`sha1 Fingerprint=${md5}:00:00:00:00`, /SHA-1/],
    [`SHA512:${'A'.repeat(86)}`, /SHA-512/],
    [`SHA256:${BARE.slice(3)}`, /bytes instead of 32/],
    [`SHA256:${BARE}AAAA`, /bytes instead of 32/],
    ['ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI host', /./],
    ['SHA256:', /neither hex nor base64/],
    ['not a pin', /./],
    ['', /neither hex nor base64/],
  ] as const) {
    const pin = readPin(line)
    assert.ok('problem' in pin, line)
    assert.match(pin.problem, wanted, line)
  }
})

test('a certificate is pinned by its own digest or by that of its public key, as openssl and curl compute them', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'pins-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  const { pem } = makeCertificate(directory, 'DNS:localhost')
  const [own, key] = pinsOfCertificate(new X509Certificate(pem))
  const said = printed(pem)
  assert.deepEqual(readPin(said.certificate), { hex: own })
  assert.deepEqual(readPin(`sha256//${said.publicKey}`), { hex: key })
})
