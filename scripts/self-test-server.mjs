// Small HTTP, FTP and SFTP servers on this machine, for trying the action by `uses: ./` on every kind of runner. Plain JavaScript, for whatever Node the runner has.
//   node scripts/self-test-server.mjs start          starts them in the background and writes addresses and a source file to GITHUB_OUTPUT (else stdout)
//   node scripts/self-test-server.mjs compare A B    exits with 1 unless both files have the same bytes
// The first HTTP download and the first SFTP upload are cut in the middle, once. The servers end by themselves after a quarter of an hour.
import { spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { appendFileSync, closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const SOURCE_BYTES = 12 * 1024 * 1024
const LIFETIME_MS = 15 * 60_000
const START_MS = 30_000
const HOST = '127.0.0.1'

async function start() {
  const directory = mkdtempSync(join(process.env.RUNNER_TEMP ?? tmpdir(), 'self-test-'))
  mkdirSync(join(directory, 'root'))
  const bytes = randomBytes(SOURCE_BYTES)
  writeFileSync(join(directory, 'root', 'source.bin'), bytes)
  const log = openSync(join(directory, 'server.log'), 'w')
  const child = spawn(process.execPath, [fileURLToPath(import.meta.url), 'serve', directory], {
    detached: true,
    stdio: ['ignore', log, log],
    windowsHide: true,
  })
  child.unref()
  closeSync(log)
  const ready = join(directory, 'ready.json')
  for (let waitedMs = 0; !existsSync(ready); waitedMs += 100) {
    if (waitedMs > START_MS || child.exitCode !== null)
      throw new Error(`no server:\n${readFileSync(join(directory, 'server.log'), 'utf8')}`)
    await sleep(100)
  }
  const outputs = {
    directory,
    source: join(directory, 'root', 'source.bin'),
    stored: join(directory, 'root'),
    sha256: createHash('sha256').update(bytes).digest('hex'),
    ...JSON.parse(readFileSync(ready, 'utf8')),
  }
  const text = Object.entries(outputs)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('')
  if (process.env.GITHUB_OUTPUT) appendFileSync(process.env.GITHUB_OUTPUT, text)
  else process.stdout.write(text)
}

function compare([first = '', second = '']) {
  if (readFileSync(first).equals(readFileSync(second))) return
  console.error(`${first} and ${second} differ`)
  process.exitCode = 1
}

async function serve([directory = '']) {
  const root = join(directory, 'root')
  const { startSftp } = await import('./self-test-sftp.mjs')
  const username = 'self-test'
  const password = randomBytes(12).toString('hex')
  const http = await startHttp(root)
  const ftp = await startFtp(root, username, password)
  const sftp = await startSftp({ host: HOST, root, username, password, cutAfter: SOURCE_BYTES / 2 })
  const ready = {
    http: `http://${HOST}:${http}`,
    ftp: `ftp://${HOST}:${ftp}`,
    'ftp-port': ftp,
    sftp: `sftp://${HOST}:${sftp.port}`,
    fingerprint: sftp.pin,
    username,
    password,
  }
  writeFileSync(join(directory, 'ready.tmp'), JSON.stringify(ready))
  renameSync(join(directory, 'ready.tmp'), join(directory, 'ready.json'))
  setTimeout(() => process.exit(), LIFETIME_MS)
}

/** Files with ranges and an ETag; the first answer that is longer than half of the source breaks there. */
async function startHttp(root) {
  let cuts = 1
  const server = createServer(async (request, response) => {
    const name = /^\/([a-z.]+)$/.exec(request.url ?? '')?.[1]
    if (request.method !== 'GET' || name === undefined) return response.writeHead(405, { allow: 'GET' }).end()
    const path = join(root, name)
    const found = await stat(path).catch(() => null)
    if (found === null) return response.writeHead(404).end()
    const bytes = readFileSync(path)
    const etag = `"${createHash('sha256').update(bytes).digest('hex').slice(0, 16)}"`
    const ifRange = request.headers['if-range']
    const [, first, last] =
      (ifRange === undefined || ifRange === etag ? /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') : null) ?? []
    const from = Number(first ?? 0)
    const to = last ? Math.min(Number(last) + 1, bytes.length) : bytes.length
    const range = first === undefined ? {} : { 'content-range': `bytes ${from}-${to - 1}/${bytes.length}` }
    response.writeHead(first === undefined ? 200 : 206, { etag, 'accept-ranges': 'bytes', 'content-length': to - from, ...range })
    if (to - from <= SOURCE_BYTES / 2 || cuts === 0) return response.end(bytes.subarray(from, to))
    cuts -= 1
    response.write(bytes.subarray(from, from + SOURCE_BYTES / 2), () => response.destroy())
  })
  await new Promise((resolve) => server.listen(0, HOST, () => resolve(undefined)))
  return server.address().port
}

async function startFtp(root, username, password) {
  const { FtpSrv } = await import('ftp-srv')
  const port = await freePort()
  const server = new FtpSrv({ url: `ftp://${HOST}:${port}`, pasv_url: HOST, pasv_min: 20_000, pasv_max: 29_999, anonymous: false })
  server.on('login', (login, resolve, reject) => {
    if (login.username === username && login.password === password) resolve({ root })
    else reject(new Error('wrong credentials'))
  })
  await server.listen()
  return port
}

async function freePort() {
  const server = createServer()
  await new Promise((resolve) => server.listen(0, HOST, () => resolve(undefined)))
  const { port } = server.address()
  await new Promise((resolve) => server.close(() => resolve(undefined)))
  return port
}

const [command, ...words] = process.argv.slice(2)
if (command === 'start') await start()
else if (command === 'compare') compare(words)
else if (command === 'serve') await serve(words)
else throw new Error('say start or compare')
