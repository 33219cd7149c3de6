/** What FTP servers answer to a look: no single refusal is knowledge, and each way of looking is the second source of the others. */
import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { type FailureKind, TransferError } from '../../src/core/errors.ts'
import { protocol } from '../../src/remotes/ftp/index.ts'
import type { Body, Remote } from '../../src/remotes/remote.ts'
import { type Answers, memoryFtp, TIME } from '../hostile/memory-ftp.ts'
import { type Answer, type ScriptedFtp, startScriptedFtp } from '../servers/scripted-ftp.ts'
import { remotePorts } from '../support/remote-ports.ts'

const never = new AbortController().signal
const silent = { sent: () => undefined, acknowledged: () => undefined }
const CONTENT = Buffer.from('content')
const MACHINE = '211-x\r\n SIZE\r\n MLST type*;size*;modify*;\r\n REST STREAM\r\n211 end'

interface Scene {
  readonly server: ScriptedFtp
  readonly remote: Remote
  readonly files: Map<string, Buffer>
  readonly warnings: string[]
  /** How often a command was sent. */
  count(command: RegExp): number
}

async function scene(t: TestContext, answers: (files: Map<string, Buffer>) => Answers = () => ({}), timeoutMs = 5000): Promise<Scene> {
  const files = new Map<string, Buffer>()
  const server = await startScriptedFtp({ ...memoryFtp(files), ...answers(files) })
  const credentials = { username: 'u', password: 'p', headers: new Map(), fingerprints: [], tlsVerify: true }
  const warnings: string[] = []
  const ports = remotePorts(timeoutMs, { warn: (message) => void warnings.push(message) })
  const remote = await protocol.open(protocol.parse(new URL(`ftp://127.0.0.1:${server.port}/`), credentials), ports, never)
  t.after(async () => {
    await remote.close()
    await server.close()
  })
  return { server, remote, files, warnings, count: (command) => server.commands.filter((line) => command.test(line)).length }
}

async function* body(bytes: Uint8Array): Body {
  yield bytes
}

async function fails(kind: FailureKind, action: Promise<unknown> | undefined): Promise<TransferError> {
  const error: unknown = await action?.then(
    () => assert.fail(`should have failed as ${kind}`),
    (reason: unknown) => reason,
  )
  assert.ok(error instanceof TransferError, String(error))
  assert.equal(error.kind, kind, error.message)
  return error
}

type Acts = Exclude<Answer, string | null>

/** Sends a listing over the data connection. */
function shows(content: string | Buffer): Acts {
  return async (_argument, session) => {
    session.say('150 here')
    const data = await session.data()
    data.end(content, () => session.say('226 done'))
  }
}

const unixLine = (name: string, size: number, mode = '-rw-r--r--'): string => `${mode}   1 ftp ftp ${size} Jan 02  2024 ${name}\r\n`

/** LIST of what there is, with every name. */
const listing =
  (files: ReadonlyMap<string, Buffer>): Answer =>
  (argument, session) => {
    const lines = [unixLine('.', 0, 'drwxr-xr-x'), ...[...files].map(([name, bytes]) => unixLine(name, bytes.length))]
    return shows(lines.join(''))(argument, session)
  }

const create = (remote: Remote, name = 'f'): Promise<void> =>
  remote.writer?.create(name, CONTENT.length, body(CONTENT), silent, never) ?? assert.fail('no writer')

const REFUSALS = [
  '500 what?',
  '502 SIZE not implemented',
  '504 not for this',
  '550 SIZE not allowed',
  '450 not now',
  '213 many',
  '213 7,000',
  '213 7 000',
  '550 no',
]

describe('FTP: a look that is refused', () => {
  for (const refusal of REFUSALS) {
    test(`SIZE: ${refusal}; the listing tells`, async (t) => {
      const { remote, files, count } = await scene(t, (held) => ({ SIZE: refusal, MDTM: refusal, LIST: listing(held) }))
      files.set('f', CONTENT)
      for (let time = 0; time < 2; time += 1) {
        const found = await remote.stat('f', never)
        assert.deepEqual([found?.kind, found?.size], ['file', CONTENT.length])
      }
      assert.equal(await remote.stat('g', never), null)
      assert.equal(count(/^SIZE/), 1, 'what was refused is not asked again')
      assert.ok(count(/^MDTM/) <= 1)
    })

    test(`SIZE: ${refusal}; a new file is as long as the listing says`, async (t) => {
      const { remote, files } = await scene(t, (held) => ({ SIZE: refusal, LIST: listing(held) }))
      await create(remote)
      assert.equal(files.get('f')?.toString(), 'content')
      const lossy = await scene(t, () => ({ SIZE: refusal, LIST: shows(unixLine('f', 3)) }))
      await fails('transient', create(lossy.remote))
    })
  }

  test('is refused only when every way was, and none is tried twice', async (t) => {
    const no = '550 Permission denied.'
    const { remote, files, server } = await scene(t, () => ({ SIZE: no, LIST: no, NLST: no, MLST: no, MLSD: no, FEAT: MACHINE }))
    files.set('f', CONTENT)
    await fails('refused', remote.stat('f', never))
    assert.ok(server.commands.includes('MLST f') && server.commands.includes('NLST'))
    const before = server.commands.length
    const error = await fails('refused', remote.stat('f', never))
    assert.match(error.message, /refused/)
    assert.deepEqual(server.commands.slice(before), ['CWD f'])
  })

  test('a listing that nobody answers is asked for another way the next time', async (t) => {
    const { remote, files, count } = await scene(t, (held) => ({ FEAT: MACHINE, SIZE: '502 no', MLSD: null, LIST: listing(held) }), 700)
    files.set('f', CONTENT)
    await fails('transient', remote.stat('f', never))
    assert.equal((await remote.stat('f', never))?.size, CONTENT.length)
    assert.equal(count(/^MLSD/), 1)
  })

  for (const none of ['226 nothing', null])
    test(`a listing that has never shown anything does not tell what is missing: ${none ?? 'empty'}`, async (t) => {
      const empty: Answer = none ?? shows('')
      const { remote, files } = await scene(t, () => ({ SIZE: '502 no', LIST: empty, NLST: empty }))
      files.set('f', CONTENT)
      await fails('refused', remote.stat('f', never))
      const chunks: Buffer[] = []
      await remote.read('f', { start: 0, end: Number.POSITIVE_INFINITY }, (chunk) => void chunks.push(Buffer.from(chunk)), {}, never)
      assert.equal(Buffer.concat(chunks).toString(), 'content')
    })

  test('takes nothing back of a new file that the server has confirmed', async (t) => {
    for (const no of ['550 Permission denied.', '502 no', '550 no', '450 no']) {
      const { remote, files } = await scene(t, () => ({ SIZE: no, LIST: no, NLST: no }))
      const acknowledged: number[] = []
      await remote.writer?.create('f', 7, body(CONTENT), { ...silent, acknowledged: (total) => void acknowledged.push(total) }, never)
      assert.equal(files.get('f')?.toString(), 'content')
      assert.deepEqual(acknowledged, [7])
      // Nobody can say now that there is none.
      await fails('refused', remote.stat('f', never))
    }
  })

  test('leaves a partial alone whose length nobody knows', async (t) => {
    const { remote } = await scene(t, () => ({ SIZE: '502 no' }))
    assert.equal(await remote.writer?.resumer('', never), null)
  })

  test('of a name does not spoil the way when it has worked before', async (t) => {
    const { remote, files } = await scene(t, (held) => ({
      SIZE: (path, session) => session.say(path === 'closed' ? '550 Permission denied.' : held.has(path) ? '213 7' : '550 no'),
    }))
    files.set('f', CONTENT)
    assert.equal((await remote.stat('f', never))?.size, 7)
    await fails('refused', remote.stat('closed', never))
    assert.equal((await remote.stat('f', never))?.size, 7)
    assert.equal(await remote.stat('g', never), null)
  })

  test('by the words of the name itself is none', async (t) => {
    const { remote } = await scene(t, () => ({ SIZE: (path, session) => session.say(`550 ${path}: no`) }))
    assert.equal(await remote.stat('permission denied', never), null)
  })

  test('MLST that finds nothing is believed once it has found the login directory', async (t) => {
    const { remote, count } = await scene(t, () => ({
      FEAT: MACHINE,
      MLST: (path, session) => session.say(path === '/' ? '250-x\r\n type=dir; /\r\n250 end' : '550 no'),
    }))
    assert.equal(await remote.stat('f', never), null)
    assert.equal(await remote.stat('g', never), null)
    assert.deepEqual([count(/^MLST \/$/), count(/^(SIZE|LIST|MLSD)/)], [1, 0])
  })

  test('a hidden name is not missing because a listing does not show it', async (t) => {
    const { remote } = await scene(t, () => ({ SIZE: '502 no', LIST: shows(unixLine('x', 1)) }))
    assert.equal(await remote.stat('y', never), null)
    await fails('refused', remote.stat('.y', never))
  })
})

describe('FTP: a download of unknown length', () => {
  const reading = async (remote: Remote): Promise<string> => {
    const chunks: Buffer[] = []
    await remote.read('f', { start: 0, end: Number.POSITIVE_INFINITY }, (chunk) => void chunks.push(Buffer.from(chunk)), {}, never)
    return Buffer.concat(chunks).toString()
  }

  test('ends with the data connection, in order', async (t) => {
    const { remote, files } = await scene(t, () => ({ SIZE: '502 no' }))
    files.set('f', CONTENT)
    assert.equal(await reading(remote), 'content')
    const broken = await scene(t, () => ({
      SIZE: '502 no',
      RETR: async (_path, session) => {
        session.say('150 here')
        const data = await session.data()
        data.end('cont', () => session.say('426 cut'))
      },
    }))
    await fails('transient', reading(broken.remote))
  })

  test('and not before what the server announced has come', async (t) => {
    const { remote } = await scene(t, () => ({
      SIZE: '502 no',
      RETR: async (_path, session) => {
        session.say('150 Opening BINARY mode data connection for f (7 bytes).')
        const data = await session.data()
        data.end('cont', () => session.say('226 done'))
      },
    }))
    await fails('transient', reading(remote))
  })

  test('a file that is not there is not found, whatever the looks say', async (t) => {
    const { remote } = await scene(t, () => ({ SIZE: '502 no' }))
    await fails('not-found', reading(remote))
  })
})

describe('FTP: a listing', () => {
  const WWW = unixLine('index.html', 7) + unixLine('img', 4096, 'drwxr-xr-x')
  const names = async (remote: Remote, path = 'd'): Promise<readonly string[]> =>
    ((await remote.tree?.list(path, never)) ?? []).map((entry) => `${entry.kind} ${entry.name}`)

  for (const answer of ['550 -a: no such directory', '501 bad parameter', '450 -a: no such file', '504 no', '226 nothing', null])
    test(`LIST without the option where LIST -a is ${answer ?? 'empty'}`, async (t) => {
      const dashed: Acts = answer === null ? shows('') : (_argument, session) => session.say(answer)
      const { remote, count } = await scene(t, () => ({
        LIST: (argument, session) => (argument === '-a' ? dashed(argument, session) : shows(WWW)(argument, session)),
      }))
      for (let time = 0; time < 2; time += 1) assert.deepEqual(await names(remote), ['file index.html', 'directory img'])
      if (answer !== null && !answer.startsWith('226')) assert.equal(count(/^LIST -a/), 1)
    })

  for (const answer of ['500 unknown', '502 no', '504 no', '501 bad', '550 not allowed', '550 no', null])
    test(`LIST where MLSD is ${answer ?? 'empty'}`, async (t) => {
      const { remote } = await scene(t, () => ({ FEAT: MACHINE, MLSD: answer ?? shows(''), LIST: shows(WWW) }))
      assert.deepEqual(await names(remote), ['file index.html', 'directory img'])
    })

  test('LIST with the directory before the names, or a slash behind them', async (t) => {
    const lines = [
      unixLine('/home/u/d/.', 0, 'drwxr-xr-x'),
      unixLine('/home/u/d/a', 7),
      unixLine('./b c', 3),
      unixLine('img/', 0, 'drwxr-xr-x'),
    ]
    const { remote } = await scene(t, () => ({ SIZE: '502 no', LIST: shows(lines.join('')) }))
    assert.deepEqual(await names(remote), ['file a', 'file b c', 'directory img'])
    assert.equal((await remote.stat('a', never))?.size, 7)
    assert.equal(await remote.stat('c', never), null)
  })

  test('NLST where nothing else is done, without kinds', async (t) => {
    const { remote } = await scene(t, () => ({ LIST: '502 no', NLST: shows('./a\r\nd/b\r\n.\r\nc d\r\n') }))
    assert.deepEqual(await names(remote), ['unknown a', 'unknown b', 'unknown c d'])
  })

  test('no files found is an empty directory; no directory is none', async (t) => {
    for (const empty of ['550 No files found.', '450 No such file', '550 *: no such file or directory']) {
      const { remote } = await scene(t, () => ({ LIST: empty, NLST: empty }))
      assert.deepEqual(await names(remote), [])
      await fails('not-found', remote.tree?.list('e', never))
    }
    const closed = await scene(t, () => ({ LIST: '550 Permission denied', NLST: '550 Permission denied' }))
    await fails('refused', closed.remote.tree?.list('d', never))
  })

  test('an empty answer of a way that has shown something is the truth', async (t) => {
    let full = true
    const { remote, count } = await scene(t, () => ({ LIST: (argument, session) => shows(full ? WWW : '')(argument, session) }))
    assert.equal((await names(remote)).length, 2)
    full = false
    assert.deepEqual(await names(remote), [])
    assert.equal(count(/^LIST$|^NLST/), 0)
  })

  for (const [way, answers] of Object.entries<(bytes: Buffer) => Answers>({
    LIST: (bytes) => ({ LIST: shows(bytes) }),
    MLSD: (bytes) => ({ FEAT: MACHINE, MLSD: shows(bytes) }),
  }))
    test(`names that are no UTF-8 are two, and marked: ${way}`, async (t) => {
      const line = (name: string): string => (way === 'LIST' ? unixLine(name, 3) : `type=file;size=3; ${name}\r\n`)
      const bytes = Buffer.from(['\xe4.txt', '\xf6.txt', 'plain.txt', '\xc3\xa4.txt'].map(line).join(''), 'latin1')
      const { remote } = await scene(t, () => answers(bytes))
      const entries = (await remote.tree?.list('', never)) ?? []
      assert.deepEqual(
        entries.map(({ name, garbled }) => [name, garbled]),
        [
          ['\\xe4.txt', true],
          ['\\xf6.txt', true],
          ['plain.txt', undefined],
          ['ä.txt', undefined],
        ],
      )
    })

  test('kinds that are not told are unknown, and devices are no files', async (t) => {
    const machine = await scene(t, () => ({ FEAT: MACHINE, MLSD: shows('size=3; a\r\ntype=OS.unix=slink:/x; b\r\n') }))
    assert.deepEqual(await names(machine.remote), ['unknown a', 'other b'])
    const { remote } = await scene(t, () => ({
      LIST: shows(`brw-r--r--   1 ftp ftp 3, 4 Jan 02  2024 disk\r\n${unixLine('link -> x', 1, 'lrwxrwxrwx')}`),
    }))
    assert.deepEqual(await names(remote), ['other disk', 'other link'])
  })

  test('leaves the working directory behind on every way out', async (t) => {
    const many = Array.from({ length: 10_000 }, (_, i) => unixLine(`x${i}`, 1)).join('')
    for (const [answer, kind] of [
      [shows(many), 'limit'],
      ['550 Permission denied', 'refused'],
    ] as const) {
      const { remote, files, server } = await scene(t, () => ({ LIST: answer, NLST: answer }))
      await fails(kind, remote.tree?.list('d', never))
      const before = server.commands.length
      await create(remote)
      assert.equal(files.get('f')?.toString(), 'content')
      const since = server.commands.slice(before)
      assert.ok(since.indexOf('CWD /') >= 0 && since.indexOf('CWD /') < since.indexOf('STOR f'), since.join())
    }
  })
})

describe('FTP: permissions', () => {
  test('come from MLST, and from a listing', async (t) => {
    const facts = `type=file;size=7;modify=${TIME};UNIX.mode=0640;`
    const { remote } = await scene(t, () => ({ FEAT: MACHINE, MLST: `250-x\r\n ${facts} f\r\n250 end` }))
    assert.equal((await remote.stat('f', never))?.mode, 0o640)
    const other = await scene(t, () => ({ SIZE: '502 no', LIST: shows(unixLine('f', 7, '-rwsr-x--T')) }))
    assert.equal((await other.remote.stat('f', never))?.mode, 0o5750)
  })

  test('are set by SITE CHMOD, which is asked for until it is refused', async (t) => {
    let reply = '200 ok'
    const { remote, files, count } = await scene(t, () => ({ SITE: (_argument, session) => session.say(reply) }))
    files.set('f', CONTENT)
    await remote.tree?.setMode?.('f', 0o640, never)
    assert.equal(count(/^SITE CHMOD 640 f$/), 1)
    reply = '550 no'
    await fails('refused', remote.tree?.setMode?.('f', 0o640, never))
    await fails('not-found', remote.tree?.setMode?.('nothing', 0o640, never))
    const without = await scene(t, () => ({ SITE: '500 unknown' }))
    without.files.set('f', CONTENT)
    for (let time = 0; time < 2; time += 1) await fails('unsupported', without.remote.tree?.setMode?.('f', 0o640, never))
    assert.equal(without.count(/^SITE/), 1)
  })
})

for (const [how, answer] of Object.entries({
  'does not answer SITE CHMOD': null,
  'does not answer SITE CHMOD but leaves': '421 bye',
  'fails at SITE CHMOD': '451 later',
}))
  test(`FTP: of a server that ${how}, the second attempt wants no mode`, async (t) => {
    const { remote, files, count } = await scene(t, () => ({ SITE: answer }), 700)
    files.set('f', CONTENT)
    await fails('transient', remote.tree?.setMode?.('f', 0o640, never))
    await fails('unsupported', remote.tree?.setMode?.('f', 0o640, never))
    assert.equal(count(/^SITE/), 1)
  })

test('FTP: a mode that the server has no room for is refused', async (t) => {
  const { remote, files } = await scene(t, () => ({ SITE: '452 quota exceeded' }))
  files.set('f', CONTENT)
  await fails('unsupported', remote.tree?.setMode?.('f', 0o640, never))
})

test('FTP: who stops before SITE CHMOD is answered has learned nothing', async (t) => {
  const stop = new AbortController()
  let asked = 0
  const SITE: Acts = (_argument, session) => {
    asked += 1
    if (asked === 1) stop.abort(new TransferError('stopped', 'enough'))
    else session.say('200 ok')
  }
  const { remote, files } = await scene(t, () => ({ SITE }))
  files.set('f', CONTENT)
  await fails('stopped', remote.tree?.setMode?.('f', 0o640, stop.signal))
  await remote.tree?.setMode?.('f', 0o640, never)
  assert.equal(asked, 2)
})

describe('FTP: permissions that no fact tells', () => {
  const stats = (lines: string, code = 213): Answer => `${code}-status\r\n${lines}${code} end`
  const file = unixLine('f', 7, '-rw-------')
  const SOURCES: Readonly<Record<string, readonly [Answers, RegExp]>> = {
    'a line of STAT': [{ STAT: stats(file) }, /^STAT f$/],
    'a line of STAT with the code before it': [{ STAT: `211-status\r\n211-${file}211 end` }, /^STAT f$/],
    'the listing, where STAT is refused': [{ STAT: '502 no', LIST: shows(file) }, /^LIST -a$/],
    'the listing, where STAT tells of the server': [{ STAT: stats(' connected\r\n', 211), LIST: shows(file) }, /^LIST -a$/],
    'the listing, where STAT finds nothing': [{ STAT: '213-status\r\n213 end', LIST: shows(file) }, /^LIST -a$/],
    'the listing, where STAT tells of two': [{ STAT: stats(unixLine('f', 1) + unixLine('./f', 2)), LIST: shows(file) }, /^LIST -a$/],
  }
  for (const [name, [answers, asked]] of Object.entries(SOURCES))
    test(`come from ${name}`, async (t) => {
      const { remote, count, files } = await scene(t, () => answers)
      files.set('f', CONTENT)
      assert.equal((await remote.stat('f', never))?.mode, undefined)
      assert.equal(await remote.tree?.modeOf?.('f', never), 0o600)
      assert.equal(count(asked), 1)
      assert.equal(count(/^(STAT|LIST|MLSD|NLST)/), asked.test('STAT f') ? 1 : 2)
    })

  test('are not those of a link, of another name, or of a listing without any', async (t) => {
    for (const line of [
      unixLine('f -> g', 1, 'lrwxrwxrwx'),
      unixLine('xf', 7),
      unixLine('f', 7, 'drwxr-xr-x'),
      '01-02-24  03:04AM  7 f\r\n',
    ]) {
      const { remote } = await scene(t, () => ({ STAT: stats(line), LIST: shows(line) }))
      assert.equal(await remote.tree?.modeOf?.('f', never), null, line)
    }
  })

  test('a name that a server would take for many is looked up in the listing', async (t) => {
    for (const name of ['*', 'a[b]', '{a,b}', '~']) {
      const { remote, count } = await scene(t, () => ({ STAT: stats(unixLine(name, 1)), LIST: shows(unixLine(name, 7, '-rw-r-----')) }))
      assert.equal(await remote.tree?.modeOf?.(name, never), 0o640, name)
      assert.equal(count(/^STAT/), 0)
    }
  })

  test('a server that does not answer STAT, or leaves over it, is asked for the listing the next time', async (t) => {
    for (const answer of [null, '421 bye']) {
      const { remote, count } = await scene(t, () => ({ STAT: answer, LIST: shows(file) }), 700)
      await fails('transient', remote.tree?.modeOf?.('f', never))
      assert.equal(await remote.tree?.modeOf?.('f', never), 0o600)
      assert.equal(count(/^STAT/), 1)
    }
  })

  test('a listing without them is asked for once', async (t) => {
    const { remote, count } = await scene(t, () => ({ STAT: '502 no', LIST: shows('01-02-24  03:04AM  7 f\r\n') }))
    for (let time = 0; time < 2; time += 1) assert.equal(await remote.tree?.modeOf?.('f', never), null)
    assert.equal(count(/^LIST/), 1)
  })

  test('that are superfluous to the server (202) are not set', async (t) => {
    const { remote, files } = await scene(t, () => ({ SITE: '202 not implemented, superfluous' }))
    files.set('f', CONTENT)
    await fails('unsupported', remote.tree?.setMode?.('f', 0o600, never))
  })

  test('are asked for no more once the server has refused to set them, which is said once', async (t) => {
    const { remote, files, count } = await scene(t, () => ({ SITE: '500 unknown', STAT: stats(file) }))
    files.set('f', CONTENT)
    await fails('unsupported', remote.tree?.setMode?.('f', 0o600, never))
    await fails('unsupported', remote.tree?.modeOf?.('f', never))
    assert.equal(await remote.tree?.modeOf?.('f', never), null)
    assert.equal(count(/^(STAT|LIST)/), 0)
  })
})

test('FTP: 202 to RNTO has renamed nothing', async (t) => {
  const { remote, files } = await scene(t, () => ({ RNTO: '202 not implemented, superfluous' }))
  files.set('f', CONTENT)
  await fails('unsupported', remote.tree?.rename('f', 'g', never))
})

test('FTP: 202 to DELE has removed nothing', async (t) => {
  const { remote, files, server } = await scene(t, () => ({ DELE: '202 not implemented, superfluous' }))
  files.set('f', Buffer.from('old'))
  await fails('unsupported', remote.tree?.remove('f', never))
  await remote.tree?.remove('g', never)
  await fails('unsupported', create(remote))
  assert.equal(files.get('f')?.toString(), 'old')
  assert.ok(!server.commands.some((line) => line.startsWith('STOR')))
  await create(remote, 'g')
  assert.equal(files.get('g')?.toString(), 'content')
})

test('FTP: a name beyond ASCII on a server that does not speak of UTF-8 is warned of once', async (t) => {
  const { remote, warnings } = await scene(t)
  for (const name of ['ä', 'ö']) await remote.stat(name, never)
  assert.equal(warnings.filter((text) => /UTF-8/.test(text)).length, 1)
})
