import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { parsePrivateKey } from '../../src/remotes/sftp/private-key.ts'

const PASSPHRASE = 'correct horse'
let directory: string

before(() => {
  directory = mkdtempSync(join(tmpdir(), 'rt-keys-'))
})
after(() => rmSync(directory, { recursive: true }))

let made = 0

/** Private key text and its public blob in base64, as ssh-keygen tells it. */
function generate(type: string, bits: string | null, format: 'OpenSSH' | 'PEM' | 'PKCS8', passphrase = ''): { text: string; blob: string } {
  made += 1
  const file = join(directory, `key${made}`)
  // Only its own format is made at once; the others are conversions of it, as people do them.
  execFileSync('ssh-keygen', ['-q', '-t', type, ...(bits === null ? [] : ['-b', bits]), '-N', passphrase, '-C', 'x', '-f', file])
  if (format !== 'OpenSSH')
    execFileSync('ssh-keygen', ['-q', '-p', '-m', format, '-P', passphrase, '-N', passphrase, '-f', file], { stdio: 'ignore' })
  return { text: readFileSync(file, 'utf8'), blob: readFileSync(`${file}.pub`, 'utf8').split(' ')[1] ?? '' }
}

function openssl(...args: readonly string[]): string {
  return execFileSync('openssl', [...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
}

function usable(text: string, blob: string, passphrase?: string): void {
  const result = parsePrivateKey(text, passphrase)
  assert.ok('key' in result, 'fault' in result ? result.fault : '')
  assert.equal(result.key.getPublicSSH().toString('base64'), blob)
  const data = Buffer.from('signed')
  const signature: Buffer | Error = result.key.sign(data)
  assert.ok(Buffer.isBuffer(signature), String(signature))
  assert.equal(result.key.verify(data, signature), true)
}

function fault(text: string, passphrase?: string): string {
  const result = parsePrivateKey(text, passphrase)
  assert.ok('fault' in result, 'is refused')
  // No piece of the key may be told.
  const body = text.replace(/-----[A-Z0-9 ]+-----/g, '').replace(/\s/g, '')
  for (let at = 0; at + 12 <= body.length; at += 1) assert.ok(!result.fault.includes(body.slice(at, at + 12)))
  return result.fault
}

describe('private key', () => {
  const kinds = [
    ['ed25519', null, 'OpenSSH'],
    ['ecdsa', '256', 'OpenSSH'],
    ['ecdsa', '521', 'PEM'],
    ['ecdsa', '384', 'PKCS8'],
    ['rsa', '2048', 'OpenSSH'],
    ['rsa', '2048', 'PEM'],
    ['rsa', '2048', 'PKCS8'],
  ] as const
  for (const [type, bits, format] of kinds) {
    test(`${type} ${bits ?? ''} in ${format} form, plain and encrypted`, () => {
      const plain = generate(type, bits, format)
      usable(plain.text, plain.blob)
      usable(plain.text, plain.blob, 'a passphrase that is not needed')
      const locked = generate(type, bits, format, PASSPHRASE)
      usable(locked.text, locked.blob, PASSPHRASE)
      assert.match(fault(locked.text), /encrypted and no passphrase/)
      assert.match(fault(locked.text, 'wrong'), /passphrase is wrong/)
    })
  }

  test('ed25519 in PKCS#8 as openssl writes it, plain and encrypted', () => {
    const pem = openssl('genpkey', '-algorithm', 'ed25519')
    const point = execFileSync('openssl', ['pkey', '-pubout', '-outform', 'DER'], { input: pem }).subarray(-32)
    const type = Buffer.from('ssh-ed25519')
    const blob = Buffer.concat([Buffer.from([0, 0, 0, type.length]), type, Buffer.from([0, 0, 0, 32]), point]).toString('base64')
    usable(pem, blob)
    const locked = execFileSync('openssl', ['pkcs8', '-topk8', '-passout', `pass:${PASSPHRASE}`], { input: pem, encoding: 'utf8' })
    assert.match(locked, /BEGIN ENCRYPTED PRIVATE KEY/)
    usable(locked, blob, PASSPHRASE)
    assert.match(fault(locked, 'wrong'), /passphrase is wrong/)
  })

  test('what forms and secrets do to a key is repaired', () => {
    for (const { text, blob, passphrase } of [
      { ...generate('ed25519', null, 'OpenSSH'), passphrase: undefined },
      { ...generate('rsa', '2048', 'PKCS8'), passphrase: undefined },
      { ...generate('rsa', '2048', 'PEM', PASSPHRASE), passphrase: PASSPHRASE },
    ]) {
      const damaged: Record<string, string> = {
        CRLF: text.replaceAll('\n', '\r\n'),
        'no last newline': text.trimEnd(),
        indented: text.replaceAll(/^/gm, '    '),
        'indented but for the first line': text.trimEnd().replaceAll('\n', '\n\t'),
        'literal \\n': text.replaceAll('\n', '\\n'),
        'literal \\r\\n': text.replaceAll('\n', '\\r\\n'),
        'blank lines around': `\n\n${text}\n\n`,
        'trailing spaces': text.replaceAll('\n', '  \n'),
      }
      for (const [name, form] of Object.entries(damaged)) {
        assert.doesNotThrow(() => usable(form, blob, passphrase), name)
      }
    }
    const { text, blob } = generate('ed25519', null, 'OpenSSH')
    usable(text.replaceAll('\n', ' '), blob)
  })

  test('a defect is named', () => {
    const { text } = generate('ed25519', null, 'OpenSSH')
    assert.match(fault('PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\n'), /puttygen key\.ppk -O private-openssh/)
    assert.match(fault(readFileSync(join(directory, `key${made}.pub`), 'utf8')), /public key/)
    assert.match(fault(text.split('\n').slice(0, 4).join('\n')), /cut off/)
    assert.match(fault(text.split('\n').slice(1).join('\n')), /not a private key/)
    assert.match(fault('/home/me/.ssh/id_ed25519'), /not a private key/)
    assert.match(fault(text.replace(/\n.{20}/, '\n')), /damaged/)
    assert.match(fault(text.replace(/\n.{5}/, '\n**&^%')), /damaged/)
    const pem = generate('rsa', '2048', 'PEM').text
    assert.match(fault(pem.replace(/\n.{20}/, '\n')), /damaged/)
    assert.match(fault(openssl('genpkey', '-algorithm', 'x25519')), /x25519 are not supported/)
  })
})
