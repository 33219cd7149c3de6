/** The one command that is run on servers, in the shells and with the tools of this machine; and how its answers are read. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { COMMAND, digestIn, requestFor } from '../../src/remotes/sftp/shell-script.ts'
import { NASTY_NAMES } from '../support/nasty-names.ts'
import { seededBytes } from '../support/prng.ts'

const CONTENT = Buffer.from(seededBytes(11, 200_003))
const RANGES = [
  { start: 0, end: CONTENT.length },
  { start: 0, end: 65_537 },
  { start: 70_001, end: 190_000 },
  { start: 199_999, end: CONTENT.length },
]

function found(command: string): string | null {
  return (
    (process.env.PATH ?? '')
      .split(':')
      .map((folder) => join(folder, command))
      .find((path) => existsSync(path)) ?? null
  )
}

function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** A folder to stand alone on PATH. */
function toolbox(t: TestContext, tools: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'rt-toolbox-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  for (const [name, target] of Object.entries(tools)) {
    if (target.startsWith('#!')) {
      writeFileSync(join(folder, name), target)
      chmodSync(join(folder, name), 0o755)
    } else symlinkSync(target, join(folder, name))
  }
  return folder
}

interface Place {
  readonly home: string
  readonly path: string
}

function place(t: TestContext): Place {
  const home = mkdtempSync(join(tmpdir(), 'rt-shell-'))
  t.after(() => rmSync(home, { recursive: true, force: true }))
  return { home, path: process.env.PATH ?? '' }
}

/** As sshd runs it: the login shell gets the constant line, the rest comes in on standard input. */
function ask({ home, path }: Place, request: Buffer, login = '/bin/sh'): { readonly digest: string | null; readonly words: string } {
  const run = spawnSync(login, ['-c', COMMAND], { cwd: home, input: request, env: { PATH: path, HOME: home } })
  const words = `${run.stdout.toString('latin1')}${run.stderr.toString('latin1')}`
  return { digest: run.status === 0 && run.stderr.length === 0 ? digestIn(run.stdout, request) : null, words }
}

describe('the command for digests', { skip: process.platform === 'win32' ? 'a command for servers with a POSIX shell' : false }, () => {
  test('one line without anything that csh, tcsh or fish reads otherwise, and short enough for all of them', () => {
    const script = /^exec sh -c '([^']*)'$/.exec(COMMAND)?.[1]
    assert.ok(script !== undefined)
    assert.doesNotMatch(script, /[\n\r!\\']/)
    assert.ok(COMMAND.length < 1000, `${COMMAND.length}`)
  })

  for (const shell of ['dash', 'bash', 'busybox', 'mksh', 'ksh', 'zsh', 'yash']) {
    test(`${shell} as sh: every way of asking, every name`, (t) => {
      const at = found(shell)
      if (at === null) return t.skip(`${shell} is not on this machine`)
      const where = place(t)
      const inside = { ...where, path: `${toolbox(t, { sh: at })}:${where.path}` }
      writeFileSync(join(where.home, 'file'), CONTENT)
      for (const range of RANGES) {
        const answer = ask(inside, requestFor('file', range, CONTENT.length))
        assert.equal(answer.digest, digestOf(CONTENT.subarray(range.start, range.end)), `${range.start}-${range.end}: ${answer.words}`)
      }
      everyName(inside, join(where.home, 'names'))
    })
  }

  for (const login of ['bash', 'tcsh', 'fish', 'zsh', 'mksh', 'ksh']) {
    test(`${login} as login shell passes the line on as it is`, (t) => {
      const at = found(login)
      if (at === null) return t.skip(`${login} is not on this machine`)
      const where = place(t)
      writeFileSync(join(where.home, 'file'), CONTENT)
      const range = { start: 70_001, end: 190_000 }
      const answer = ask(where, requestFor('file', range, CONTENT.length), at)
      assert.equal(answer.digest, digestOf(CONTENT.subarray(range.start, range.end)), answer.words)
    })
  }

  const system = (names: readonly string[]): Record<string, string> => Object.fromEntries(names.map((name) => [name, found(name) ?? name]))
  const tools: Readonly<Record<string, (t: TestContext) => Record<string, string> | null>> = {
    openssl: () => system(['openssl']),
    sha256sum: () => system(['sha256sum']),
    'shasum -a 256': () => system(['shasum', 'perl']),
    'sha256 -q': () => ({
      ...system(['cut', 'sha256sum-real']),
      sha256: `#!/bin/sh\n[ "$1" = -q ] && ${found('sha256sum')} | ${found('cut')} -c 1-64\n`,
    }),
    'busybox sha256sum': () => system(['busybox']),
    LibreSSL: () => ({ openssl: `#!/bin/sh\nprintf 'SHA256(stdin)= %s\\n' "$(${found('sha256sum')} | ${found('cut')} -c 1-64)"\n` }),
    'openssl 1.0': () => ({ openssl: `#!/bin/sh\nprintf '(stdin)= %s\\n' "$(${found('sha256sum')} | ${found('cut')} -c 1-64)"\n` }),
    'a broken openssl and sha256sum': () => ({ openssl: '#!/bin/sh\necho Error >&2\nexit 1\n', ...system(['sha256sum']) }),
  }
  for (const [name, only] of Object.entries(tools)) {
    test(`a server that only has ${name}`, (t) => {
      const made = only(t)
      const missing = ['sha256sum', ...name.split(' ').slice(0, 1)].find(
        (tool) => /^(openssl|sha256sum|shasum|busybox)$/.test(tool) && found(tool) === null,
      )
      if (made === null || missing !== undefined) return t.skip(`${missing} is not on this machine`)
      const where = place(t)
      const alone = { ...where, path: toolbox(t, { ...system(['sh', 'head', 'tail']), ...made }) }
      writeFileSync(join(where.home, 'file'), CONTENT)
      for (const range of RANGES) {
        const answer = ask(alone, requestFor('file', range, CONTENT.length))
        assert.equal(answer.digest, digestOf(CONTENT.subarray(range.start, range.end)), `${range.start}-${range.end}: ${answer.words}`)
      }
    })
  }

  test('nothing is believed of a server without any tool, without the file, or whose tool fails in the middle', (t) => {
    const where = place(t)
    const bare = (more: Record<string, string>): Place => ({ ...where, path: toolbox(t, { ...system(['sh', 'head', 'tail']), ...more }) })
    writeFileSync(join(where.home, 'file'), CONTENT)
    const request = requestFor('file', { start: 5, end: 10 }, CONTENT.length)
    assert.equal(ask(bare({}), request).digest, null)
    assert.equal(ask(where, requestFor('missing', { start: 0, end: 10 }, 10)).digest, null)
    assert.equal(ask(where, requestFor('missing', { start: 5, end: 10 }, 20)).digest, null)
    const failing = `#!/bin/sh\n${found('sha256sum')}\nexit 1\n`
    assert.equal(ask(bare({ sha256sum: failing }), request).digest, null)
    assert.equal(ask(bare({ sha256sum: found('sha256sum') ?? '', head: '#!/bin/sh\nexit 1\n' }), request).digest, null)
  })
})

/** Each beside what a shell that reads names would find instead: a trimmed one, an expanded one. */
function everyName(where: Place, folder: string): void {
  mkdirSync(folder)
  const decoy = Buffer.from('another file')
  for (const name of ['a', 'b', 'file', '-n', 'x']) writeFileSync(join(folder, name), decoy)
  for (const [index, name] of NASTY_NAMES.entries()) {
    const content = Buffer.from(`content ${index}`)
    writeFileSync(join(folder, name), content)
    const path = index % 2 === 0 ? join(folder, name) : `names/${name}`
    const answer = ask(where, requestFor(path, { start: 0, end: content.length }, content.length))
    assert.equal(answer.digest, digestOf(content), `${JSON.stringify(name)}: ${answer.words}`)
  }
  const left = readdirSync(where.home).filter((name) => !['names', 'file'].includes(name))
  assert.deepEqual(left, [], 'a name was run')
}

describe('the answer to it', () => {
  const request = requestFor('a b', { start: 0, end: 9 }, 9)
  const part = requestFor('/srv/x', { start: 3, end: 9 }, 9)
  const hex = 'a1'.repeat(32)
  const right = `path ./a b\n${hex}  -\nsum 0\n`

  test('is read when it is exactly as asked', () => {
    assert.equal(digestIn(Buffer.from(right), request), hex)
    assert.equal(digestIn(Buffer.from(`path /./srv/x\nread 0\nSHA2-256(stdin)= ${hex}\nsum 0\n`), part), hex)
  })

  const wrong: Readonly<Record<string, string>> = {
    nothing: '',
    'another path': right.replace('a b', 'a  b'),
    'a path that was trimmed': right.replace('./a b', './a'),
    'a greeting before it': `Welcome!\n${right}`,
    'a farewell after it': `${right}logout\n`,
    'no end': right.slice(0, -1),
    'the status of a tool that failed': right.replace('sum 0', 'sum 1'),
    'two digests': right.replace('sum 0', `${hex}  -\nsum 0`),
    'a digest of another length': right.replace(hex, hex.slice(2)),
    'capital letters': right.replace(hex, hex.toUpperCase()),
    'a prompt': `$ ${right}`,
    'CR before LF': right.replaceAll('\n', '\r\n'),
    'the status of a pipe where there is none': right.replace(`${hex}`, `read 0\n${hex}`),
  }
  for (const [name, answer] of Object.entries(wrong))
    test(`is nothing with ${name}`, () => assert.equal(digestIn(Buffer.from(answer), request), null))

  test('of a part is nothing without the status of its reading', () => {
    assert.equal(digestIn(Buffer.from(`path /./srv/x\n${hex}  -\nsum 0\n`), part), null)
    assert.equal(digestIn(Buffer.from(`path /./srv/x\nread 1\n${hex}  -\nsum 0\n`), part), null)
  })

  test('a name with a line break is refused and nothing is asked', () => {
    for (const name of ['a\nb', 'a\rb', 'a\0b']) assert.throws(() => requestFor(name, { start: 0, end: 1 }, 1), { kind: 'unsupported' })
  })
})
