/** Servers that fall silent, lie, answer out of order or die in the middle. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import ssh2 from 'ssh2'
import { type FailureKind, TransferError } from '../../src/core/errors.ts'
import type { Body, Credentials, Remote, WriteObserver } from '../../src/remotes/remote.ts'
import { protocol } from '../../src/remotes/sftp/index.ts'
import { startOpenssh } from '../servers/openssh.ts'
import { type Script, type ScriptedRequest, type ScriptedSftp, startScriptedSftp, startSilentServer } from '../servers/scripted-sftp.ts'
import { TEST_PASSWORD, TEST_USER, type TestServer } from '../servers/server.ts'
import { remotePorts } from '../support/remote-ports.ts'

const { STATUS_CODE: STATUS } = ssh2.utils.sftp
const never = new AbortController().signal
/** Long enough to connect to a server in the same process. */
const SHORT_MS = 1500
const MIB = 1024 * 1024

interface Target {
  readonly port: number
  readonly knownHosts?: string
}

function open(server: Target, timeoutMs = 10_000, signal = never): Promise<Remote> {
  const login: Credentials = {
    username: TEST_USER,
    password: TEST_PASSWORD,
    headers: new Map(),
    fingerprints: [],
    tlsVerify: true,
    ...(server.knownHosts === undefined ? {} : { knownHosts: server.knownHosts }),
  }
  const config = protocol.parse(new URL(`sftp://127.0.0.1:${server.port}/`), login)
  return protocol.open(config, remotePorts(timeoutMs), signal)
}

async function scripted(script: Script, work: (server: ScriptedSftp, remote: Remote) => Promise<void>, timeoutMs = 10_000): Promise<void> {
  const server = await startScriptedSftp(script)
  const remote = await open(server, timeoutMs)
  try {
    await work(server, remote)
  } finally {
    await remote.close()
    await server.stop()
  }
}

async function rejects(kind: FailureKind, action: Promise<unknown>): Promise<TransferError> {
  try {
    await action
  } catch (error) {
    assert.ok(error instanceof TransferError, String(error))
    assert.equal(error.kind, kind, error.message)
    return error
  }
  assert.fail(`should have failed as ${kind}`)
}

async function* body(bytes: Uint8Array, chunk = 64 * 1024): Body {
  for (let at = 0; at < bytes.length; at += chunk) yield bytes.subarray(at, at + chunk)
}

function noting(): WriteObserver & { readonly acknowledgements: number[] } {
  const acknowledgements: number[] = []
  return { acknowledgements, sent: () => {}, acknowledged: (total) => void acknowledgements.push(total) }
}

async function collect(remote: Remote, path: string, end: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  await remote.read(path, { start: 0, end }, (chunk) => void chunks.push(Buffer.from(chunk)), {}, never)
  return Buffer.concat(chunks)
}

describe('sftp against silence', () => {
  test('a server that accepts and says nothing is transient', async () => {
    const server = await startSilentServer()
    const error = await rejects('transient', open(server, 300))
    assert.match(error.message, /no SFTP session within 300 ms/)
    await server.stop()
  })

  test('an abort while connecting settles with its reason', async () => {
    const server = await startSilentServer()
    const controller = new AbortController()
    const opening = open(server, 60_000, controller.signal)
    setImmediate(() => controller.abort(new TransferError('stopped', 'enough')))
    assert.equal((await rejects('stopped', opening)).message, 'enough')
    await server.stop()
  })

  test('nobody listening is transient, an unknown host is invalid input', async () => {
    const server = await startSilentServer()
    await server.stop()
    await rejects('transient', open(server))
    const login = { username: 'x', password: 'y', headers: new Map(), fingerprints: [], tlsVerify: true }
    const config = protocol.parse(new URL('sftp://no-such-host.invalid/'), login)
    const ports = remotePorts(10_000)
    await assert.rejects(protocol.open(config, ports, never), (error: unknown) => {
      // A machine without any name server says EAI_AGAIN.
      assert.ok(error instanceof TransferError && ['invalid-input', 'transient'].includes(error.kind), String(error))
      return true
    })
  })

  test('a write that is never answered is transient, and the next exchange connects anew', () =>
    scripted(
      { intercept: (request) => request.name === 'WRITE' && request.nth === 2 },
      async (server, remote) => {
        const content = Buffer.alloc(MIB, 7)
        const observer = noting()
        await rejects('transient', remote.writer?.create('/a', content.length, body(content), observer, never) ?? Promise.resolve())
        assert.ok(Math.max(0, ...observer.acknowledgements) <= 2 * 64 * 1024, 'nothing behind the gap counts')
        await remote.writer?.create('/a', content.length, body(content), observer, never)
        assert.ok(server.files.get('/a')?.equals(content))
      },
      SHORT_MS,
    ))

  test('a read that is never answered is transient', () =>
    scripted(
      { intercept: (request) => request.name === 'READ' && request.nth === 1 },
      async (server, remote) => {
        server.files.set('/a', Buffer.alloc(MIB, 7))
        await rejects('transient', collect(remote, '/a', MIB))
        assert.equal((await collect(remote, '/a', MIB)).length, MIB)
      },
      SHORT_MS,
    ))

  test('an abort settles although the server is silent', () => {
    const controller = new AbortController()
    const script: Script = {
      intercept: (request) => {
        if (request.name !== 'READ') return false
        controller.abort(new TransferError('stopped', 'enough'))
        return true
      },
    }
    return scripted(script, async (server, remote) => {
      server.files.set('/a', Buffer.alloc(MIB, 7))
      await rejects(
        'stopped',
        remote.read('/a', { start: 0, end: MIB }, () => {}, {}, controller.signal),
      )
    })
  })

  test('a source that hangs does not outlive an abort, and is told to stop', () =>
    scripted({}, async (_server, remote) => {
      const controller = new AbortController()
      let returned = false
      const hanging: Body = {
        [Symbol.asyncIterator]: () => ({
          next: () => {
            setImmediate(() => controller.abort(new TransferError('stopped', 'enough')))
            return new Promise(() => {})
          },
          return: async () => {
            returned = true
            return { done: true, value: undefined }
          },
        }),
      }
      await rejects('stopped', remote.writer?.create('/a', 10, hanging, noting(), controller.signal) ?? Promise.resolve())
      assert.ok(returned)
    }))

  test('an abort of one exchange is a lost connection, not a stop, for what shares it', () => {
    const controller = new AbortController()
    let stats = 0
    const script: Script = {
      intercept: (request) => {
        if (request.name === 'READ') return true
        if (request.name !== 'STAT') return false
        stats += 1
        controller.abort(new TransferError('stopped', 'enough'))
        return stats === 1
      },
    }
    return scripted(script, async (server, remote) => {
      server.files.set('/a', Buffer.alloc(MIB, 7))
      const reading = remote.read('/a', { start: 0, end: MIB }, () => {}, {}, controller.signal)
      const [read, stat] = await Promise.allSettled([reading, remote.stat('/a', never)])
      assert.equal(read.status === 'rejected' && read.reason.kind, 'stopped')
      assert.equal(stat.status === 'rejected' && stat.reason.kind, 'transient')
      assert.equal((await remote.stat('/a', never))?.size, MIB)
    })
  })
})

describe('sftp against wrong answers', () => {
  test('a file that shrinks while it is read is source-changed, without a livelock', () => {
    let reads = 0
    const script: Script = {
      intercept: ({ name, id, offset, sftp }) => {
        if (name !== 'READ') return false
        reads += 1
        if (offset < 100_000) return false
        sftp.status(id, STATUS.EOF)
        return true
      },
    }
    return scripted(script, async (server, remote) => {
      server.files.set('/a', Buffer.alloc(MIB, 7))
      await rejects('source-changed', collect(remote, '/a', MIB))
      assert.ok(reads < 100, `${reads} reads`)
    })
  })

  test('short answers are completed, in order', () => {
    const script: Script = {
      intercept: ({ name, id, path, offset, length, nth, sftp }) => {
        if (name !== 'READ') return false
        sftp.data(id, (files.get(path) ?? Buffer.alloc(0)).subarray(offset, offset + Math.min(length, 1 + ((nth * 7919) % 9000))))
        return true
      },
    }
    let files = new Map<string, Buffer>()
    return scripted(script, async (server, remote) => {
      files = server.files
      const content = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 31) % 251))
      server.files.set('/a', content)
      assert.ok((await collect(remote, '/a', content.length)).equals(content))
    })
  })

  test('more than was asked for is a broken protocol', () => {
    const script: Script = {
      intercept: ({ name, id, sftp }) => {
        if (name !== 'READ') return false
        sftp.data(id, Buffer.alloc(500))
        return true
      },
    }
    return scripted(script, async (server, remote) => {
      server.files.set('/a', Buffer.alloc(1000))
      await rejects('protocol', collect(remote, '/a', 100))
    })
  })

  test('only what has no gap before it is acknowledged, whatever the order of the answers', () => {
    const held: ScriptedRequest[] = []
    const script: Script = {
      intercept: (request) => {
        if (request.name !== 'WRITE') return false
        held.push(request)
        // Answers in reverse, the very first request last.
        if (held.length === 4) for (const { id, sftp } of held.splice(0).reverse()) sftp.status(id, STATUS.OK)
        return true
      },
    }
    return scripted(script, async (_server, remote) => {
      const observer = noting()
      const size = 4 * 20_000
      await rejects('conflict', remote.writer?.create('/a', size, body(Buffer.alloc(size), 20_000), observer, never) ?? Promise.resolve())
      assert.deepEqual(observer.acknowledgements, [], 'the server stored nothing, so the last acknowledgement never came')
    })
  })

  test('a server that says OK and stores less is a conflict', () => {
    const script: Script = {
      intercept: ({ name, id, nth, sftp }) => {
        if (name !== 'WRITE' || nth < 3) return false
        sftp.status(id, STATUS.OK)
        return true
      },
    }
    return scripted(script, async (_server, remote) => {
      const size = 10 * 20_000
      const observer = noting()
      await rejects(
        'conflict',
        remote.writer?.create('/a', size, body(Buffer.alloc(size, 1), 20_000), observer, never) ?? Promise.resolve(),
      )
      assert.ok(Math.max(...observer.acknowledgements) < size)
    })
  })

  test('a body that is shorter or longer than promised is source-changed', () =>
    scripted({}, async (_server, remote) => {
      for (const size of [50_000, 150_000])
        await rejects(
          'source-changed',
          remote.writer?.create('/a', size, body(Buffer.alloc(100_000)), noting(), never) ?? Promise.resolve(),
        )
    }))

  test('a full disk is no-space, a bare failure is refused, a refused permission is refused', () => {
    const answers: readonly [number, string, FailureKind][] = [
      [STATUS.FAILURE, 'Out of disk space', 'no-space'],
      [STATUS.FAILURE, 'Failure', 'refused'],
      [STATUS.PERMISSION_DENIED, 'Permission denied', 'refused'],
      [STATUS.NO_SUCH_FILE, 'No such file', 'not-found'],
    ]
    let next = 0
    const script: Script = {
      intercept: ({ name, id, sftp }) => {
        const answer = answers[next]
        if (name !== 'WRITE' || answer === undefined) return false
        sftp.status(id, answer[0], answer[1])
        return true
      },
    }
    return scripted(script, async (server, remote) => {
      for (const [, , kind] of answers) {
        await rejects(kind, remote.writer?.create('/a', 10, body(Buffer.alloc(10)), noting(), never) ?? Promise.resolve())
        next += 1
      }
      assert.equal(server.connections.size, 1, 'a refusal costs no connection')
    })
  })
})

describe('sftp capabilities', () => {
  test('the probe is not fooled by a server that fills the start with NULs, and removes its file', () => {
    let files = new Map<string, Buffer>()
    const script: Script = {
      intercept: ({ name, path, offset }) => {
        if (name === 'WRITE' && offset > 0) files.set(path, Buffer.alloc(8))
        return false
      },
    }
    return scripted(script, async (server, remote) => {
      files = server.files
      assert.equal(await remote.writer?.resumer('/', never), null)
      assert.deepEqual([...server.files.keys()], [])
    })
  })

  test('a size that is ignored makes truncate unsupported, nothing more', () => {
    const script: Script = {
      intercept: ({ name, id, sftp }) => {
        if (name === 'SETSTAT') sftp.status(id, STATUS.OK)
        return name === 'SETSTAT'
      },
    }
    return scripted(script, async (server, remote) => {
      const resumer = await remote.writer?.resumer('/', never)
      assert.ok(resumer?.kind === 'positional')
      server.files.set('/a', Buffer.alloc(10))
      await rejects('unsupported', resumer.truncate('/a', 5, never))
    })
  })

  test('a size that empties the file first makes truncate unsupported, and the file stays as it is', () => {
    let files = new Map<string, Buffer>()
    const script: Script = {
      intercept: ({ name, path }) => {
        const there = files.get(path)
        if (name === 'SETSTAT' && there !== undefined) files.set(path, Buffer.alloc(there.length))
        return false
      },
    }
    return scripted(script, async (server, remote) => {
      files = server.files
      const resumer = await remote.writer?.resumer('/', never)
      assert.ok(resumer?.kind === 'positional')
      server.files.set('/a', Buffer.from('0123456789'))
      await rejects('unsupported', resumer.truncate('/a', 5, never))
      assert.equal(server.files.get('/a')?.toString(), '0123456789')
    })
  })

  test('a probe that loses its connection is transient, and the next one cleans up after it', () => {
    const script: Script = {
      intercept: ({ name, nth, connection }) => {
        if (name !== 'FSTAT' || nth > 0) return false
        connection.end()
        return true
      },
    }
    return scripted(script, async (server, remote) => {
      await rejects('transient', remote.writer?.resumer('/', never) ?? Promise.resolve())
      assert.equal(server.files.size, 1)
      assert.equal((await remote.writer?.resumer('/', never))?.kind, 'positional')
      assert.equal(server.files.size, 0)
    })
  })
})

/** The process of this name below `ancestor`. */
function descendant(ancestor: number, name: string): number {
  const parents = new Map<number, number>()
  let found: number | null = null
  for (const entry of readdirSync('/proc').filter((e) => /^\d+$/.test(e))) {
    try {
      const [, command, parent] = /^\d+ \((.*)\) \S (\d+)/.exec(readFileSync(`/proc/${entry}/stat`, 'utf8')) ?? []
      parents.set(Number(entry), Number(parent))
      if (command === name && isBelow(Number(entry))) found = Number(entry)
    } catch {
      // It ended meanwhile.
    }
  }
  assert.ok(found !== null, `${name} runs below ${ancestor}`)
  return found

  function isBelow(pid: number): boolean {
    for (let at: number | undefined = pid; at !== undefined && at > 1; at = parents.get(at)) if (at === ancestor) return true
    return false
  }
}

describe('sftp against OpenSSH', () => {
  async function openssh(options: Parameters<typeof startOpenssh>[0], work: (server: TestServer) => Promise<void>): Promise<void> {
    const server = await startOpenssh(options)
    try {
      await work(server)
    } finally {
      await server.dispose()
    }
  }

  test('an sftp process that dies under a living connection fails the exchange, and the next one works', () =>
    openssh({ mode: 'external' }, async (server) => {
      writeFileSync(join(server.root, 'a.bin'), Buffer.alloc(8 * MIB, 3))
      const remote = await open(server, 60_000)
      let killed = false
      const reading = remote.read(
        'a.bin',
        { start: 0, end: 8 * MIB },
        () => {
          if (!killed) process.kill(descendant(server.pid, 'sftp-server'), 'SIGKILL')
          killed = true
        },
        {},
        never,
      )
      await rejects('transient', reading)
      assert.equal((await remote.stat('a.bin', never))?.size, 8 * MIB)
      await remote.close()
    }))

  test('a start-up text instead of SFTP is a clear error, not a hang', () =>
    openssh({ extraConfig: 'ForceCommand echo This account does something else.' }, async (server) => {
      const error = await rejects('protocol', open(server))
      assert.match(error.hint ?? '', /\.bashrc/)
    }))

  test('an expired password that was taken all the same is hinted at', () =>
    openssh({ extraConfig: 'ForceCommand exit 1' }, async (server) => {
      assert.match((await rejects('refused', open(server))).hint ?? '', /password has expired/)
    }))

  test('a login banner does not disturb', () =>
    openssh({ extraConfig: 'Banner /etc/passwd' }, async (server) => {
      const remote = await open(server)
      assert.equal(await remote.stat('nothing', never), null)
      await remote.close()
    }))

  test('an account without SFTP is refused', () =>
    openssh({ extraConfig: 'MaxSessions 0' }, async (server) => {
      await rejects('refused', open(server))
    }))

  test('an account that may not rename is refused, and both files stay', () =>
    openssh({ sftpArgs: '-P posix-rename,rename' }, async (server) => {
      const files = ['from.bin', 'to.bin'].map((name) => join(server.root, name))
      for (const file of files) writeFileSync(file, file)
      const remote = await open(server)
      assert.equal(remote.tree?.replaces, 'never')
      for (const to of ['to.bin', 'free.bin']) await rejects('refused', remote.tree?.rename('from.bin', to, never) ?? Promise.resolve())
      await rejects('not-found', remote.tree?.rename('nothing.bin', 'free.bin', never) ?? Promise.resolve())
      assert.deepEqual(
        files.map((file) => readFileSync(file, 'utf8')),
        files,
      )
      await remote.close()
    }))

  test('re-keying in the middle keeps the bytes', () =>
    openssh({ extraConfig: 'RekeyLimit 1M' }, async (server) => {
      const content = Buffer.from(Array.from({ length: 6 * MIB }, (_, i) => (i * 131) >> 3))
      const remote = await open(server)
      await remote.writer?.create('b.bin', content.length, body(content), noting(), never)
      assert.ok((await collect(remote, 'b.bin', content.length)).equals(content))
      await remote.close()
    }))
})
