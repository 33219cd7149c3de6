/** `node bench/start.ts`: milliseconds from starting dist/main.js to its first connection, medians of 11 runs per protocol. */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import net, { type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const RUNS = 11
const main = join(dirname(dirname(fileURLToPath(import.meta.url))), 'dist', 'main.js')
const scratch = mkdtempSync(join(tmpdir(), 'resumable-transfer-start-'))
const source = join(scratch, 'source.bin')
writeFileSync(source, Buffer.alloc(1024 * 1024))

async function once(scheme: string): Promise<number> {
  const server = net.createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const url = `${scheme}://user@127.0.0.1:${port}/x`
  const upload = { INPUT_SOURCE: source, INPUT_DESTINATION: url }
  const download = { INPUT_SOURCE: url, INPUT_DESTINATION: join(scratch, 'x') }
  const trust = scheme === 'sftp' ? { INPUT_FINGERPRINT: `SHA256:${'A'.repeat(43)}` } : {}
  const env = {
    ...(scheme === 'https' ? download : upload),
    INPUT_PASSWORD: 'password',
    ...trust,
    RUNNER_TEMP: scratch,
    PATH: process.env.PATH,
  }
  const connected = new Promise<number>((resolve) => server.once('connection', () => resolve(performance.now())))
  const started = performance.now()
  const child = spawn(process.execPath, [main], { env, stdio: 'ignore' })
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const ms = (await connected) - started
  child.kill('SIGKILL')
  await ended
  server.close()
  return ms
}

for (const scheme of ['sftp', 'ftp', 'ftps', 'https']) {
  const list: number[] = []
  for (let run = 0; run < RUNS; run += 1) list.push(await once(scheme))
  list.sort((a, b) => a - b)
  console.log(`${scheme.padEnd(6)} ${list[Math.floor(RUNS / 2)]?.toFixed(0)} ms (${list[0]?.toFixed(0)}–${list.at(-1)?.toFixed(0)})`)
}
rmSync(scratch, { recursive: true, force: true })
