/** SSH: servers that never come to a session, one phase after the other, and everything that could be had from us meanwhile. */
import assert from 'node:assert/strict'
import net from 'node:net'
import { describe, test } from 'node:test'
import type { FailureKind } from '../../src/core/errors.ts'
import type { Remote } from '../../src/remotes/remote.ts'
import { protocol } from '../../src/remotes/sftp/index.ts'
import { type Script, sendRaw, sftpPacket, startScriptedSftp } from '../servers/scripted-sftp.ts'
import { newKeyPair } from '../support/host-key.ts'
import { absent, drip, ends, fails, flood, LOGIN, never, TAKEN_BYTES_MAX, type Witness, witness } from './ordeal.ts'

const HOST_KEY = newKeyPair().private
const IDENT = 'SSH-2.0-OpenSSH_9.2\r\n'

/** A server of bare bytes. `heard` is what the client said in the clear. */
async function bare(act: (socket: net.Socket) => unknown, work: (port: number, heard: () => string) => Promise<void>): Promise<void> {
  const sockets = new Set<net.Socket>()
  let heard = ''
  const server = net.createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.on('data', (chunk) => {
      heard += chunk.toString('latin1')
    })
    act(socket)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  try {
    await work((server.address() as net.AddressInfo).port, () => heard)
  } finally {
    for (const socket of sockets) socket.destroy()
    await new Promise<void>((resolve) => server.close(() => resolve()))
  }
}

function open(port: number, who: Witness, pin = `SHA256:${'A'.repeat(43)}`): Promise<Remote> {
  return protocol.open(protocol.parse(new URL(`sftp://127.0.0.1:${port}/`), { ...LOGIN, fingerprints: [pin] }), who, never)
}

interface Opening {
  readonly name: string
  readonly kinds: readonly FailureKind[]
  readonly timeoutMs?: number
  readonly act: (socket: net.Socket) => unknown
}

const packetLength = (length: number): Buffer => {
  const bytes = Buffer.alloc(64)
  bytes.writeUInt32BE(length >>> 0)
  return bytes
}

const OPENINGS: readonly Opening[] = [
  { name: 'silence', kinds: ['transient'], timeoutMs: 700, act: () => undefined },
  {
    name: 'an identification, a letter at a time',
    kinds: ['transient', 'protocol'],
    timeoutMs: 700,
    act: (socket) => socket.write('SSH-2.0-') && drip(socket, 'x'),
  },
  { name: 'lines before it, one at a time', kinds: ['transient', 'protocol'], timeoutMs: 700, act: (socket) => drip(socket, 'hello\r\n') },
  { name: 'lines before it without end', kinds: ['protocol', 'transient'], act: (socket) => flood(socket, 'hello\r\n'.repeat(9000)) },
  { name: 'a line before it without end', kinds: ['protocol', 'transient'], act: (socket) => flood(socket, 'x'.repeat(65_536)) },
  {
    name: 'an identification without end',
    kinds: ['protocol', 'transient'],
    act: (socket) => socket.write('SSH-2.0-') && flood(socket, 'x'.repeat(65_536)),
  },
  { name: 'another protocol', kinds: ['protocol', 'transient'], timeoutMs: 700, act: (socket) => socket.write('220 ftp\r\n') },
  { name: 'a web page', kinds: ['protocol', 'transient'], act: (socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n') },
  { name: 'SSH 1', kinds: ['protocol', 'transient'], act: (socket) => socket.write('SSH-1.5-old\r\n') },
  { name: 'the end', kinds: ['transient'], act: (socket) => socket.end() },
  { name: 'a reset', kinds: ['transient'], act: (socket) => socket.resetAndDestroy() },
  { name: 'an identification and silence', kinds: ['transient'], timeoutMs: 700, act: (socket) => socket.write(IDENT) },
  {
    name: 'an identification and zeros at a time',
    kinds: ['transient', 'protocol'],
    timeoutMs: 700,
    act: (socket) => socket.write(IDENT) && drip(socket, '\0'),
  },
  {
    name: 'an identification and zeros without end',
    kinds: ['protocol', 'transient'],
    act: (socket) => socket.write(IDENT) && flood(socket, '\0'.repeat(65_536)),
  },
  {
    name: 'a packet of 4 GB',
    kinds: ['protocol', 'transient'],
    act: (socket) => socket.write(IDENT) && socket.write(packetLength(0xffff_fff8)),
  },
  {
    name: 'a packet of 35 kB that never comes',
    kinds: ['transient', 'protocol'],
    timeoutMs: 700,
    act: (socket) => socket.write(IDENT) && socket.write(packetLength(35_000)),
  },
  {
    name: 'a packet of no length',
    kinds: ['protocol', 'transient'],
    timeoutMs: 700,
    act: (socket) => socket.write(IDENT) && socket.write(packetLength(0)),
  },
]

describe('SSH before the key exchange', { concurrency: 8 }, () => {
  for (const { name, kinds, timeoutMs, act } of OPENINGS)
    test(name, () => {
      let taken: unknown
      return bare(
        (socket) => {
          taken = act(socket)
        },
        async (port, heard) => {
          const who = witness(timeoutMs ?? 5000)
          await fails(kinds, open(port, who), who)
          assert.ok(!heard().includes(LOGIN.password ?? ''), 'nothing of ours is told')
          if (typeof taken === 'function') assert.ok(taken() < TAKEN_BYTES_MAX, `${taken()} bytes were taken`)
        },
      )
    })

  test('a server that stops in the middle of the key exchange', async () => {
    const server = await startScriptedSftp({ hostKey: HOST_KEY })
    for (const bytes of [30, 200, 800, 1100]) {
      await bare(
        (socket) => {
          let left = bytes
          const upstream = net.connect(server.port, '127.0.0.1')
          upstream.on('error', () => undefined)
          socket.on('close', () => upstream.destroy())
          socket.pipe(upstream)
          upstream.on('data', (chunk) => {
            socket.write(chunk.subarray(0, left))
            left = Math.max(0, left - chunk.length)
          })
        },
        async (port) => {
          const who = witness(700)
          await fails('transient', open(port, who, server.pin), who)
        },
      )
    }
    assert.deepEqual(server.authentications, [])
    await server.stop()
  })
})

describe('SSH after the key exchange', { concurrency: 8 }, () => {
  const silent: Readonly<Record<string, Script>> = {
    'no answer to any login': { authenticate: () => null },
    'no channel': { opensChannels: false },
    'no subsystem': { opensSubsystems: false },
  }
  for (const [name, script] of Object.entries(silent))
    test(name, async () => {
      const server = await startScriptedSftp({ hostKey: HOST_KEY, authenticate: () => true, ...script })
      const who = witness(900)
      await fails('transient', open(server.port, who, server.pin), who)
      await server.stop()
    })

  test('a login that is refused again and again ends after each credential was offered once', async () => {
    const server = await startScriptedSftp({
      hostKey: HOST_KEY,
      authenticate: () => false,
      methods: ['password', 'keyboard-interactive', 'publickey'],
    })
    const who = witness(5000)
    await fails('denied', open(server.port, who, server.pin), who)
    assert.deepEqual(server.authentications, ['none', 'password', 'keyboard-interactive'])
    await server.stop()
  })

  test('a server that knows only old key exchanges is told as that, before anything is sent to it', async () => {
    // lsh-server 2.1 of Debian 12; OpenSSH refuses it as well.
    const server = await startScriptedSftp({ hostKey: HOST_KEY, kex: ['diffie-hellman-group1-sha1'] })
    const who = witness(5000)
    const error = await fails('refused', open(server.port, who, server.pin), who)
    assert.match(error.message, /no matching key exchange/i)
    assert.match(error.hint ?? '', /no longer secure/)
    assert.deepEqual(server.authentications, [])
    await server.stop()
  })

  const endings: Readonly<Record<string, (socket: net.Socket) => unknown>> = {
    'hangs up': (socket) => socket.end(),
    'cuts the line': (socket) => socket.resetAndDestroy(),
    'falls silent': () => undefined,
  }
  for (const [name, hangUp] of Object.entries(endings))
    for (const methods of [['password'], ['keyboard-interactive'], ['password', 'keyboard-interactive']] as const)
      test(`a server that ${name} when it has the password gets it twice (${methods.join(', ')})`, async () => {
        let passwords = 0
        const end = (): void => {
          passwords += 1
          // Two methods are two passwords on one connection.
          if (methods.length === 2 && passwords === 1) return
          for (const { _sock } of server.connections as unknown as Set<{ _sock: net.Socket }>) hangUp(_sock)
        }
        const server = await startScriptedSftp({
          hostKey: HOST_KEY,
          methods,
          authenticate: (context) => {
            if (context.method === 'none') return false
            if (context.method === 'keyboard-interactive') context.prompt([{ prompt: 'Password: ', echo: false }], end)
            else end()
            return methods.length === 2 && context.method === 'password' ? false : null
          },
        })
        const config = protocol.parse(new URL(`sftp://127.0.0.1:${server.port}/`), { ...LOGIN, fingerprints: [server.pin] })
        const who = witness(name === 'falls silent' ? 900 : 5000)
        if (methods.length === 1) await fails('transient', protocol.open(config, who, never), who)
        await fails('denied', protocol.open(config, who, never), who)
        assert.equal(passwords, 2)
        await server.stop()
      })

  test('a password that was not answered once, and then refused, is not sent by another method', async () => {
    let passwords = 0
    const server = await startScriptedSftp({
      hostKey: HOST_KEY,
      methods: ['password', 'keyboard-interactive'],
      authenticate: (context) => {
        if (context.method === 'none') return false
        passwords += 1
        return passwords === 1 ? null : false
      },
    })
    const config = protocol.parse(new URL(`sftp://127.0.0.1:${server.port}/`), { ...LOGIN, fingerprints: [server.pin] })
    const who = witness(900)
    await fails('transient', protocol.open(config, who, never), who)
    await fails('denied', protocol.open(config, who, never), who)
    assert.equal(passwords, 2)
    await server.stop()
  })

  test('a line that is cut is none of the password when it was right before', async () => {
    let isCut = false
    const server = await startScriptedSftp({
      hostKey: HOST_KEY,
      authenticate: ({ method }) => {
        if (method !== 'password') return false
        if (isCut) for (const connection of server.connections) connection.end()
        return isCut ? null : true
      },
    })
    const config = protocol.parse(new URL(`sftp://127.0.0.1:${server.port}/`), { ...LOGIN, fingerprints: [server.pin] })
    const who = witness(5000)
    await (await protocol.open(config, who, never)).close()
    isCut = true
    for (let i = 0; i < 3; i += 1) await fails('transient', protocol.open(config, who, never), who)
    await server.stop()
  })

  test('questions without end get the password once, and no end of patience', async () => {
    const answers: string[] = []
    const server = await startScriptedSftp({
      hostKey: HOST_KEY,
      methods: ['keyboard-interactive'],
      authenticate: (context) => {
        if (context.method !== 'keyboard-interactive') return false
        const ask = (): void =>
          context.prompt([{ prompt: 'Password: ', echo: false }], (given) => {
            answers.push(...given)
            setTimeout(ask, 5)
          })
        ask()
        return null
      },
    })
    const who = witness(900)
    await fails(['transient', 'denied'], open(server.port, who, server.pin), who)
    assert.equal(answers.filter((answer) => answer !== '').length, 1)
    await server.stop()
  })
})

describe('SFTP listings without end', () => {
  const NAME = 104
  const uint32 = (value: number): Buffer => {
    const bytes = Buffer.alloc(4)
    bytes.writeUInt32BE(value)
    return bytes
  }
  const entry = (name: string): Buffer => Buffer.concat([uint32(name.length), Buffer.from(name), uint32(0), uint32(0)])
  for (const [what, kind, names] of [
    ['many names', 'limit', Array.from({ length: 2000 }, (_, i) => `file-${i}`)],
    ['long names', 'limit', ['x'.repeat(200_000)]],
    ['no names', 'protocol', []],
    ['itself and its parent', 'protocol', ['.', '..']],
  ] as const)
    test(what, async () => {
      const server = await startScriptedSftp({
        hostKey: HOST_KEY,
        authenticate: () => true,
        intercept: ({ name, id, sftp }) => {
          if (name !== 'READDIR') return false
          sendRaw(sftp, sftpPacket(NAME, id, Buffer.concat([uint32(names.length), ...names.map(entry)])))
          return true
        },
      })
      const who = witness(5000)
      const remote = await ends(open(server.port, who, server.pin))
      await fails(kind, remote.tree?.list('/', never) ?? absent(), who)
      await ends(remote.close())
      await server.stop()
    })
})
