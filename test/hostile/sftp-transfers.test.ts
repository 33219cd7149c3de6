/** SFTP downloads and uploads by the whole engine from and to servers that lie. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import ssh2 from 'ssh2'
import type { PublicFailureKind } from '../../src/core/errors.ts'
import { protocol } from '../../src/remotes/sftp/index.ts'
import { type ScriptedRequest, sendRaw, sftpPacket, startScriptedSftp } from '../servers/scripted-sftp.ts'
import { newKeyPair } from '../support/host-key.ts'
import { seededBytes } from '../support/prng.ts'
import { assertSilent, LOGIN, never, witness } from './ordeal.ts'
import { type Attempt, Site } from './transfer.ts'

const { STATUS_CODE: STATUS } = ssh2.utils.sftp
const HOST_KEY = newKeyPair().private
const SIZE = 200_000
const CUT = 90_000
const CONTENT = Buffer.from(seededBytes(9, SIZE))
const PARTIAL = /\.partial$/

type Files = Map<string, Buffer>
type Lying = (request: ScriptedRequest, files: Files) => boolean

interface Lie {
  readonly name: string
  readonly lie: Lying
  readonly expect: readonly (PublicFailureKind | 'complete')[]
  /** `verify: auto` looks at the size alone, which agrees. */
  readonly onlyFullTells?: true
}

/** What was done has dealt with the request. */
const did = (_done: unknown): true => true

const attributes = (size: number, mtime = 1) => ({ mode: 0o100644, uid: 0, gid: 0, size, atime: 1, mtime })
const told =
  (
    names: readonly ScriptedRequest['name'][],
    size: (request: ScriptedRequest) => number,
    mtime: (request: ScriptedRequest) => number = () => 1,
  ): Lying =>
  (request, files) => {
    if (!names.includes(request.name) || !files.has(request.path)) return false
    request.sftp.attrs(request.id, attributes(size(request), mtime(request)))
    return true
  }
/** Attributes as they stand on the wire: flags say that there is a size, and here are its eight bytes. */
const toldRaw =
  (size: bigint): Lying =>
  ({ name, id, sftp }) => {
    if (name !== 'STAT' && name !== 'FSTAT') return false
    const rest = Buffer.alloc(12)
    rest.writeUInt32BE(1)
    rest.writeBigUInt64BE(size, 4)
    sendRaw(sftp, sftpPacket(105, id, rest))
    return true
  }

const DOWNLOADS: readonly Lie[] = [
  { name: 'the truth', lie: () => false, expect: ['complete'] },
  {
    name: 'READ of 0 bytes for ever',
    lie: ({ name, id, sftp }) => name === 'READ' && did(sftp.data(id, Buffer.alloc(0))),
    expect: ['source-changed'],
  },
  {
    name: 'READ of 1 byte',
    lie: ({ name, id, sftp, path, offset }, files) =>
      name === 'READ' && offset >= 199_000 && offset < SIZE && did(sftp.data(id, files.get(path)?.subarray(offset, offset + 1) ?? '')),
    expect: ['complete'],
  },
  {
    name: 'the end of the file before its end',
    lie: ({ name, id, sftp, offset }) => name === 'READ' && offset > 50_000 && did(sftp.status(id, STATUS.EOF)),
    expect: ['source-changed'],
  },
  {
    name: 'more than was asked for',
    lie: ({ name, id, sftp, length }) => name === 'READ' && did(sftp.data(id, Buffer.alloc(length + 1))),
    expect: ['protocol'],
  },
  { name: 'a size that is smaller', lie: told(['STAT', 'FSTAT'], () => SIZE - 1000), expect: ['source-changed'] },
  { name: 'a size that is larger', lie: told(['STAT', 'FSTAT'], () => SIZE + 1000), expect: ['source-changed'] },
  { name: 'a size of 2^63', lie: toldRaw(2n ** 63n), expect: ['protocol'] },
  { name: 'a size of 2^64-1', lie: toldRaw(2n ** 64n - 1n), expect: ['protocol'] },
  { name: 'a size of 2^53', lie: toldRaw(2n ** 53n), expect: ['protocol'] },
  { name: 'another size at every look', lie: told(['STAT'], ({ nth }) => SIZE + nth), expect: ['source-changed'] },
  {
    name: 'another time at every look',
    lie: told(
      ['STAT'],
      () => SIZE,
      ({ nth }) => nth + 1,
    ),
    expect: ['source-changed'],
  },
  {
    name: 'a handle of 0 bytes',
    lie: ({ name, id, sftp }) => name === 'OPEN' && did(sftp.handle(id, Buffer.alloc(0))),
    expect: ['not-found', 'source-changed', 'refused', 'transient', 'protocol'],
  },
  {
    name: 'a handle of 300 bytes',
    lie: ({ name, id, sftp }) =>
      name === 'OPEN' && did(sendRaw(sftp, sftpPacket(102, id, Buffer.concat([Buffer.from([0, 0, 1, 44]), Buffer.alloc(300)])))),
    expect: ['protocol'],
  },
  {
    name: 'the answer to somebody else',
    lie: ({ name, id, sftp, nth }) =>
      name === 'READ' &&
      nth === 3 &&
      !did(sendRaw(sftp, sftpPacket(103, id + 100_000, Buffer.concat([Buffer.from([0, 0, 0, 1]), Buffer.from('x')])))),
    expect: ['complete'],
  },
  {
    name: 'an answer twice',
    lie: ({ name, id, sftp, nth }) =>
      name === 'READ' &&
      nth === 3 &&
      !did(sendRaw(sftp, sftpPacket(103, id - 1, Buffer.concat([Buffer.from([0, 0, 0, 1]), Buffer.from('x')])))),
    expect: ['complete'],
  },
  {
    name: 'permission denied in the middle',
    lie: ({ name, id, sftp, offset }) => name === 'READ' && offset > 50_000 && did(sftp.status(id, STATUS.PERMISSION_DENIED)),
    expect: ['refused', 'conflict'],
  },
]

const storing =
  (keep: (request: ScriptedRequest, file: Buffer) => Buffer | null, only: (path: string) => boolean = () => true): Lying =>
  (request, files) => {
    if (request.name !== 'WRITE' || !only(request.path)) return false
    const kept = keep(request, files.get(request.path) ?? Buffer.alloc(0))
    if (kept !== null) files.set(request.path, kept)
    request.sftp.status(request.id, STATUS.OK)
    return true
  }
const padded = (file: Buffer, offset: number, bytes: Buffer): Buffer => {
  const grown = Buffer.alloc(Math.max(file.length, offset + bytes.length))
  file.copy(grown)
  bytes.copy(grown, offset)
  return grown
}

const UPLOADS: readonly Lie[] = [
  { name: 'the truth', lie: () => false, expect: ['complete'] },
  { name: 'OK and nothing stored', lie: storing(() => null), expect: ['conflict'] },
  {
    name: 'OK and half of every write stored',
    lie: storing(({ offset, length }, file) => padded(file, offset, Buffer.alloc(length >> 1, 1))),
    expect: ['conflict'],
  },
  {
    name: 'OK and zeros stored',
    lie: storing(({ offset, length }, file) => padded(file, offset, Buffer.alloc(length))),
    expect: ['complete', 'integrity'],
    onlyFullTells: true,
  },
  {
    name: 'OK, nothing stored, and the right size told',
    lie: (request, files) => storing(() => null)(request, files) || told(['STAT', 'FSTAT'], () => SIZE)(request, files),
    expect: ['complete', 'integrity', 'source-changed', 'not-found', 'refused', 'conflict', 'transient'],
    onlyFullTells: true,
  },
  {
    name: 'zeros before what is written, except in the probe',
    lie: (request, files) => {
      if (request.name === 'WRITE' && PARTIAL.test(request.path) && request.offset > 0) files.get(request.path)?.fill(0, 0, request.offset)
      return false
    },
    expect: ['complete', 'integrity'],
    onlyFullTells: true,
  },
  {
    name: 'a rename that is none',
    lie: ({ name, id, sftp }) => name === 'RENAME' && did(sftp.status(id, STATUS.OK)),
    expect: ['refused', 'conflict'],
  },
  {
    name: 'a rename that loses the file',
    lie: ({ name, id, path, sftp }, files) => name === 'RENAME' && did([files.delete(path), sftp.status(id, STATUS.OK)]),
    expect: ['refused', 'conflict'],
  },
  ...[STATUS.OP_UNSUPPORTED, STATUS.PERMISSION_DENIED, STATUS.FAILURE].map(
    (code): Lie => ({
      name: `every rename refused with code ${code}, and a removal would be done`,
      lie: ({ name, id, sftp }) => name === 'RENAME' && did(sftp.status(id, code)),
      expect: ['refused'],
    }),
  ),
  {
    name: 'code 99 to the last write',
    lie: ({ name, id, offset, sftp }) =>
      name === 'WRITE' && offset > 150_000 && did(sendRaw(sftp, sftpPacket(101, id, Buffer.from([0, 0, 0, 99])))),
    expect: ['refused', 'conflict'],
  },
  {
    name: 'no space',
    lie: ({ name, id, offset, sftp }) =>
      name === 'WRITE' && offset > 150_000 && did(sftp.status(id, STATUS.FAILURE, 'No space left on device')),
    expect: ['no-space'],
  },
]

async function against(
  files: Files,
  lie: Lying,
  transfer: (open: () => ReturnType<typeof protocol.open>) => Promise<Attempt>,
): Promise<Attempt> {
  const server = await startScriptedSftp({
    hostKey: HOST_KEY,
    authenticate: () => true,
    intercept: (request) => lie(request, server.files),
  })
  for (const [path, bytes] of files) server.files.set(path, Buffer.from(bytes))
  const who = witness(5000)
  try {
    const config = protocol.parse(new URL(`sftp://127.0.0.1:${server.port}/`), { ...LOGIN, fingerprints: [server.pin] })
    const attempt = await transfer(() => protocol.open(config, who, never))
    assertSilent(...who.heard)
    files.clear()
    for (const [path, bytes] of server.files) files.set(path, bytes)
    return attempt
  } finally {
    await server.stop()
  }
}

function assertExpected({ result }: Attempt, { expect }: Lie): void {
  const ending = result.status === 'complete' ? 'complete' : (result.failure?.kind ?? result.status)
  assert.ok((expect as readonly string[]).includes(ending), `${ending}: ${result.failure?.message ?? ''}`)
}

const cutting =
  (name: 'READ' | 'WRITE'): Lying =>
  (request) => {
    if (request.name !== name || request.offset < CUT) return false
    request.connection.end()
    return true
  }

describe('SFTP downloads from servers that lie', { concurrency: 4 }, () => {
  for (const lie of DOWNLOADS)
    for (const interrupted of [false, true])
      test(interrupted ? `${lie.name}, continued` : lie.name, async () => {
        const site = new Site()
        const files = new Map([['/f', CONTENT]])
        if (interrupted) {
          const { result } = await against(files, cutting('READ'), (open) => site.download(open, '/f', { retries: 0 }))
          assert.equal(result.failure?.kind, 'transient')
        }
        const attempt = await against(files, lie.lie, (open) => site.download(open, '/f'))
        assertExpected(attempt, lie)
        site.assertLanded(attempt.result, CONTENT)
      })
})

describe('SFTP uploads to servers that lie', { concurrency: 4 }, () => {
  for (const lie of UPLOADS)
    for (const verify of lie.onlyFullTells === true ? (['auto', 'full'] as const) : (['auto'] as const))
      for (const interrupted of [false, true])
        test(`${lie.name}, verify: ${verify}${interrupted ? ', continued' : ''}`, async () => {
          const site = new Site()
          const files: Files = new Map([['/out.bin', Site.old]])
          if (interrupted) {
            const { result } = await against(files, cutting('WRITE'), (open) => site.upload(open, '/out.bin', CONTENT, { retries: 0 }))
            assert.equal(result.failure?.kind, 'transient')
          }
          const attempt = await against(files, lie.lie, (open) => site.upload(open, '/out.bin', CONTENT, { verify }))
          assertExpected(attempt, lie)
          if (lie.onlyFullTells === true && verify === 'auto')
            assert.ok(['size', null].includes(attempt.result.proof), 'nothing more is claimed')
          else Site.assertStored(files, '/', attempt.result, CONTENT)
        })
})

describe('SFTP uploads to accounts that may not take back what they make', () => {
  const forbids: readonly ScriptedRequest['name'][] = ['RENAME', 'REMOVE']
  const looks: readonly ScriptedRequest['name'][] = ['STAT', 'LSTAT', 'FSTAT', 'OPENDIR', 'READ']
  for (const [what, size] of [
    ['of one block', 1000],
    ['of many blocks', SIZE],
  ] as const)
    test(`a file ${what} is all that there is afterwards`, async () => {
      const files: Files = new Map()
      const lie: Lying = ({ name, sftp, id }) =>
        (forbids.includes(name) || looks.includes(name)) && did(sftp.status(id, STATUS.PERMISSION_DENIED))
      const content = CONTENT.subarray(0, size)
      const policy = { publishWithoutRename: 'always' } as const
      const { result } = await against(files, lie, (open) => new Site().upload(open, '/out.bin', content, policy))
      assert.equal(result.status, 'complete', result.failure?.message)
      assert.deepEqual([...files.keys()], ['/out.bin'])
      assert.ok(files.get('/out.bin')?.equals(content))
    })
})

describe('SFTP on servers that hide names from STAT', () => {
  const hides: Lying = ({ name, sftp, id }) => (name === 'STAT' || name === 'LSTAT') && did(sftp.status(id, STATUS.NO_SUCH_FILE))

  test('a file that can be opened is fetched', async () => {
    const site = new Site()
    const { result } = await against(new Map([['/f', CONTENT]]), hides, (open) => site.download(open, '/f'))
    assert.equal(result.status, 'complete', result.failure?.message)
    site.assertLanded(result, CONTENT)
  })

  test('a file that cannot is missing, said at once', async () => {
    const { result, pauses } = await against(new Map(), hides, (open) => new Site().download(open, '/f'))
    assert.equal(result.failure?.kind, 'not-found')
    assert.deepEqual(pauses, [])
  })

  test('an old file is replaced, and nothing lies beside the new one', async () => {
    const files: Files = new Map([['/out.bin', Site.old]])
    const { result } = await against(files, hides, (open) => new Site().upload(open, '/out.bin', CONTENT))
    assert.equal(result.status, 'complete', result.failure?.message)
    assert.deepEqual([...files.keys()], ['/out.bin'])
    assert.ok(files.get('/out.bin')?.equals(CONTENT))
  })
})
