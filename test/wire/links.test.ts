/** Somebody else with an account on the server has put a link in the place of our partial: what it points at is not ours to write. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { chmodSync, chownSync, existsSync, lstatSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { type TestContext, test } from 'node:test'
import { contentFingerprint, fingerprintTag } from '../../src/core/fingerprint.ts'
import { partialName } from '../../src/core/paths.ts'
import { proftpdSite, type Site, sftpSite } from '../e2e/sites.ts'
import { type ServerName, serverOrSkip } from '../servers/debian.ts'
import { startPureFtpd } from '../servers/pureftpd.ts'
import { startPyftpdlib } from '../servers/pyftpdlib.ts'
import type { TestServer } from '../servers/server.ts'
import { seededBytes } from '../support/prng.ts'
import { startTcpProxy } from '../support/tcp-proxy.ts'
import { GROUNDS, type Ground, laidOut } from './grounds.ts'
import { BLOCK, KEY, NAME, type Rig, SIZE } from './rig.ts'

const bytes = Buffer.from(seededBytes(29, SIZE))
const blocks = Array.from({ length: Math.ceil(SIZE / BLOCK) }, (_, i) =>
  createHash('sha256')
    .update(bytes.subarray(i * BLOCK, (i + 1) * BLOCK))
    .digest('hex'),
)
const source = contentFingerprint({ size: SIZE, blockSize: BLOCK, blocks })
const NONCE = '0a1b2c3d'
const PARTIAL = partialName(NAME, fingerprintTag(source), NONCE)

/** What the link points at; null is nothing. The ones that look like a partial of ours are those that continuing would write into, or publish. */
const VICTIMS: Readonly<Record<string, Buffer | null>> = {
  'another file': Buffer.from('of somebody else'),
  'a longer file': Buffer.alloc(SIZE + BLOCK, 1),
  'a file that begins as the source': bytes.subarray(0, 8 * BLOCK),
  'a file with the same content': bytes,
  nothing: null,
}

/** Servers that shut the account into the root find nothing behind a link out of it. */
const PLACES: Readonly<Record<string, (site: Site, folder: string) => string>> = {
  'in another folder': (_site, folder) => join(folder, 'elsewhere'),
  'outside of the root': (site) => site.server.directory,
}

function assertUntouched(victim: string, content: Buffer | null): void {
  const there = existsSync(victim)
  assert.ok(content === null ? !there : there && readFileSync(victim).equals(content), 'what the link points at was written')
}

interface Trap {
  readonly rig: Rig
  readonly link: string
  readonly victim: string
}

/** The account of the server may write what the link points at. */
function trap(t: TestContext, ground: Ground, site: Site, place: string, content: Buffer | null): Trap {
  const rig = laidOut(t, ground, site, 'upload', bytes)
  const folder = dirname(rig.storedPath)
  const there = PLACES[place]?.(site, folder) ?? assert.fail(place)
  mkdirSync(there, { recursive: true })
  if (there !== site.server.directory) chmodSync(there, 0o777)
  const victim = join(there, 'victim.bin')
  const link = join(folder, PARTIAL)
  t.after(() => {
    for (const path of [link, victim, rig.storedPath]) rmSync(path, { force: true })
  })
  if (content !== null) {
    writeFileSync(victim, content)
    chmodSync(victim, 0o666)
  }
  symlinkSync(relative(folder, victim), link)
  // An attempt had its partial there.
  rig.journal.set(KEY, { key: KEY, source, nonce: NONCE, ended: false, blockSize: BLOCK, checkKey: null, blocks, acknowledged: [] })
  return { rig, link, victim }
}

/** `seen`: the server shows what is behind the link, so that the engine meets it. Else it stays where it is, under a name that nobody uses any more. */
function assertPublished({ rig, link }: Trap, seen: boolean): void {
  assert.ok(lstatSync(rig.storedPath).isFile(), 'what was published is no file of its own')
  assert.ok(rig.stored()?.equals(bytes), 'wrong bytes')
  if (seen) assert.equal(lstatSync(link, { throwIfNoEntry: false }), undefined, 'the link is still there')
}

/** An FTP server that no other test of this folder needs. */
function ftpGround(name: string, needs: ServerName, start: () => Promise<TestServer>): Ground {
  const open = async (t: TestContext): Promise<Site | null> => {
    if (serverOrSkip(t, needs) === null) return null
    const server = await start()
    t.after(() => server.dispose())
    const proxy = await startTcpProxy({ target: { host: server.host, port: server.port }, ftp: true })
    t.after(() => proxy.close())
    const { username, password } = server
    const url = (path: string): string => `ftp://${proxy.host}:${proxy.port}/${path}`
    return { server, proxy, inputs: { username, password }, secrets: [password], channel: 'data', url }
  }
  return { name, column: 'ftp', ways: ['upload'], open, folder: '', plain: true }
}

const UPLOADS = GROUNDS.filter(({ ways }) => ways.includes('upload'))
const SEEING: readonly Ground[] = [
  ...UPLOADS.filter(({ column }) => column !== 'http'),
  { name: 'ftp: ProFTPD', column: 'ftp', ways: ['upload'], open: proftpdSite, folder: '', plain: true },
  ftpGround('ftp: Pure-FTPd', 'pure-ftpd', () => startPureFtpd()),
  ftpGround('ftp: pyftpdlib', 'pyftpdlib', startPyftpdlib),
]

for (const ground of SEEING) {
  test(`a link in the place of the partial: ${ground.name}`, async (t) => {
    const site = await ground.open(t)
    if (site === null) return
    for (const place of Object.keys(PLACES))
      for (const [what, content] of Object.entries(VICTIMS))
        await t.test(`to ${what} ${place}`, async (t) => {
          const laid = trap(t, ground, site, place, content)
          const result = await laid.rig.upload()
          assertUntouched(laid.victim, content)
          assert.equal(result.status, 'complete', result.failure?.message)
          assertPublished(laid, content !== null && place === 'in another folder')
          assert.equal(result.resumedFrom, 0, 'bytes behind the link count as sent')
        })
  })
}

/** WebDAV has no word for a link: what is behind it looks like a file of the folder. Only a whole PUT of mod_dav replaces it. */
for (const ground of UPLOADS.filter(({ column }) => column === 'http')) {
  test(`a link that the protocol cannot show: ${ground.name}`, async (t) => {
    const site = await ground.open(t)
    if (site === null) return
    for (const place of Object.keys(PLACES))
      for (const [what, content] of Object.entries(VICTIMS))
        await t.test(`to ${what} ${place}`, async (t) => {
          const laid = trap(t, ground, site, place, content)
          const result = await laid.rig.upload()
          const looksLikeOurs = content?.equals(bytes.subarray(0, content.length)) === true
          assertUntouched(laid.victim, looksLikeOurs ? bytes : content)
          if (result.status === 'complete') assert.ok(laid.rig.stored()?.equals(bytes), 'wrong bytes')
          else assert.deepEqual([result.status, laid.rig.stored()], ['failed', null], result.failure?.message)
          t.diagnostic(`${result.failure?.kind ?? result.status}${looksLikeOurs ? ', through the link' : ''}`)
        })
  })
}

test('a link that may not be removed: sftp: OpenSSH', async (t) => {
  const site = await sftpSite(t)
  if (site === null) return
  const ground = UPLOADS.find(({ column }) => column === 'sftp') ?? assert.fail()
  for (const what of ['another file', 'a file that begins as the source', 'nothing']) {
    await t.test(`to ${what}`, async (t) => {
      const content = VICTIMS[what] ?? null
      const laid = trap(t, ground, site, 'in another folder', content)
      // In a sticky folder of somebody else everybody may make names and only take away his own. Whether such a link is followed is a setting of the kernel.
      chownSync(site.server.root, 0, 0)
      chmodSync(site.server.root, 0o1777)
      const result = await laid.rig.upload({ policy: { retries: 1 } })
      assert.equal(result.status, 'complete', result.failure?.message)
      assertUntouched(laid.victim, content)
      assert.ok(laid.rig.stored()?.equals(bytes), 'wrong bytes')
      assert.ok(lstatSync(laid.link).isSymbolicLink())
    })
  }
})
