/** Servers that take no more connections when we come: a passing trouble, not a denied login. */
import assert from 'node:assert/strict'
import { connect, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import type { TransferEvent } from '../../src/engine/ports.ts'
import { type Site, sftpSite } from '../e2e/sites.ts'
import { serverOrSkip } from '../servers/debian.ts'
import { startVsftpd } from '../servers/vsftpd.ts'
import { seededBytes } from '../support/prng.ts'
import { startTcpProxy } from '../support/tcp-proxy.ts'
import { createRig, SIZE } from './rig.ts'

const bytes = Buffer.from(seededBytes(16, SIZE))

const GREETING = /^(220|SSH-2\.0)/

/** Takes the only place, which whoever looked whether the server is up may still hold for a moment. */
async function occupant(t: TestContext, site: Site): Promise<Socket> {
  for (let attempt = 0; attempt < 1_000; attempt += 1) {
    const socket = connect(site.server.port, site.server.host)
    socket.on('error', () => undefined)
    const greeting = await new Promise<string>((resolve) => {
      socket.once('data', (chunk) => resolve(chunk.toString('latin1')))
      socket.once('close', () => resolve(''))
    })
    t.after(() => socket.destroy())
    if (GREETING.test(greeting)) return socket
    socket.destroy()
  }
  return assert.fail('the server never had a place')
}

async function waitsForAPlace(t: TestContext, site: Site): Promise<void> {
  const other = await occupant(t, site)
  const rig = createRig(t, site, bytes)
  let tries = 0
  const on = (event: TransferEvent): void => {
    if (event.kind !== 'retrying') return
    tries += 1
    if (tries === 2) other.destroy()
  }
  const result = await rig.upload({ on, policy: { retries: 50 } })
  assert.equal(result.status, 'complete', result.failure?.message)
  assert.ok(tries >= 2, `${tries} tries`)
  assert.ok(rig.stored()?.equals(bytes), 'wrong bytes')
}

test('sftp: OpenSSH that takes no more connections for now', async (t) => {
  const site = await sftpSite(t, { extraConfig: 'PerSourceMaxStartups 1' })
  if (site !== null) await waitsForAPlace(t, site)
})

test('ftp: vsftpd that takes no more connections for now', async (t) => {
  if (serverOrSkip(t, 'vsftpd') === null) return
  const server = await startVsftpd({ extra: ['max_clients=1'] })
  t.after(() => server.dispose())
  const proxy = await startTcpProxy({ target: { host: server.host, port: server.port }, ftp: true })
  t.after(() => proxy.close())
  const { username, password } = server
  const url = (path: string): string => `ftp://127.0.0.1:${proxy.port}/${path}`
  await waitsForAPlace(t, { server, proxy, inputs: { username, password }, secrets: [], channel: 'data', url })
})
