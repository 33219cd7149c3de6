/** The server's disk is full (faults 82, 83): no-space, what arrived stays, and the next attempt goes on once there is room. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { MIB, partialsIn } from '../e2e/files.ts'
import { assertComplete, assertFailed } from '../e2e/outcome.ts'
import { ftpsSite, proftpdSite, sftpSite, vsftpdSite } from '../e2e/sites.ts'
import { startApache } from '../servers/apache.ts'
import { serverOrSkip } from '../servers/debian.ts'
import { memoryDisk } from './memory-disk.ts'
import { assertArrived, bytes, finalBytes, old, type Place, smallStep, wholeBlocksIn } from './small.ts'

async function webdavPlace(t: TestContext, { root }: { readonly root: string }): Promise<Place | null> {
  if (serverOrSkip(t, 'apache2') === null) return null
  const server = await startApache({ root })
  t.after(() => server.dispose())
  const { host, port, username, password } = server
  return {
    server: { ...server, root: join(root, 'dav') },
    inputs: { username, password },
    secrets: [password],
    url: (path) => `http://${host}:${port}/dav/${path}`,
  }
}

interface Case {
  readonly open: (t: TestContext, options: { readonly root: string }) => Promise<Place | null>
  /** False: the server itself throws away what it could not finish. */
  readonly keeps: boolean
}

const CASES: Readonly<Record<string, Case>> = {
  'sftp: OpenSSH': { open: sftpSite, keeps: true },
  'ftp: vsftpd': { open: vsftpdSite, keeps: true },
  'ftp: ProFTPD': { open: proftpdSite, keeps: true },
  'ftps: vsftpd': { open: (t, options) => ftpsSite(t, 'vsftpd', options), keeps: true },
  'ftps: ProFTPD': { open: (t, options) => ftpsSite(t, 'proftpd', options), keeps: true },
  'http: Apache mod_dav': { open: webdavPlace, keeps: false },
}

for (const [name, { open, keeps }] of Object.entries(CASES)) {
  test(`${name}: the server's disk is full`, async (t) => {
    const disk = memoryDisk(t, 3 * MIB)
    const place = disk === null ? null : await open(t, { root: disk.path })
    if (disk === null || place === null) return
    const step = await smallStep(t, place, 'upload')
    const full = await step.attempt()
    assertFailed(full, 'no-space', 7)
    assert.ok(finalBytes(place, step, 'upload')?.equals(old), 'the final name was touched')
    const kept = wholeBlocksIn(place.server.root)
    assert.equal(kept >= MIB, keeps, `${kept} bytes are on the server: ${partialsIn(place.server.root).join(', ')}`)
    const [message = ''] = full.annotations.filter(({ level }) => level === 'error').map((one) => one.message)
    assert.match(message, /proves what the server kept/)
    assert.doesNotMatch(message, /is kept/, 'nobody has looked')
    disk.resize(16 * MIB)
    step.machine.keepWorkspace()
    const run = await step.attempt()
    assertComplete(run, { resumed: keeps, size: bytes.length })
    assert.ok(Number(run.outputs['bytes-reused']) >= kept, `${run.outputs['bytes-reused']} of ${kept} bytes were kept`)
    assertArrived(place, step, 'upload')
  })
}
