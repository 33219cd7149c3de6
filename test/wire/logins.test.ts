/** Whom a connection that is made anew in the middle of a transfer trusts, and what a refused login leaves behind. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { TransferEvent } from '../../src/engine/ports.ts'
import type { Site } from '../e2e/sites.ts'
import { serverOrSkip } from '../servers/debian.ts'
import { startNginx } from '../servers/nginx.ts'
import { startOpenssh } from '../servers/openssh.ts'
import { startVsftpd } from '../servers/vsftpd.ts'
import { seededBytes } from '../support/prng.ts'
import { startTcpProxy } from '../support/tcp-proxy.ts'
import { GROUNDS, type Ground, laidOut } from './grounds.ts'
import { type Rig, SIZE } from './rig.ts'

const bytes = Buffer.from(seededBytes(13, SIZE))
const CUT = SIZE / 2

/** Two servers of one kind behind one proxy, which sends everything to the second one once the first connection is cut. */
interface Impostor {
  readonly site: Site
  readonly way: 'upload' | 'download'
  /** The second server lets everybody in that it can. */
  turn(): void
}

async function behindOne(
  t: TestContext,
  servers: readonly { readonly host: string; readonly port: number }[],
  made: Omit<Site, 'proxy' | 'url'>,
  url: (port: number, path: string) => string,
  way: Impostor['way'],
): Promise<Impostor> {
  const [first, second] = servers
  const target = { host: first?.host ?? '', port: first?.port ?? 0 }
  const proxy = await startTcpProxy({ target, ftp: made.channel === 'data' })
  t.after(() => proxy.close())
  const turn = (): void => {
    target.port = second?.port ?? 0
  }
  return { site: { ...made, proxy, url: (path) => url(proxy.port, path) }, way, turn }
}

async function otherHostKey(t: TestContext): Promise<Impostor | null> {
  if (serverOrSkip(t, 'sshd') === null) return null
  const [mine, foreign] = [await startOpenssh(), await startOpenssh()]
  for (const server of [mine, foreign]) t.after(() => server.dispose())
  const { username, privateKey } = mine
  const key = mine.knownHosts?.split(' ').slice(1).join(' ') ?? ''
  const made = {
    server: mine,
    secrets: [],
    channel: 'control' as const,
    inputs: { username, 'private-key': privateKey, 'known-hosts': `* ${key}` },
  }
  return behindOne(t, [mine, foreign], made, (port, path) => `sftp://127.0.0.1:${port}/~/${path}`, 'upload')
}

async function otherCertificateFtps(t: TestContext): Promise<Impostor | null> {
  if (serverOrSkip(t, 'vsftpd') === null) return null
  const [mine, foreign] = [await startVsftpd(), await startVsftpd()]
  for (const server of [mine, foreign]) t.after(() => server.dispose())
  const { username, password, tlsCa } = mine
  const made = { server: mine, secrets: [], channel: 'control' as const, inputs: { username, password, 'tls-ca': tlsCa ?? '' } }
  return behindOne(t, [mine, foreign], made, (port, path) => `ftps://127.0.0.1:${port}/${path}`, 'upload')
}

async function otherCertificateHttps(t: TestContext): Promise<Impostor | null> {
  if (serverOrSkip(t, 'nginx') === null) return null
  const [mine, foreign] = [await startNginx(), await startNginx()]
  for (const server of [mine, foreign]) t.after(() => server.dispose())
  const made = { server: mine, secrets: [], channel: 'control' as const, inputs: { 'tls-ca': mine.tlsCa ?? '' } }
  const ports = [mine, foreign].map(({ host, tlsPort }) => ({ host, port: tlsPort }))
  return behindOne(t, ports, made, (port, path) => `https://127.0.0.1:${port}/s/${path}`, 'download')
}

const IMPOSTORS: Readonly<Record<string, (t: TestContext) => Promise<Impostor | null>>> = {
  'sftp: another host key': otherHostKey,
  'ftps: another certificate': otherCertificateFtps,
  'https: another certificate': otherCertificateHttps,
}

for (const [name, open] of Object.entries(IMPOSTORS)) {
  test(`${name} after the connection was cut in the middle`, async (t) => {
    const impostor = await open(t)
    if (impostor === null) return
    const { site, way, turn } = impostor
    const ground: Ground = { name, column: 'sftp', ways: [way], open: async () => site, folder: '', plain: false }
    const rig = laidOut(t, ground, site, way, bytes)
    let tries = 0
    let struck = false
    let phase = ''
    const on = (event: TransferEvent): void => {
      if (event.kind === 'retrying') tries += 1
      if (event.kind === 'phase') phase = event.phase
      // An upload is hashed first, perhaps before there is a connection to cut.
      if (struck || phase !== 'transferring' || event.kind !== 'progress' || event.done < CUT || event.done === SIZE) return
      struck = true
      turn()
      for (const direction of ['up', 'down'] as const) site.proxy.strike({ kind: 'rst', direction, at: 0 })
    }
    const result = await rig[way]({ on, policy: { retries: 3 } })
    assert.ok(struck, 'never came to the middle')
    assert.deepEqual([result.status, result.failure?.kind], ['failed', 'untrusted'], result.failure?.message)
    // The lost connection; that somebody else answers is no passing trouble.
    assert.ok(tries <= 1, `${tries} tries`)
    assert.equal(way === 'upload' ? rig.stored() : rig.received(), null)
  })
}

/**
 * A wrong password is one try, and leaves the partial where the right one finds it. Over HTTP it is two requests: OPTIONS alone may be refused where all else is
 * allowed, so that the second refusal is the answer.
 */
async function refusedThenRight(ground: Ground, rig: Rig): Promise<void> {
  const { proxy, channel } = rig.site
  proxy.plan({ kind: 'fin', direction: 'up', channel, at: CUT })
  const first = await rig.upload({ policy: { retries: 0 } })
  proxy.clear()
  assert.equal(first.failure?.kind, 'transient', first.failure?.message)
  const kept = rig.storedPartial()
  const logins = proxy.connections.filter((c) => c.channel === 'control').length
  const refused = await rig.upload({ inputs: { password: 'not-the-password', 'private-key': '' } })
  assert.equal(refused.failure?.kind, 'denied', refused.failure?.message)
  const tries = proxy.connections.filter((c) => c.channel === 'control').length - logins
  assert.ok(tries >= 1 && tries <= (ground.column === 'http' ? 2 : 1), `${tries} tries`)
  assert.equal(rig.storedPartial(), kept, 'the partial was touched')
  const right = await rig.upload()
  assert.equal(right.status, 'complete', right.failure?.message)
  assert.ok(right.resumedFrom >= Math.floor(kept / 65_536) * 65_536, `continued at ${right.resumedFrom}`)
  assert.ok(rig.stored()?.equals(bytes), 'wrong bytes')
}

for (const ground of GROUNDS.filter(({ ways }) => ways.includes('upload'))) {
  test(`a wrong password between two attempts: ${ground.name}`, async (t) => {
    const site = await ground.open(t)
    if (site !== null) await refusedThenRight(ground, laidOut(t, ground, site, 'upload', bytes))
  })
}
