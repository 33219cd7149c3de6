import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHmac, randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { TransferError } from '../../src/core/errors.ts'
import { hostKeyAlgorithms, pinOf, verifyHostKey } from '../../src/remotes/sftp/host-key.ts'
import { linesFor, parseKnownHosts } from '../../src/remotes/sftp/known-hosts.ts'

function blob(type: string, seed = 1): Buffer {
  const name = Buffer.from(type)
  const length = Buffer.alloc(4)
  length.writeUInt32BE(name.length)
  return Buffer.concat([length, name, Buffer.from([0, 0, 0, 32]), Buffer.alloc(32, seed)])
}

const ED = blob('ssh-ed25519')
const OTHER = blob('ssh-ed25519', 2)
const RSA = blob('ssh-rsa', 3)
const line = (hosts: string, key = ED, type = 'ssh-ed25519'): string => `${hosts} ${type} ${key.toString('base64')}`

function hashed(name: string): string {
  const salt = randomBytes(20)
  return `|1|${salt.toString('base64')}|${createHmac('sha1', salt).update(name).digest('base64')}`
}

const matchTable: readonly (readonly [hosts: string, host: string, port: number, matches: boolean])[] = [
  ['example.com', 'example.com', 22, true],
  ['EXAMPLE.com', 'example.com', 22, true],
  ['example.com', 'example.org', 22, false],
  ['example.com', 'a.example.com', 22, false],
  ['example.com,192.0.2.1', '192.0.2.1', 22, true],
  ['[example.com]:2222', 'example.com', 2222, true],
  ['[example.com]:2222', 'example.com', 2223, false],
  ['[example.com]:2222', 'example.com', 22, false],
  ['[example.com]:2222,[192.0.2.1]:2222', '192.0.2.1', 2222, true],
  ['example.com', 'example.com', 2222, true],
  ['*.example.com', 'a.b.example.com', 22, true],
  ['*.example.com', 'example.com', 22, false],
  ['host?', 'host1', 22, true],
  ['host?', 'host', 22, false],
  ['host?', 'host12', 22, false],
  ['*.example.com,!bad.example.com', 'bad.example.com', 22, false],
  ['!bad.example.com,*.example.com', 'bad.example.com', 22, false],
  ['!bad.example.com,*.example.com', 'good.example.com', 22, true],
  ['*', 'anything', 22, true],
  ['[*]:2222', 'anything', 2222, true],
  ['::1', '::1', 22, true],
  ['[::1]:2222', '::1', 2222, true],
  [hashed('example.com'), 'example.com', 22, true],
  [hashed('example.com'), 'example.org', 22, false],
  [hashed('[example.com]:2222'), 'example.com', 2222, true],
  [hashed('[example.com]:2222'), 'example.com', 22, false],
]

describe('known_hosts', () => {
  for (const [hosts, host, port, matches] of matchTable) {
    test(`${hosts} ${matches ? 'matches' : 'does not match'} ${host}:${port}`, () => {
      const known = parseKnownHosts(line(hosts))
      assert.deepEqual(known.faults, [])
      assert.equal(linesFor(known, host, port).length, matches ? 1 : 0)
    })
  }

  test('a line that names the port comes before one that does not', () => {
    const known = parseKnownHosts([line('example.com', OTHER), line('[example.com]:2222')].join('\n'))
    assert.deepEqual(
      linesFor(known, 'example.com', 2222).map((l) => l.number),
      [2],
    )
  })

  test('comments, blank lines, CRLF, tabs and trailing comments are fine', () => {
    const known = parseKnownHosts(
      `# example.com:22 SSH-2.0-OpenSSH_9.2p1\r\n\r\n\t${line('example.com').replaceAll(' ', '\t')}\tdeploy key of 2024\r\n`,
    )
    assert.deepEqual(known.faults, [])
    assert.equal(linesFor(known, 'example.com', 22)[0]?.number, 3)
  })

  test('a pattern of many stars ends quickly', () => {
    assert.equal(linesFor(parseKnownHosts(line(`${'*a'.repeat(50)}b`)), 'a'.repeat(200), 22).length, 0)
  })

  test('every malformed line is named by its number', () => {
    const bad = [
      'example.com ssh-ed25519',
      `ssh-ed25519 ${ED.toString('base64')}`,
      `@unknown ${line('example.com')}`,
      'example.com ssh-ed25519 not*base64*at*all*not*base64*at*all',
      `example.com ssh-rsa ${ED.toString('base64')}`,
      line('|1|AAAA|BBBB'),
      `${line('example.com').slice(0, -9)}`,
      'example.com 2048 65537 1234567890123456789012345678901234567890',
    ]
    const known = parseKnownHosts([line('example.com'), ...bad].join('\n'))
    assert.equal(known.lines.length, 1)
    assert.deepEqual(
      known.faults.map((fault) => /^known-hosts line (\d+): /.exec(fault)?.[1]),
      bad.map((_, i) => String(i + 2)),
    )
    for (const fault of known.faults) assert.ok(!fault.includes(ED.toString('base64').slice(0, 30)))
  })

  test('agrees with ssh-keygen about hashed files', () => {
    const directory = mkdtempSync(join(tmpdir(), 'rt-known-hosts-'))
    const file = join(directory, 'known_hosts')
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', '', '-f', join(directory, 'key')])
    const key = readFileSync(join(directory, 'key.pub'), 'utf8').trim()
    writeFileSync(file, `example.com,192.0.2.7 ${key}\n[example.com]:2222 ${key}\n`)
    execFileSync('ssh-keygen', ['-q', '-H', '-f', file], { stdio: 'ignore' })
    const text = readFileSync(file, 'utf8')
    assert.ok(!text.includes('example.com'))
    const known = parseKnownHosts(text)
    assert.deepEqual(known.faults, [])
    for (const [host, port] of [
      ['example.com', 22],
      ['192.0.2.7', 22],
      ['example.com', 2222],
    ] as const)
      assert.equal(linesFor(known, host, port).length, 1, `${host}:${port}`)
    const printed = execFileSync('ssh-keygen', ['-lf', join(directory, 'key.pub')], { encoding: 'utf8' }).split(' ')[1]
    assert.equal(pinOf(Buffer.from(key.split(' ')[1] ?? '', 'base64')), printed)
    rmSync(directory, { recursive: true })
  })
})

describe('host key', () => {
  const verify = (key: Buffer, text: string, pins: readonly string[] = [], port = 22): string => {
    try {
      verifyHostKey(key, { host: 'example.com', port, knownHosts: parseKnownHosts(text), pins })
      return 'trusted'
    } catch (error) {
      assert.ok(error instanceof TransferError && error.kind === 'untrusted', String(error))
      assert.ok(error.message.includes(pinOf(key)), 'prints the offered pin')
      assert.ok(
        error.hint?.includes(`${port === 22 ? 'example.com' : `[example.com]:${port}`} ssh-ed25519 ${key.toString('base64')}`),
        error.hint,
      )
      return error.message
    }
  }

  test('is trusted by a line, a pin, or one of several', () => {
    assert.equal(verify(ED, line('example.com')), 'trusted')
    assert.equal(verify(ED, [line('example.com', OTHER), line('example.com')].join('\n')), 'trusted')
    assert.equal(verify(ED, '', [pinOf(OTHER), pinOf(ED)]), 'trusted')
    assert.equal(verify(ED, line('example.com', OTHER), [pinOf(ED)]), 'trusted')
  })

  test('is untrusted without a word about the host, with another key, or with a marker only', () => {
    assert.match(verify(ED, ''), /neither known-hosts nor fingerprint/)
    assert.match(verify(ED, '', [], 2222), /neither known-hosts nor fingerprint/)
    assert.match(verify(ED, line('example.org')), /no line for example\.com/)
    assert.match(verify(ED, line('example.com', OTHER)), /not the one in known-hosts/)
    assert.match(verify(ED, '', [pinOf(OTHER)]), /none of the given fingerprints/)
    assert.match(verify(ED, `@cert-authority ${line('*.com', OTHER)}`), /@cert-authority is not supported/)
    assert.equal(verify(ED, [`@cert-authority ${line('*.com', OTHER)}`, line('example.com')].join('\n')), 'trusted')
  })

  test('a revoked key is refused whatever else says', () => {
    assert.match(verify(ED, [line('example.com'), `@revoked ${line('*')}`].join('\n'), [pinOf(ED)]), /@revoked/)
  })

  test('known key types are asked for first, and all others after them', () => {
    const trust = (text: string) => ({ host: 'example.com', port: 22, knownHosts: parseKnownHosts(text), pins: [] })
    assert.equal(hostKeyAlgorithms(trust(''))[0], 'ssh-ed25519')
    assert.deepEqual(hostKeyAlgorithms(trust(line('example.com', RSA, 'ssh-rsa'))).slice(0, 4), [
      'rsa-sha2-512',
      'rsa-sha2-256',
      'ssh-rsa',
      'ssh-ed25519',
    ])
    assert.equal(new Set(hostKeyAlgorithms(trust(line('example.com', RSA, 'ssh-rsa')))).size, hostKeyAlgorithms(trust('')).length)
  })
})
