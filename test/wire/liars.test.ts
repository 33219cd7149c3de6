/** Two lies that only a script tells, met by the engine: a restart that is granted and ignored, and a read that never gets on. */
import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import ssh2 from 'ssh2'
import type { Site } from '../e2e/sites.ts'
import { startScriptedFtp } from '../servers/scripted-ftp.ts'
import { startScriptedSftp } from '../servers/scripted-sftp.ts'
import { serverDirectory, TEST_PASSWORD, TEST_USER, type TestServer } from '../servers/server.ts'
import { seededBytes } from '../support/prng.ts'
import { startTcpProxy } from '../support/tcp-proxy.ts'
import { BLOCK, createRig, SIZE } from './rig.ts'

const bytes = Buffer.from(seededBytes(60, SIZE))

/** A scripted server in the place of a real one. */
async function scriptedSite(
  t: TestContext,
  port: number,
  scheme: 'ftp' | 'sftp',
  inputs: Site['inputs'],
  stop: () => Promise<void>,
): Promise<Site> {
  const { directory, root } = serverDirectory('scripted')
  const proxy = await startTcpProxy({ target: { host: '127.0.0.1', port }, ftp: scheme === 'ftp' })
  t.after(async () => {
    await proxy.close()
    await stop()
    rmSync(directory, { recursive: true })
  })
  const nothing = async (): Promise<void> => undefined
  const names = { username: TEST_USER, password: TEST_PASSWORD }
  const server: TestServer = { host: '127.0.0.1', port, root, directory, ...names, pid: -1, stop, restart: nothing, dispose: nothing }
  return {
    server,
    proxy,
    inputs: { ...names, ...inputs },
    secrets: [],
    channel: scheme === 'ftp' ? 'data' : 'control',
    url: (path) => `${scheme}://127.0.0.1:${proxy.port}/${path}`,
  }
}

test('ftp: REST is granted, and the file comes from its first byte', async (t) => {
  const server = await startScriptedFtp({
    SIZE: (_, session) => session.say(`213 ${SIZE}`),
    MDTM: (_, session) => session.say('213 20240101000000'),
    REST: (_, session) => session.say('350 restarting'),
    RETR: async (_, session) => {
      session.say('150 here')
      const data = await session.data()
      data.on('error', () => undefined)
      data.on('close', () => session.say('226 done'))
      data.end(bytes)
    },
  })
  const site = await scriptedSite(t, server.port, 'ftp', {}, () => server.close())
  const rig = createRig(t, site, bytes)
  site.proxy.plan({ kind: 'fin', direction: 'down', channel: 'data', connection: 0, at: 9 * BLOCK })
  const first = await rig.download({ policy: { retries: 0 } })
  assert.equal(first.failure?.kind, 'transient', first.failure?.message)
  assert.notEqual(rig.journal.size, 0, 'nothing to continue')
  const second = await rig.download()
  assert.equal(second.status, 'complete', second.failure?.message)
  assert.ok(rig.received()?.equals(bytes), 'wrong bytes')
})

test('sftp: a read of no bytes, again and again, ends', async (t) => {
  const { STATUS_CODE } = ssh2.utils.sftp
  for (const answer of ['no bytes', 'the end']) {
    await t.test(answer, async (t) => {
      let reads = 0
      const server = await startScriptedSftp({
        intercept: ({ name, id, offset, sftp }) => {
          if (name !== 'READ' || offset < 2 * BLOCK) return false
          reads += 1
          if (answer === 'no bytes') sftp.data(id, Buffer.alloc(0))
          else sftp.status(id, STATUS_CODE.EOF)
          return true
        },
      })
      const site = await scriptedSite(t, server.port, 'sftp', { fingerprint: server.pin }, () => server.stop())
      server.files.set('/wire.bin', bytes)
      const rig = createRig(t, site, bytes)
      const result = await rig.download({ policy: { retries: 1 } })
      assert.equal(result.status, 'failed')
      assert.match(String(result.failure?.kind), /^(protocol|source-changed|transient)$/)
      assert.equal(rig.received(), null)
      assert.ok(reads < 1_000, `${reads} reads`)
    })
  }
})
