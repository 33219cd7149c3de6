/** Digests by the account's own shell, on real OpenSSH servers: with a shell, without one, and with shells that mislead. */
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { TransferError } from '../../src/core/errors.ts'
import { contentFingerprint, fingerprintTag } from '../../src/core/fingerprint.ts'
import { partialName } from '../../src/core/paths.ts'
import type { Digester, Remote } from '../../src/remotes/remote.ts'
import { protocol } from '../../src/remotes/sftp/index.ts'
import { sftpSite } from '../e2e/sites.ts'
import { serverOrSkip } from '../servers/debian.ts'
import { type OpensshOptions, type OpensshServer, startOpenssh } from '../servers/openssh.ts'
import { NASTY_NAMES } from '../support/nasty-names.ts'
import { remotePorts } from '../support/remote-ports.ts'
import { BLOCK, createRig, NAME, type Rig, SIZE } from './rig.ts'

const never = new AbortController().signal
const CONTENT = randomBytes(300_000)
const WHOLE = { start: 0, end: CONTENT.length }
const PART = { start: 70_001, end: 299_000 }

function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

interface Account {
  readonly server: OpensshServer
  readonly remote: Remote
  readonly digester: Digester
  /** Channels that the server has opened for whatever. */
  sessions(): number
}

function configOf({ username, password, knownHosts, port }: OpensshServer): ReturnType<typeof protocol.parse> {
  const hosts = knownHosts === undefined ? {} : { knownHosts }
  const login = { username, password, headers: new Map(), fingerprints: [], tlsVerify: true, ...hosts }
  return protocol.parse(new URL(`sftp://127.0.0.1:${port}/`), login)
}

async function account(t: TestContext, options: OpensshOptions = {}, timeoutMs = 10_000): Promise<Account | null> {
  if (serverOrSkip(t, 'sshd') === null) return null
  const server = await startOpenssh(options)
  t.after(() => server.dispose())
  const remote = await protocol.open(configOf(server), remotePorts(timeoutMs, { shellDigests: true }), never)
  t.after(() => remote.close())
  const { digester } = remote
  assert.ok(digester !== undefined)
  const sessions = (): number => readFileSync(join(server.directory, 'stdout.log'), 'utf8').match(/Starting session: /g)?.length ?? 0
  return { server, remote, digester, sessions }
}

function put(server: OpensshServer, name: string, content: Uint8Array): void {
  writeFileSync(join(server.root, name), content)
  chmodSync(join(server.root, name), 0o666)
}

/** A program in front of everything that the account runs; SFTP itself passes. */
function gate(t: TestContext, body: string): OpensshOptions {
  const folder = mkdtempSync(join(tmpdir(), 'rt-gate-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  chmodSync(folder, 0o777)
  const path = join(folder, 'gate')
  const lines = ['#!/bin/sh', 'case "$SSH_ORIGINAL_COMMAND" in /usr/lib/openssh/sftp-server*) exec /usr/lib/openssh/sftp-server;; esac']
  writeFileSync(path, [...lines, `cd "$HOME"; at=${folder}; echo >>$at/asked`, body, ''].join('\n'))
  chmodSync(path, 0o755)
  return { mode: 'external', extraConfig: `ForceCommand exec ${path}` }
}

async function unsupported(work: Promise<unknown>): Promise<void> {
  await assert.rejects(work, (error) => error instanceof TransferError && error.kind === 'unsupported')
}

const SHELLS = ['/bin/sh', '/bin/bash', '/usr/bin/fish', '/usr/bin/tcsh', '/usr/bin/zsh', '/usr/bin/mksh', '/bin/ksh']

for (const shell of SHELLS) {
  test(`the shell of the account tells digests: ${shell}`, async (t) => {
    try {
      readFileSync(shell)
    } catch {
      return t.skip(`${shell} is not on this machine`)
    }
    const made = await account(t, { shell })
    if (made === null) return
    put(made.server, 'file', CONTENT)
    for (const range of [WHOLE, PART, { start: 0, end: 65_537 }])
      assert.equal(await made.digester.digest('file', range, never), digestOf(CONTENT.subarray(range.start, range.end)))
    assert.deepEqual(made.remote.notes, [])
    assert.deepEqual(
      readdirSync(made.server.root).filter((name) => /^\.rt/.test(name)),
      [],
    )
  })
}

test('no name is read by a shell on the server, whatever it holds', async (t) => {
  const made = await account(t, { shell: '/bin/bash' })
  if (made === null) return
  const folder = join(made.server.root, 'names')
  mkdirSync(folder)
  chmodSync(folder, 0o777)
  for (const decoy of ['a', 'b', '-n', 'x']) writeFileSync(join(folder, decoy), 'decoy')
  for (const [index, name] of NASTY_NAMES.entries()) {
    const content = Buffer.from(`content ${index}`)
    put(made.server, `names/${name}`, content)
    const path = index % 2 === 0 ? `names/${name}` : join(folder, name)
    assert.equal(await made.digester.digest(path, { start: 0, end: content.length }, never), digestOf(content), JSON.stringify(name))
  }
  const here = [...readdirSync(folder), ...readdirSync(made.server.root)]
  assert.ok(!here.includes('pwned'), 'a name was run')
})

interface Refusal {
  readonly options: (t: TestContext) => OpensshOptions
  /** Files of the account's home. */
  readonly home?: Readonly<Record<string, string>>
  /** After how many questions it is clear; one unless told. */
  readonly asked?: number
  /** In the note. */
  readonly why: RegExp
  readonly prefix?: string
}

const REFUSALS: Readonly<Record<string, Refusal>> = {
  'ForceCommand internal-sftp': { why: /ended with status/, options: () => ({ mode: 'force' }) },
  'a chroot': { why: /ended with status/, options: () => ({ mode: 'chroot' }), prefix: '/up/' },
  'a start-up file that prints': {
    why: /does not answer as asked/,
    options: () => ({ shell: '/bin/bash' }),
    home: { '.bashrc': 'echo Welcome back\n' },
  },
  'a start-up file that complains': {
    why: /complains/,
    options: () => ({ shell: '/bin/bash' }),
    home: { '.bashrc': 'echo quota exceeded >&2\n' },
  },
  'a start-up file that never ends': { why: /in time/, options: () => ({ shell: '/bin/bash' }), home: { '.bashrc': 'sleep 60\n' } },
  'no shell': { why: /ended with status/, options: () => ({ shell: '/usr/sbin/nologin' }) },
  'a shell that only says no': { why: /ended with status/, options: () => ({ shell: '/bin/false' }) },
  'a server that runs no sessions beside SFTP': {
    why: /ended with status/,
    options: (t) => gate(t, 'echo "This service allows sftp connections only."; exit 1'),
  },
  'another root than SFTP has': { why: /complains/, options: (t) => gate(t, 'cd /; exec sh -c "$SSH_ORIGINAL_COMMAND"') },
  'a menu that waits for a choice': {
    why: /in time/,
    options: (t) => gate(t, 'echo "1) shell 2) quit"; read x; read x; read x; sleep 60'),
  },
  'no tools': { why: /complains/, options: (t) => gate(t, 'PATH=$at exec /bin/sh -c "$SSH_ORIGINAL_COMMAND"') },
  'a shell that talks without end': { why: /says more/, options: (t) => gate(t, 'exec yes') },
  'a shell that tells the digest of another file': {
    why: /does not find/,
    options: (t) =>
      gate(
        t,
        'read -r p; read -r m; printf "path %s\\n" "$p"; case $m in all*) ;; *) echo "read 0";; esac; sha256sum </etc/passwd; echo "sum 0"',
      ),
  },
  'a shell that is right about whole files only': {
    why: /does not find/,
    options: (t) =>
      gate(
        t,
        'mkdir -p $at/bin; printf "#!/bin/sh\\nexec cat\\n" >$at/bin/head; chmod +x $at/bin/head; PATH=$at/bin:$PATH exec sh -c "$SSH_ORIGINAL_COMMAND"',
      ),
  },
  'a background process that keeps the channel open': {
    why: /in time/,
    options: (t) => gate(t, 'sleep 60 & exec sh -c "$SSH_ORIGINAL_COMMAND"'),
  },
  'a server that ends the connection for it': { why: /connection ended/, options: (t) => gate(t, 'kill -9 $PPID; sleep 1'), asked: 2 },
}

for (const [name, refusal] of Object.entries(REFUSALS)) {
  test(`no digest, and nothing else lost, with ${name}`, async (t) => {
    // Half of the time limit is for the question.
    const made = await account(t, refusal.options(t), 4_000)
    if (made === null) return
    const { server, remote, digester, sessions } = made
    for (const [file, text] of Object.entries(refusal.home ?? {})) put(server, file, Buffer.from(text))
    const prefix = refusal.prefix ?? ''
    put(server, `${prefix}file`, CONTENT)
    const asked = refusal.asked ?? 1
    for (let i = 0; i < asked; i += 1) await unsupported(digester.digest(`${prefix}file`, WHOLE, never))
    const before = sessions()
    await unsupported(digester.digest(`${prefix}file`, PART, never))
    assert.equal(sessions(), before, 'it was asked again')
    assert.equal(remote.digester, undefined)
    const notes = remote.notes.filter((note) => /computes no digests/.test(note))
    assert.equal(notes.length, 1)
    assert.match(notes[0] ?? '', refusal.why)
    assert.equal((await remote.stat(`${prefix}file`, never))?.size, CONTENT.length, 'the connection of the transfer goes on')
    assert.deepEqual(
      readdirSync(join(server.root, prefix)).filter((entry) => /^\.rt/.test(entry)),
      [],
    )
  })
}

test('no command is run in downloads, nor where it is not wanted', async (t) => {
  if (serverOrSkip(t, 'sshd') === null) return
  const server = await startOpenssh()
  t.after(() => server.dispose())
  for (const ports of [remotePorts(10_000), remotePorts(10_000, { shellDigests: true, direction: 'download' })]) {
    const remote = await protocol.open(configOf(server), ports, never)
    assert.equal(remote.digester, undefined)
    await remote.close()
  }
})

test('a connection lost in the middle is "no" once, and a new one is made', async (t) => {
  const made = await account(t, gate(t, 'n=$(wc -l <$at/asked); [ $n -eq 4 ] && kill -9 $PPID; exec sh -c "$SSH_ORIGINAL_COMMAND"'))
  if (made === null) return
  put(made.server, 'file', CONTENT)
  await unsupported(made.digester.digest('file', WHOLE, never))
  assert.equal(await made.digester.digest('file', WHOLE, never), digestOf(CONTENT))
  assert.deepEqual(made.remote.notes, [])
})

test('an abort ends the command on the server', async (t) => {
  const made = await account(t)
  if (made === null) return
  put(made.server, 'huge', Buffer.alloc(1))
  truncateSync(join(made.server.root, 'huge'), 2 ** 40)
  put(made.server, 'file', CONTENT)
  await made.digester.digest('file', WHOLE, never)
  const stop = new AbortController()
  const digesting = made.digester.digest('huge', { start: 0, end: 2 ** 40 }, stop.signal)
  const huge = realpathSync(join(made.server.root, 'huge'))
  // Not before the tool is at work: the shell alone ends with its channel.
  while (readersOf(huge) === 0) await pause(20)
  stop.abort(new TransferError('stopped', 'enough'))
  await assert.rejects(digesting, { kind: 'stopped' })
  while (readersOf(huge) > 0) await pause(20)
  assert.equal(await made.digester.digest('file', WHOLE, never), digestOf(CONTENT), 'the next one works')
})

/** How many processes have it open. */
function readersOf(path: string): number {
  let count = 0
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      if (readdirSync(`/proc/${pid}/fd`).some((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`) === path)) count += 1
    } catch {
      // gone meanwhile
    }
  }
  return count
}

/** As an attempt before would have left it. */
function putPartial(rig: Rig, content: Uint8Array): void {
  const blocks = Array.from({ length: Math.ceil(SIZE / BLOCK) }, (_, i) => digestOf(rig.bytes.subarray(i * BLOCK, (i + 1) * BLOCK)))
  const tag = fingerprintTag(contentFingerprint({ size: SIZE, blockSize: BLOCK, blocks }))
  const path = join(dirname(rig.storedPath), partialName(NAME, tag, '0a1b2c3d'))
  writeFileSync(path, content)
  chmodSync(path, 0o666)
}

test('kept bytes are proven where they are, and the whole is by digest', async (t) => {
  const site = await sftpSite(t)
  if (site === null) return
  const rig = createRig(t, site, randomBytes(SIZE))
  putPartial(rig, rig.bytes.subarray(0, 8 * BLOCK))
  let reads = 0
  const result = await rig.upload({
    shellDigests: true,
    calls: (method, when) => {
      if (method === 'read' && when === 'before') reads += 1
    },
  })
  assert.equal(result.status, 'complete')
  assert.equal(result.proof, 'digest')
  assert.equal(result.bytesReused, 8 * BLOCK)
  assert.ok(reads <= 2, `read ${reads} times: one byte behind the end is looked for`)
  assert.deepEqual(rig.stored(), rig.bytes)
  assert.deepEqual(
    readdirSync(site.server.root).filter((name) => name.startsWith('.rt')),
    [],
  )
})

test('a shell that was right about the scratch file and lies later is not believed: what is there is read', async (t) => {
  const lie =
    'n=$(wc -l <$at/asked); [ $n -le 3 ] && exec sh -c "$SSH_ORIGINAL_COMMAND"; sh -c "$SSH_ORIGINAL_COMMAND" | sed "s/[0-9a-f]\\{64\\}/$(printf %064d 7)/"'
  const site = await sftpSite(t, gate(t, lie))
  if (site === null) return
  const rig = createRig(t, site, randomBytes(SIZE))
  const notes: string[] = []
  const result = await rig.upload({ shellDigests: true, on: (event) => void (event.kind === 'note' && notes.push(event.message)) })
  assert.equal(result.status, 'complete')
  assert.equal(result.proof, 'read-back')
  assert.ok(
    notes.some((note) => /the server's digest is wrong/.test(note)),
    notes.join('\n'),
  )
  assert.deepEqual(rig.stored(), rig.bytes)
})
