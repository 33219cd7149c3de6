/** Whatever a server makes of a secret and wherever it is cut: nobody reads eight characters of it in a row. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { TransferError } from '../../src/core/errors.ts'
import { redactor } from '../../src/core/redact.ts'
import { secretForms } from '../../src/core/secret-forms.ts'
import { markdownCode, printable } from '../../src/core/text.ts'
import { verifyHostKey } from '../../src/remotes/sftp/host-key.ts'
import { parseKnownHosts } from '../../src/remotes/sftp/known-hosts.ts'
import { hostKeys, hostLines, KEY_KINDS, newKey, secretRuns } from '../support/keys.ts'
import { printingHost } from '../support/printed.ts'
import { longestRun, SECRETS, SPELLINGS } from '../support/spellings.ts'

fc.configureGlobal({ seed: 20_261 })

const around = fc.string({ unit: fc.constantFrom(...'ghi ,.{}[]()\n'), maxLength: 30 })
const choices = fc.infiniteStream(fc.nat(0xffff))

/** What the host prints of it, or puts into the summary. */
function printed(text: string, given: string): readonly string[] {
  const { host, out } = printingHost({ password: given })
  host.info(text)
  host.error([text])
  host.startGroup(text)
  void host.appendSummary(text)
  return out
}

for (const [name, { spell, read }] of Object.entries(SPELLINGS))
  test(`spelled and cut anywhere: ${name}`, () => {
    fc.assert(
      fc.property(SECRETS, around, around, choices, fc.nat(), fc.nat(), (given, before, after, chances, from, end) => {
        const spelled = spell(given, () => chances.next().value ?? 0)
        const cut = spelled.slice(from % spelled.length, spelled.length - (end % spelled.length))
        for (const out of printed(`${before} ${cut} ${after}`, given)) {
          const left = longestRun(read(out), given)
          assert.ok([...left].length <= 7, JSON.stringify({ cut, out, left }))
        }
      }),
      { numRuns: 500 },
    )
  })

test('our own cuts leave no more than seven characters, wherever the secret lies in them', () => {
  const given = 'Q7rT4vL2mN8sK1wB6yD3fH5jC0aGePuXo'
  for (const lead of [930, 960, 985, 990, 1000, 1010])
    for (const cut of [printable, (text: string) => markdownCode(text, 300)])
      for (const out of printed(cut(`${'x'.repeat(lead)}${given}${'y'.repeat(1200)}`), given))
        assert.ok(longestRun(out, given).length <= 7, out)
})

test('the whole of a short secret, and nothing that only looks like it', () => {
  const redact = redactor([{ text: 'hUnt3r' }, { text: 'abc' }])
  assert.equal(redact('hUnt3r %68Unt3r h\\u0055nt3r hUnt3 HUNT3R abc'), '*** *** *** hUnt3 HUNT3R abc')
})

test('upper and lower case are one from eight characters on: hosts come back in lower case', () => {
  assert.equal(redactor([{ text: 'TopSecretHost' }])('https://topsecrethost.example/'), 'https://***.example/')
  assert.equal(redactor([{ text: 'topsecrethost' }])('TOPSECRETHOST'), '***')
})

test('the first half of an escape is no reason to show an eighth character', () => {
  assert.equal(redactor([{ text: '673Y2e:\\1' }])('"6\\u00373\\u00592e\\u003a\\", not that'), '"***\\", not that')
})

test('a line that is wrapped, folded, indented or stripped of its markup', () => {
  const redact = redactor([{ text: 'k3y<prod>Tq8  Wz1LmR5v' }])
  for (const text of ['k3y<prod>Tq8 Wz1LmR5v', 'k3y<prod>Tq8\r\n\t Wz1LmR5v', 'k3y Tq8 Wz1LmR5v', 'k3y‹prod›Tq8 Wz1LmR5v'])
    assert.equal(redact(`the ${text} is wrong`), 'the *** is wrong', text)
  assert.equal(redactor([{ text: 'ab1 cd2 ef3 gh4' }])('ab1\n   cd2\n   ef3\n   gh4'), '***')
})

test('of a key everything but its frame, however its lines are broken', () => {
  const lines = Array.from({ length: 40 }, (_, i) => createHash('sha384').update(`${i}`).digest('base64'))
  const key = `-----BEGIN RSA PRIVATE KEY-----\n${lines.join('\n')}\n-----END RSA PRIVATE KEY-----\n`
  const redact = redactor([{ text: key }])
  assert.equal(redact(key), '-----BEGIN RSA PRIVATE KEY-----\n***\n-----END RSA PRIVATE KEY-----\n')
  for (const text of [lines.join(''), JSON.stringify(lines.join('\n')), lines.join('\n  '), (lines[7] ?? '').slice(3, 40)])
    assert.match(redact(text), /^"?\*\*\*"?$/)
})

for (const kind of KEY_KINDS)
  test(`a line of known_hosts comes out whole: ${kind.name}`, () => {
    for (let i = 0; i < kind.count; i += 1) {
      const key = kind.make()
      const redact = redactor([{ text: key.text, username: 'tester' }])
      for (const line of hostLines()) assert.equal(redact(line), line)
      const runs = secretRuns(key)
      assert.ok(runs.length > 20)
      // A plus at the edge may be left, since it is read as a space.
      for (const left of redact(runs.join('|')).split('|')) assert.match(left, /^\+*\*{3}\+*$/)
    }
  })

test('a key that lost its line ends or was indented is read as well', () => {
  const key = newKey('ed25519')
  const [line] = hostLines().filter((one) => one.includes(' ssh-ed25519 '))
  assert.ok(line !== undefined)
  for (const end of ['\\n', '\\r\\n', '\r\n', ' ', '\n    ', '  \n']) {
    const text = key.text.replaceAll('\n', end)
    const redact = redactor([{ text }])
    assert.equal(redact(line), line, JSON.stringify(end))
    assert.ok(
      secretRuns(key).every((run) => redact(run) === '***'),
      JSON.stringify(end),
    )
  }
})

test('the lengths between the numbers of a key are no secret: the modulus of a host key has one as well', () => {
  // The primes of 4096 bits have 2048.
  const redact = redactor([{ text: newKey('rsa', 4096).text }])
  for (let i = 0; i < 20; i += 1) for (const line of hostLines()) assert.equal(redact(line), line)
  for (const before of [0, 1, 2]) {
    const begin = Buffer.concat([Buffer.alloc(before, 'x'), Buffer.from([0, 0, 1, 1, 0])])
      .toString('base64')
      .replace(/=+$/, '')
    assert.equal(redact(`${begin}AAAAAAAA`), `${begin}AAAAAAAA`)
  }
})

test('the short last line of a key is hidden with the line before it, and not by itself', () => {
  const key = '-----BEGIN PRIVATE KEY-----\nq8JxT2mVb7Lw3ZkR5nYc\nQw==\n-----END PRIVATE KEY-----\n'
  assert.equal(redactor([{ text: key }])('AAAAQw== R5nYc\nQw=='), 'AAAAQw== ***')
  assert.ok(!secretForms(key).includes('Qw=='))
  assert.equal(redactor([{ text: 'first line\nQw==' }])('AAAAQw=='), 'AAAA***')
})

test('the headers of an encrypted key are ordinary words', () => {
  const redact = redactor([{ text: newKey('rsa', 1024).pem({ type: 'pkcs1', cipher: 'aes-128-cbc' }) }])
  for (const text of ['the key is encrypted', 'aes-128-cbc,aes256-ctr', 'Proc-Type: 4,ENCRYPTED']) assert.equal(redact(text), text)
})

test('a body that nobody can read is secret as a whole', () => {
  const key = newKey('ed25519').text
  const cut = key.split('\n').toSpliced(3, 1).join('\n')
  const several = Buffer.from(key.replaceAll(/-----[A-Z ]+-----/g, ''), 'base64')
  several.writeUInt32BE(2, several.indexOf('none') + 16)
  const two = `-----BEGIN OPENSSH PRIVATE KEY-----\n${several
    .toString('base64')
    .match(/.{1,70}/g)
    ?.join('\n')}\n-----END OPENSSH PRIVATE KEY-----\n`
  for (const text of [cut, two, key.replace('b3BlbnNzaC1r', 'b3BlbnNzaC1s')]) {
    const [, first = '', second = ''] = text.split('\n')
    assert.equal(redactor([{ text }])(`${first} ${second}`), '***')
  }
})

test('an upload without known-hosts shows the whole line, with a key for the account', () => {
  for (const { line, blob } of hostKeys()) {
    const { text } = newKey('ed25519')
    const { host, out } = printingHost({ 'private-key': text, username: 'tester' })
    const trust = { host: '127.0.0.1', port: 23022, knownHosts: parseKnownHosts(''), pins: [] }
    assert.throws(
      () => verifyHostKey(blob, trust),
      (error: unknown) => {
        assert.ok(error instanceof TransferError)
        host.error([error.message, error.hint ?? ''])
        return true
      },
    )
    assert.ok(out.join('\n').includes(`add this line to known-hosts: ${line}`), out.join('\n'))
  }
})

test('a digest in hex is no piece of a secret, sixteen digits of one are', () => {
  const redact = redactor([{ text: 'correct horse battery' }])
  const hex = Buffer.from('correct horse battery').toString('hex')
  assert.equal(redact(hex.slice(4, 19)), hex.slice(4, 19))
  assert.equal(redact(hex.slice(4, 20)), '***')
})

test('ordinary text stays as it is, escapes and all', () => {
  const redact = redactor([{ text: 'correct horse battery', username: 'bob' }])
  for (const text of ['', 'STOR a%20b.bin: 553 "denied" & \\ done', 'https://host/ä/%C3%A4?x=1+2', '\ud800 lone', 'correct'])
    assert.equal(redact(text), text)
  assert.equal(redactor([])('anything'), 'anything')
})

test('no form that the runner masks is left by the redaction', () => {
  fc.assert(
    fc.property(fc.string({ minLength: 4, maxLength: 30 }), fc.string({ maxLength: 10 }), around, (given, username, text) => {
      fc.pre(given.trim().length >= 4 && !given.includes('*'))
      const redact = redactor([{ text: given, username }])
      for (const form of secretForms(given, username)) {
        const clean = redact(`${text} ${form} ${text}`)
        assert.ok(!clean.includes(form), JSON.stringify({ given, form, clean }))
      }
    }),
  )
})
