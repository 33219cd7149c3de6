import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { TransferError } from '../../src/core/errors.ts'
import type { Credentials } from '../../src/remotes/remote.ts'
import { protocol } from '../../src/remotes/sftp/index.ts'

const PIN = `SHA256:${'A'.repeat(42)}w`
const base: Credentials = { username: 'me', password: 'secret-pass', headers: new Map(), fingerprints: [PIN], tlsVerify: true }

function faults(url: string, credentials: Partial<Credentials> = {}): string[] {
  try {
    protocol.parse(new URL(url), { ...base, ...credentials })
  } catch (error) {
    assert.ok(error instanceof TransferError && error.kind === 'invalid-input', String(error))
    assert.ok(!error.message.includes('secret-pass'))
    return error.message.split('\n')
  }
  return []
}

describe('sftp config', () => {
  test('takes host, port and login from the URL, decoded once; inputs come first', () => {
    const { username: _u, password: _p, ...rest } = base
    const config = protocol.parse(new URL('sftp://d%40ploy:p%3Ass%2541@EXAMPLE.com:2222/x'), rest)
    assert.deepEqual([config.host, config.port, config.username, config.password], ['example.com', 2222, 'd@ploy', 'p:ss%41'])
    assert.equal(protocol.parse(new URL('sftp://other@example.com/x'), base).username, 'me')
    assert.equal(protocol.parse(new URL('sftp://example.com/x'), base).port, 22)
    assert.equal(protocol.parse(new URL('sftp://[::1]:2222/x'), base).host, '::1')
  })

  test('pins are taken with and without padding', () => {
    const config = protocol.parse(new URL('sftp://h/x'), { ...base, fingerprints: [PIN, ` ${PIN}= `] })
    assert.deepEqual(config.trust.pins, [PIN, PIN])
  })

  test('every fault is told at once, one a line', () => {
    const { username: _u, password: _p, ...rest } = base
    const found = (() => {
      try {
        protocol.parse(new URL('sftp://h:0/a%0Ab'), {
          ...rest,
          fingerprints: ['MD5:00:11', PIN, 'AA:BB'],
          knownHosts: '\nexample.com nonsense\n',
        })
      } catch (error) {
        return String(error instanceof TransferError ? error.message : error).split('\n')
      }
      return []
    })()
    assert.equal(found.length, 7, found.join('\n'))
    for (const part of [
      'port 0',
      'username',
      'password or a private-key',
      'known-hosts line 2',
      'fingerprint 1',
      'fingerprint 3',
      'line break',
    ])
      assert.ok(
        found.some((fault) => fault.includes(part)),
        part,
      )
  })

  test('a bad private key is a fault even beside a password', () => {
    assert.match(faults('sftp://h/x', { privateKey: 'nonsense' })[0] ?? '', /private-key/)
    assert.deepEqual(faults('sftp://h/x', { password: '', privateKey: 'nonsense' }).length, 1)
  })

  test('bad percent-encodings and unencoded ? and # are named', () => {
    assert.match(faults('sftp://h/a%zz')[0] ?? '', /path in the URL/)
    assert.match(faults('sftp://h/a?b')[0] ?? '', /%3F/)
    assert.match(faults('sftp://h/a#b')[0] ?? '', /%23/)
  })
})

describe('sftp paths', () => {
  const table: readonly (readonly [string, string])[] = [
    ['sftp://h/srv/a.bin', '/srv/a.bin'],
    ['sftp://h/srv/releases/', '/srv/releases/'],
    ['sftp://h', '/'],
    ['sftp://h/', '/'],
    ['sftp://h/~/a/b.bin', 'a/b.bin'],
    ['sftp://h/~/', ''],
    ['sftp://h/~', ''],
    ['sftp://h/~other/x', '/~other/x'],
    ['sftp://h/%7E/x', 'x'],
    ['sftp://h/a%20b%2525%23%3F', '/a b%25#?'],
    ['sftp://h/%C3%BC', '/ü'],
    ['sftp://h/ü', '/ü'],
  ]
  for (const [url, path] of table)
    test(`${url} is ${path || '(the login directory)'}`, () => assert.equal(protocol.locate(new URL(url)), path))

  for (const url of ['sftp://h/a%0Ab', 'sftp://h/a%0Db', 'sftp://h/a%00b', 'sftp://h/%ff'])
    test(`${url} is refused`, () => assert.throws(() => protocol.locate(new URL(url)), { kind: 'invalid-input' }))
})
