/**
 * `npm run demo`: the main job on an embedded server. Uploads a big random file over SFTP through dist/, as the runner runs it; loses the machine at about
 * 60 %; "re-runs" on a wiped one; shows both logs, the summary and the proof. Needs nothing but Node. Size in MiB as argument, 512 by default.
 */
import { spawn } from 'node:child_process'
import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { createReadStream, mkdirSync, mkdtempSync, openSync, readdirSync, rmSync, statSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { formatBytes, formatDuration } from '../src/core/units.ts'
import { startCacheService } from '../test/support/cache-service.ts'
import { type ActionRun, createMachine, runAction } from '../test/support/runner.ts'
import { startTcpProxy } from '../test/support/tcp-proxy.ts'

const MIB = 1024 * 1024
const root = dirname(dirname(fileURLToPath(import.meta.url)))
const size = Number(process.argv[2] ?? 512) * MIB
const say = (text: string): void => void process.stdout.write(`${text}\n`)

/** The same bytes every time, without keeping them: block i is a hash stream of the seed. */
function writeSource(path: string, seed: string): void {
  const file = openSync(path, 'w')
  const block = Buffer.alloc(MIB)
  for (let i = 0; i < size / MIB; i += 1) {
    const key = createHash('sha512').update(`${seed}:${i}`).digest()
    for (let at = 0; at < MIB; at += key.length) key.copy(block, at)
    writeSync(file, block)
  }
}

async function sha256(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path, { highWaterMark: MIB })) hash.update(chunk as Buffer)
  return hash.digest('hex')
}

async function startEmbeddedServer(folder: string, password: string) {
  const script = join(root, 'test', 'support', 'embedded-sftp.ts')
  const child = spawn(process.execPath, [script, folder, 'demo', password], { stdio: ['ignore', 'pipe', 'inherit'] })
  for await (const line of createInterface({ input: child.stdout })) {
    const { port, key } = JSON.parse(line) as { port: number; key: string }
    return { child, port, key }
  }
  throw new Error('the embedded server did not start')
}

function show(title: string, run: ActionRun): void {
  say(`\n━━━ ${title} ${'━'.repeat(Math.max(0, 70 - title.length))}`)
  say(run.log.trimEnd())
}

const scratch = mkdtempSync(join(tmpdir(), 'resumable-transfer-demo-'))
const folder = join(scratch, 'server')
mkdirSync(folder)
const password = randomBytes(12).toString('hex')
const server = await startEmbeddedServer(folder, password)
const cache = await startCacheService()
const machine = createMachine()
const proxy = await startTcpProxy({ target: { host: '127.0.0.1', port: server.port } })
let exitCode = 1
try {
  const seed = randomUUID()
  const attempt = (number: number, interrupt?: Promise<unknown>): Promise<ActionRun> => {
    writeSource(join(machine.workspace, 'app.bin'), seed)
    return runAction({
      action: root,
      machine,
      inputs: {
        source: 'app.bin',
        destination: `sftp://demo@127.0.0.1:${proxy.port}/releases/app.bin`,
        password,
        'known-hosts': `[127.0.0.1]:${proxy.port} ${server.key}`,
      },
      expressions: { 'toJSON(matrix)': 'null' },
      env: { ...cache.environment(), GITHUB_RUN_ATTEMPT: String(number) },
      ...(interrupt === undefined ? {} : { interrupt: { when: interrupt, how: 'machine-lost' as const } }),
    })
  }
  say(`Uploading ${formatBytes(size)} of random bytes over SFTP to an embedded server, through dist/main.js.`)
  const sent = async (bytes: number): Promise<void> => {
    while (proxy.total('up') < bytes) await new Promise((resolve) => setTimeout(resolve, 5))
  }
  const first = await attempt(1, sent(size * 0.6))
  show('Attempt 1: the machine is lost at about 60 %', first)
  say(`(killed: exit code ${first.exitCode}, signal ${first.signal}; on the server: ${readdirSync(join(folder, 'releases')).join(', ')})`)
  machine.wipe()
  const before = proxy.total('up')
  const started = performance.now()
  const second = await attempt(2)
  show("Attempt 2: 're-run failed jobs' on a fresh machine", second)
  const sentAgain = proxy.total('up') - before
  say(`\n━━━ Job summary of attempt 2 ${'━'.repeat(43)}\n${second.summary.trimEnd()}`)

  const target = join(folder, 'releases', 'app.bin')
  const [expected, stored] = [await sha256(join(machine.workspace, 'app.bin')), await sha256(target)]
  const { resumed, proof, status } = second.outputs
  const right = expected === stored && statSync(target).size === size && resumed === 'true' && status === 'complete'
  say(`\n━━━ Proof ${'━'.repeat(62)}`)
  say(`source  sha256 ${expected}`)
  say(`server  sha256 ${stored}  ${expected === stored ? 'equal' : 'DIFFERENT'}`)
  say(`outputs status=${status} resumed=${resumed} proof=${proof} digest=${second.outputs.digest}`)
  say(
    `Resume saved ${formatBytes(size - sentAgain)}: attempt 2 sent ${formatBytes(sentAgain)} instead of ${formatBytes(size)}, in ${formatDuration(performance.now() - started)}.`,
  )
  say(right ? 'The interrupted upload continued on a fresh machine and its bytes are right.' : 'THE DEMO FAILED.')
  exitCode = right ? 0 : 1
} finally {
  await proxy.close()
  await cache.close()
  server.child.kill('SIGKILL')
  machine.dispose()
  rmSync(scratch, { recursive: true, force: true })
}
process.exit(exitCode)
