/** Uploads through a cache before a real nginx: what it answers in the server's place proves nothing. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { protocol } from '../../src/remotes/http/index.ts'
import type { Credentials, RemotePorts } from '../../src/remotes/remote.ts'
import { Site } from '../hostile/transfer.ts'
import { startCachingGateway } from '../servers/caching-gateway.ts'
import { serverOrSkip } from '../servers/debian.ts'
import { startNginx } from '../servers/nginx.ts'
import { TEST_PASSWORD, TEST_USER } from '../servers/server.ts'
import { seededBytes } from '../support/prng.ts'

const never = new AbortController().signal
const TESTER: Credentials = { username: TEST_USER, password: TEST_PASSWORD, headers: new Map(), fingerprints: [], tlsVerify: true }
const PORTS: RemotePorts = {
  timeoutMs: 5000,
  direction: 'upload',
  redact: (text) => text,
  debug: () => undefined,
  warn: () => undefined,
}
const older = Buffer.from(seededBytes(1, 200_000))
const newer = Buffer.from(seededBytes(2, 200_000))

interface Deployment {
  readonly status: string
  readonly notes: readonly string[]
}

async function rollback(
  t: TestContext,
  obedient: boolean,
): Promise<{ readonly last: Deployment; readonly stored: Buffer; readonly hits: number } | null> {
  if (serverOrSkip(t, 'nginx') === null) return null
  const server = await startNginx()
  t.after(() => server.dispose())
  const gateway = await startCachingGateway(server.port, obedient)
  t.after(() => gateway.close())
  const path = '/dav/out.bin'
  const stored = (): Buffer => readFileSync(join(server.root, 'dav/out.bin'))
  const deploy = async (content: Buffer): Promise<Deployment> => {
    let notes: readonly string[] = []
    const open = async () => {
      const remote = await protocol.open(protocol.parse(new URL(path, gateway.origin), TESTER), PORTS, never)
      notes = remote.notes
      return remote
    }
    const { result } = await new Site().upload(open, path, content)
    return { status: result.failure?.message ?? result.status, notes }
  }
  assert.equal((await deploy(older)).status, 'complete')
  const headers = { authorization: `Basic ${Buffer.from(`${TEST_USER}:${TEST_PASSWORD}`).toString('base64')}` }
  await gateway.keep(path, headers)
  assert.equal((await deploy(newer)).status, 'complete')
  assert.ok(stored().equals(newer))
  const last = await deploy(older)
  return { last, stored: stored(), hits: gateway.hits() }
}

test('a rollback is sent although a cache still has the file: it is asked past, and obeys', async (t) => {
  const outcome = await rollback(t, true)
  if (outcome === null) return
  assert.equal(outcome.last.status, 'complete')
  assert.ok(outcome.stored.equals(older))
  assert.deepEqual([outcome.hits, outcome.last.notes.length], [0, 0])
})

test('a rollback is sent although a cache still has the file and answers all the same: its answers are not believed', async (t) => {
  const outcome = await rollback(t, false)
  if (outcome === null) return
  assert.equal(outcome.last.status, 'complete')
  assert.ok(outcome.stored.equals(older))
  assert.ok(outcome.hits > 0)
  assert.match(outcome.last.notes.join(), /cache/)
})
