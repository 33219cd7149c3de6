/** The mode of a file that is replaced over FTP, on servers that tell it in a fact, in a line of STAT or LIST, or not at all. */
import assert from 'node:assert/strict'
import { chmodSync, chownSync, statSync, writeFileSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import { ftpSite, proftpdSite, type Site, vsftpdSite } from '../e2e/sites.ts'
import { startInetutilsFtpd } from '../servers/inetutils-ftpd.ts'
import { startPureFtpd } from '../servers/pureftpd.ts'
import { startPyftpdlib } from '../servers/pyftpdlib.ts'
import { seededBytes } from '../support/prng.ts'
import { BLOCK, createRig, type Rig, SIZE } from './rig.ts'

const NEW = Buffer.from(seededBytes(81, SIZE))
const OLD = Buffer.from(seededBytes(82, 3 * BLOCK))

interface Ground {
  readonly open: (t: TestContext) => Promise<Site | null>
  /** Writes at a given place, so that nobody else can ever read a byte of a private file. */
  readonly private: boolean
}

const GROUNDS: Readonly<Record<string, Ground>> = {
  vsftpd: { open: (t) => vsftpdSite(t), private: true },
  ProFTPD: { open: (t) => proftpdSite(t), private: true },
  'Pure-FTPd': { open: (t) => ftpSite(t, 'pure-ftpd', startPureFtpd), private: false },
  pyftpdlib: { open: (t) => ftpSite(t, 'pyftpdlib', startPyftpdlib), private: true },
  'GNU inetutils ftpd': { open: (t) => ftpSite(t, 'inetutils-ftpd', startInetutilsFtpd), private: true },
}

function putOld(rig: Rig, mode: number): void {
  const owner = statSync(rig.site.server.root)
  writeFileSync(rig.storedPath, OLD)
  chownSync(rig.storedPath, owner.uid, owner.gid)
  chmodSync(rig.storedPath, mode)
}

const modeAt = (path: string): string => (statSync(path).mode & 0o777).toString(8)

for (const [name, ground] of Object.entries(GROUNDS)) {
  test(`the mode of a replaced file is kept: ${name}`, async (t) => {
    const site = await ground.open(t)
    if (site === null) return
    for (const mode of [0o600, 0o640, 0o755]) {
      const rig = createRig(t, site, NEW)
      putOld(rig, mode)
      const partial = new Set<string>()
      const told: string[] = []
      const result = await rig.upload({
        on: (event) => {
          if (event.kind === 'warning' || event.kind === 'note') told.push(event.message)
          if (event.kind === 'progress' && rig.storedPartial() > 0) for (const path of rig.partials()) partial.add(modeAt(path))
        },
      })
      assert.equal(result.status, 'complete', result.failure?.message)
      assert.ok(rig.stored()?.equals(NEW), 'wrong bytes')
      assert.equal(modeAt(rig.storedPath), mode.toString(8))
      assert.deepEqual(
        told.filter((text) => /mode/.test(text)),
        [],
      )
      if (mode !== 0o755 && ground.private) for (const seen of partial) assert.match(seen, /0$/, 'others could read the partial')
    }
  })
}

test('a mode that vsftpd is not to set is told: a warning where more people may read the file', async (t) => {
  const site = await vsftpdSite(t, { extra: ['chmod_enable=NO'] })
  if (site === null) return
  for (const [mode, kind] of [
    [0o600, 'warning'],
    [0o755, 'note'],
  ] as const) {
    const rig = createRig(t, site, NEW)
    putOld(rig, mode)
    const told: string[] = []
    const result = await rig.upload({
      on: (event) => {
        if ((event.kind === 'warning' || event.kind === 'note') && /has the mode/.test(event.message)) told.push(event.kind)
      },
    })
    assert.equal(result.status, 'complete', result.failure?.message)
    assert.deepEqual(told, [kind])
  }
})
