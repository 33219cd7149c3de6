/** The file of checksums is fetched as patiently as everything else. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { makeCertificate } from '../servers/certificate.ts'
import { type Script, scriptedServer } from '../servers/scripted-http.ts'
import { createStep } from './action.ts'
import { assertComplete, assertFailed } from './outcome.ts'

const FILE = 'what is wanted'
const SUMS = `${createHash('sha256').update(FILE).digest('hex')}  a.bin\n`

const directory = mkdtempSync(join(tmpdir(), 'resumable-transfer-checksums-'))
after(() => rmSync(directory, { recursive: true }))
const { keyFile, pem } = makeCertificate(directory)
const tls = { key: readFileSync(keyFile, 'utf8'), cert: pem }

/** Answers the first requests for the file of checksums with 503. */
async function server(busy: number): ReturnType<typeof scriptedServer> {
  let asked = 0
  const script: Script = ({ path }, response) => {
    if (path === '/a.bin') return void response.writeHead(200, { 'content-length': FILE.length, etag: '"x"' }).end(FILE)
    asked += 1
    if (asked <= busy) response.writeHead(503).end()
    else response.writeHead(200, { 'content-length': SUMS.length }).end(SUMS)
  }
  return scriptedServer(script, { tls })
}

const inputs = (origin: string, retries: number) => ({
  source: `${origin}/a.bin`,
  destination: './out.bin',
  checksum: `${origin}/SHA256SUMS`,
  retries: String(retries),
  'tls-ca': pem,
})

test('a server that is busy when it is asked for the checksums is asked again', async (t) => {
  const made = await server(1)
  t.after(() => made.close())
  const step = await createStep(t, { inputs: inputs(made.origin, 2), secrets: [] })
  const run = await step.attempt()
  assertComplete(run, { resumed: false, size: FILE.length })
  assert.equal(run.outputs.proof, 'digest')
  assert.equal(readFileSync(step.local('out.bin'), 'utf8'), FILE)
})

test('one that stays busy ends the step after `retries`, and nothing of the file is fetched', async (t) => {
  const made = await server(100)
  t.after(() => made.close())
  const step = await createStep(t, { inputs: inputs(made.origin, 1), secrets: [] })
  assertFailed(await step.attempt(), 'transient', 5)
  assert.deepEqual(new Set(made.requests.map(({ path }) => path)), new Set(['/SHA256SUMS']))
})
