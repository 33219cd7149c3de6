import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { TransferError } from '../../src/core/errors.ts'
import { type FtpConfig, protocol } from '../../src/remotes/ftp/index.ts'
import type { Credentials } from '../../src/remotes/remote.ts'

const HEX = '00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff'
const nobody: Credentials = { headers: new Map(), fingerprints: [], tlsVerify: true }

function parse(url: string, credentials: Partial<Credentials> = {}): FtpConfig {
  return protocol.parse(new URL(url), { ...nobody, ...credentials })
}

function faults(action: () => unknown): string[] {
  try {
    action()
  } catch (error) {
    assert.ok(error instanceof TransferError && error.kind === 'invalid-input', String(error))
    return error.message.split('\n')
  }
  return []
}

describe('FTP configuration', () => {
  test('schemes and ports decide about TLS', () => {
    const cases: [string, FtpConfig['tls'], number][] = [
      ['ftp://h/', 'none', 21],
      ['ftp://h:2121/', 'none', 2121],
      ['ftps://h/', 'explicit', 21],
      ['ftps://h:2121/', 'explicit', 2121],
      ['ftps://h:990/', 'implicit', 990],
      ['ftps-implicit://h/', 'implicit', 990],
      ['ftps-implicit://h:2121/', 'implicit', 2121],
      ['ftp://h:990/', 'none', 990],
    ]
    for (const [url, tls, port] of cases) {
      const config = parse(url)
      assert.deepEqual([config.tls, config.port], [tls, port], url)
    }
    assert.deepEqual([...protocol.schemes].sort(), ['ftp:', 'ftps-implicit:', 'ftps:'])
  })

  test('hosts lose their brackets and their capitals', () => {
    assert.equal(parse('ftps://[::1]:21/').host, '::1')
    assert.equal(parse('ftps://EXAMPLE.com/').host, 'example.com')
    assert.equal(parse('ftps://b%C3%BCcher.example/').host, 'xn--bcher-kva.example')
  })

  test('credentials come from the inputs, else the URL, else they are anonymous', () => {
    assert.deepEqual(login(parse('ftp://a%40b:c%3Ad@h/')), ['a@b', 'c:d'])
    assert.deepEqual(login(parse('ftp://a:b@h/', { username: 'u', password: 'p' })), ['u', 'p'])
    assert.deepEqual(login(parse('ftp://h/')), ['anonymous', 'anonymous@'])
    assert.deepEqual(login(parse('ftp://h/', { username: 'u' })), ['u', ''])
    assert.deepEqual(login(parse('ftp://h/', { username: 'anonymous', password: 'me@example.com' })), ['anonymous', 'me@example.com'])
  })

  test('a password without a user name is a fault, and no anonymous login', () => {
    for (const bad of [
      () => parse('ftp://h/', { password: 'very-secret' }),
      () => parse('ftps://:very-secret@h/'),
      () => parse('ftp://h/', { username: '', password: 'very-secret' }),
    ]) {
      const [found = '', ...more] = faults(bad)
      assert.match(found, /without a user name \(input username/)
      assert.deepEqual([more, found.includes('very-secret')], [[], false])
    }
    assert.deepEqual(login(parse('ftp://h/', { password: '' })), ['anonymous', 'anonymous@'])
  })

  test('pins are SHA-256 in hex, with or without colons, or base64', () => {
    const base64 = Buffer.from(HEX, 'hex').toString('base64')
    const colons = (HEX.match(/../g) ?? []).join(':').toUpperCase()
    const config = parse('ftps://h/', { fingerprints: [HEX, colons, base64, `SHA256:${base64.replace('=', '')}`] })
    assert.deepEqual(config.pins, [HEX, HEX, HEX, HEX])
  })

  test('all faults are told at once, and no secret is among them', () => {
    const found = faults(() =>
      parse('ftps://h:0/a?b#c', { username: 'a\nb', password: 'very-secret\r\n', fingerprints: ['xyz'], tlsCa: 'nonsense' }),
    )
    assert.equal(found.length, 7, found.join('\n'))
    assert.doesNotMatch(found.join('\n'), /very-secret/)
    assert.equal(faults(() => parse('ftp://h/%0d%0aDELE%20x')).length, 1)
    assert.equal(faults(() => parse('ftp://h/%ff')).length, 1)
    assert.equal(faults(() => parse('ftps:///path')).length, 1)
  })

  test('paths are login-relative with one slash and absolute with two, decoded once', () => {
    const cases: [string, string][] = [
      ['ftp://h/a/b.bin', 'a/b.bin'],
      ['ftp://h//a/b.bin', '/a/b.bin'],
      ['ftps://h/%2Fa/b.bin', '/a/b.bin'],
      ['ftp://h/', ''],
      ['ftp://h', ''],
      ['ftp://h//', '/'],
      ['ftps://h/100%2525%20%23%3F.bin', '100%25 #?.bin'],
    ]
    for (const [url, path] of cases) assert.equal(protocol.locate(new URL(url)), path, url)
    for (const bad of ['ftp://h/a%0Ab', 'ftp://h/a%0Db', 'ftp://h/a%00b', 'ftp://h/a%zz', 'ftp://h/a?b']) {
      assert.equal(faults(() => protocol.locate(new URL(bad))).length, 1, bad)
    }
  })
})

function login(config: FtpConfig): [string, string] {
  return [config.username, config.password]
}
