import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { TransferError } from '../../src/core/errors.ts'
import { baseName, directoryName, joinPath, partialName } from '../../src/core/paths.ts'
import { isPrivateAddress, isPrivateHost } from '../../src/remotes/http/addresses.ts'
import { protocol } from '../../src/remotes/http/index.ts'
import { decodePath, wirePath } from '../../src/remotes/http/location.ts'
import type { Credentials } from '../../src/remotes/remote.ts'

const NOBODY: Credentials = { headers: new Map(), fingerprints: [], tlsVerify: true }
const HEX = 'ab'.repeat(32)

function faultsOf(url: string, credentials: Partial<Credentials>): string {
  try {
    protocol.parse(new URL(url), { ...NOBODY, ...credentials })
  } catch (error) {
    assert.ok(error instanceof TransferError && error.kind === 'invalid-input')
    return error.message
  }
  return ''
}

describe('http config', () => {
  test('userinfo becomes basic authentication and leaves the URL, as does the fragment', () => {
    const config = protocol.parse(new URL('https://us%65r:p%40ss@example.org/a?b#c'), NOBODY)
    assert.equal(config.url.href, 'https://example.org/a?b')
    assert.deepEqual(config.headers, { authorization: `Basic ${Buffer.from('user:p@ss').toString('base64')}` })
  })

  test('inputs go before userinfo; umlauts are UTF-8', () => {
    const config = protocol.parse(new URL('https://a:b@example.org/'), { ...NOBODY, username: 'jö', password: 'ß' })
    assert.equal(config.headers.authorization, `Basic ${Buffer.from('jö:ß').toString('base64')}`)
  })

  test('a token is a bearer', () => {
    assert.equal(protocol.parse(new URL('https://example.org/'), { ...NOBODY, token: 'abc.def' }).headers.authorization, 'Bearer abc.def')
  })

  test('every fault is listed, one a line', () => {
    const message = faultsOf('https://example.org/', {
      token: 'a b',
      password: 'x',
      headers: new Map([
        ['Range', 'bytes=0-1'],
        ['If-Range', '"x"'],
        ['Content-Length', '1'],
        ['Host', 'x'],
        ['Transfer-Encoding', 'chunked'],
        ['Accept-Encoding', 'gzip'],
        ['bad name', 'x'],
        ['X-Split', 'a\r\nX-Other: b'],
      ]),
      fingerprints: ['nonsense'],
      tlsCa: 'no certificate',
    })
    for (const word of ['Range', 'If-Range', 'Content-Length', 'Host', 'Transfer-Encoding', 'Accept-Encoding', 'bad name', 'X-Split']) {
      assert.ok(message.includes(word), word)
    }
    assert.match(message, /token: give either/)
    assert.match(message, /token: holds characters/)
    assert.match(message, /nonsense/)
    assert.match(message, /tls-ca/)
    assert.equal(message.split('\n').length, 12)
  })

  test('authorization cannot be given twice; a colon in the name is refused', () => {
    assert.match(faultsOf('https://example.org/', { token: 'x', headers: new Map([['authorization', 'y']]) }), /twice/)
    assert.match(faultsOf('https://example.org/', { username: 'a:b', password: 'c' }), /colon/)
  })

  test('pins in every spelling are the same pin', () => {
    const spellings = [
      HEX,
      HEX.toUpperCase(),
      HEX.match(/../g)?.join(':') ?? '',
      Buffer.from(HEX, 'hex').toString('base64'),
      `SHA256:${Buffer.from(HEX, 'hex').toString('base64').replace('=', '')}`,
    ]
    assert.deepEqual(
      protocol.parse(new URL('https://example.org/'), { ...NOBODY, fingerprints: spellings }).tls.pins,
      spellings.map(() => HEX),
    )
  })
})

describe('http paths', () => {
  const onWire = (path: string): string => {
    const { pathname, search } = wirePath(path)
    return pathname + search
  }

  test('a URL is sent as it was given', () => {
    for (const path of [
      '/',
      '/a/b',
      '/a%20b/c%2Fd',
      '/g%2B%2B/g++',
      '/%c3%a9/%C3%A9',
      '/%FF%fe',
      '/100%',
      '/a%25',
      '/%10%41%1041',
      "/~u/!$&'()*+,;=:@",
      '/a[1]|b',
      '/dir/',
      '/x?y=a/b/c&z=%2F',
      '/deep/x?y=a/b',
      '//double//slash',
      '/a%3Fb%23c',
    ]) {
      assert.equal(onWire(protocol.locate(new URL(`https://example.org${path}`))), path, path)
    }
  })

  test('what joins is decoded: plain names keep their meaning', () => {
    assert.equal(protocol.locate(new URL('https://example.org/a%20b/%C3%BC%3F.bin')), '/a b/ü?.bin')
    for (const [name, wire] of [
      ['100%25.bin', '100%2525.bin'],
      ['a#b?c', 'a%23b%3Fc'],
      ['a b', 'a%20b'],
      ['ü', '%C3%BC'],
      ['a\\b', 'a%5Cb'],
      ['[1]', '%5B1%5D'],
    ] as const) {
      assert.equal(onWire(joinPath('/d', name)), `/d/${wire}`)
    }
  })

  test('a query stays out of names and with the siblings', () => {
    const path = protocol.locate(new URL('https://example.org/dir/file.bin?sig=a/b&x=1'))
    assert.equal(baseName(path), 'file.bin')
    const partial = joinPath(directoryName(path), partialName(baseName(path), '0123456789ab'))
    assert.equal(onWire(partial), '/dir/.file.bin.0123456789ab.partial?sig=a/b&x=1')
    assert.equal(onWire(joinPath(directoryName(protocol.locate(new URL('https://example.org/f?q'))), 'g')), '/g?q')
  })

  test('names of a listing compare with file names', () => {
    assert.equal(decodePath('/d/a%20b%25.bin'), '/d/a b%.bin')
  })

  test('encoded line breaks, NUL and dot segments are refused', () => {
    for (const path of ['/a%0Ab', '/a%0db', '/a%00', '/a?b=%0a']) {
      assert.throws(() => protocol.locate(new URL(`https://example.org${path}`)), { kind: 'invalid-input' })
    }
    assert.throws(() => wirePath('/a/../b'), { kind: 'invalid-input' })
  })
})

describe('private addresses', () => {
  test('loopback, private, link-local and their disguises', () => {
    for (const address of [
      '127.0.0.1',
      '127.9.9.9',
      '10.1.2.3',
      '172.31.0.1',
      '192.168.1.1',
      '169.254.169.254',
      '100.64.0.1',
      '0.0.0.0',
      '::1',
      '::',
      'fe80::1',
      'fe80::1%eth0',
      'fd00::1',
      '::ffff:127.0.0.1',
      '::ffff:10.0.0.1',
      '64:ff9b::7f00:1',
      '[::1]',
      'not-an-address',
    ]) {
      assert.equal(isPrivateAddress(address), true, address)
    }
    for (const address of ['1.1.1.1', '172.32.0.1', '2606:4700::1111', '::ffff:8.8.8.8'])
      assert.equal(isPrivateAddress(address), false, address)
  })

  test('hosts of URLs, as the URL parser writes them', () => {
    for (const host of ['http://2130706433/', 'http://0x7f.1/', 'http://localhost./', 'http://a.localhost/', 'http://[::ffff:7f00:1]/']) {
      assert.equal(isPrivateHost(new URL(host).hostname), true, host)
    }
    assert.equal(isPrivateHost('example.org'), false)
  })
})
