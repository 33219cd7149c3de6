/**
 * What Node itself can reach here: the same bytes over the same packages or sockets, hashed with SHA-256 on a thread of its own as the output `digest` needs,
 * and nothing else: no identity, no journal, no checks of blocks, no proof, no retry. A contestant of the bench, no tool.
 *   node bench/bare.ts <url> up|down <file> [ca file]
 * ftp, ftps (explicit, the session of the control connection continued) and http(s).
 */
import { createHash } from 'node:crypto'
import { closeSync, openSync, readFileSync, readSync } from 'node:fs'
import { open } from 'node:fs/promises'
import net from 'node:net'
import tls from 'node:tls'
import { fileURLToPath } from 'node:url'
import { Worker, workerData } from 'node:worker_threads'
import { Client } from 'basic-ftp'
import { Agent, request } from 'undici'

const CHUNK = 1024 * 1024

/** The hashing thread: follows the bytes that are in the file until it is told that there are no more. */
function hash({ path, counter }: { path: string; counter: SharedArrayBuffer }): void {
  const [written, ended] = [new BigInt64Array(counter, 0, 1), new BigInt64Array(counter, 8, 1)]
  const file = openSync(path, 'r')
  const buffer = Buffer.allocUnsafeSlow(CHUNK)
  const digest = createHash('sha256')
  for (let at = 0n; ; ) {
    const isLast = Atomics.load(ended, 0) === 1n
    const until = Atomics.load(written, 0)
    if (at === until && isLast) break
    if (at === until) {
      Atomics.wait(written, 0, until, 100)
      continue
    }
    const length = readSync(file, buffer, 0, Math.min(CHUNK, Number(until - at)), Number(at))
    digest.update(buffer.subarray(0, length))
    at += BigInt(length)
  }
  closeSync(file)
  console.log(digest.digest('hex'))
}

class Hashing {
  readonly #counter = new SharedArrayBuffer(16)
  readonly #written = new BigInt64Array(this.#counter, 0, 1)
  readonly #ended = new BigInt64Array(this.#counter, 8, 1)
  readonly #done: Promise<void>

  constructor(path: string) {
    const worker = new Worker(new URL(import.meta.url), { workerData: { path, counter: this.#counter } })
    this.#done = new Promise((resolve) => worker.once('exit', () => resolve()))
  }

  advance(bytes: number): void {
    Atomics.add(this.#written, 0, BigInt(bytes))
    Atomics.notify(this.#written, 0)
  }

  async finish(): Promise<void> {
    Atomics.store(this.#ended, 0, 1n)
    Atomics.notify(this.#written, 0)
    await this.#done
  }
}

interface Target {
  readonly url: URL
  readonly path: string
  readonly ca: string | null
}

async function httpDown({ url, path, ca }: Target): Promise<void> {
  const file = await open(path, 'w')
  const hashing = new Hashing(path)
  const dispatcher = new Agent(ca === null ? {} : { connect: { ca } })
  const { body } = await request(url, { dispatcher })
  for await (const chunk of body) {
    await file.write(chunk)
    hashing.advance(chunk.length)
  }
  await file.close()
  await hashing.finish()
  await dispatcher.close()
}

/** Logged in, and a data connection to the port that EPSV told. */
async function ftpData({ url, ca }: Target, command: 'STOR' | 'RETR', onread?: net.OnReadOpts): Promise<[Client, net.Socket]> {
  const client = new Client()
  const secure = ca === null ? {} : { secure: true, secureOptions: { ca } }
  await client.access({ host: url.hostname, port: Number(url.port), user: url.username, password: url.password, ...secure })
  await client.send('TYPE I')
  const { message } = await client.send('EPSV')
  const port = Number(/\|(\d+)\|/.exec(message)?.[1])
  const control = client.ftp.socket
  const session = control instanceof tls.TLSSocket ? control.getSession() : undefined
  const options = { host: url.hostname, port, ...(onread === undefined ? {} : { onread }) }
  const data = ca === null ? net.connect(options) : tls.connect({ ...options, ca, ...(session === undefined ? {} : { session }) })
  data.pause()
  client.ftp.socket.write(`${command} ${url.pathname.slice(1)}\r\n`)
  await new Promise((resolve) => data.once(ca === null ? 'connect' : 'secureConnect', resolve))
  return [client, data]
}

async function ftpDown(target: Target): Promise<void> {
  const file = await open(target.path, 'w')
  const hashing = new Hashing(target.path)
  const buffers = [Buffer.allocUnsafeSlow(CHUNK), Buffer.allocUnsafeSlow(CHUNK), Buffer.allocUnsafeSlow(CHUNK)]
  let current = 0
  let filled = 0
  let writes = Promise.resolve()
  const write = (buffer: Buffer, length: number): void => {
    writes = writes.then(async () => {
      await file.write(buffer, 0, length)
      hashing.advance(length)
    })
  }
  const room = (): Buffer => (buffers[current] ?? Buffer.alloc(0)).subarray(filled)
  const take = (length: number): boolean => {
    filled += length
    if (filled < CHUNK) return true
    write(buffers[current] ?? Buffer.alloc(0), CHUNK)
    current = (current + 1) % buffers.length
    filled = 0
    data.pause()
    void writes.then(() => data.resume())
    return false
  }
  const [client, data] = await ftpData(target, 'RETR', { buffer: room, callback: take })
  const ended = new Promise((resolve) => data.once('end', resolve))
  data.resume()
  await ended
  if (filled > 0) write(buffers[current] ?? Buffer.alloc(0), filled)
  await writes
  await file.close()
  await hashing.finish()
  client.close()
}

async function ftpUp(target: Target): Promise<void> {
  const file = await open(target.path, 'r')
  const hashing = new Hashing(target.path)
  hashing.advance((await file.stat()).size)
  const [client, data] = await ftpData(target, 'STOR')
  const buffers = Array.from({ length: 4 }, () => Buffer.allocUnsafeSlow(CHUNK))
  for (let i = 0; ; i += 1) {
    const { bytesRead, buffer } = await file.read(buffers[i % buffers.length] ?? Buffer.alloc(0), 0, CHUNK)
    if (bytesRead === 0) break
    if (!data.write(buffer.subarray(0, bytesRead)) && data.writableLength > 2 * CHUNK)
      await new Promise((resolve) => data.once('drain', resolve))
  }
  await new Promise<void>((resolve) => data.end(resolve))
  await new Promise((resolve) => data.once('close', resolve).resume())
  await file.close()
  await hashing.finish()
  client.close()
}

if (workerData !== null) hash(workerData)
else if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [, , url = '', direction, path = '', caFile] = process.argv
  const target: Target = { url: new URL(url), path, ca: caFile === undefined ? null : readFileSync(caFile, 'utf8') }
  if (target.url.protocol.startsWith('http')) await httpDown(target)
  else await (direction === 'up' ? ftpUp(target) : ftpDown(target))
}
