/** Names that are one file: refused before anything is fetched, found when it has happened. */
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, linkSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { findLost, refuseAliases } from '../../src/local/aliases.ts'

const root = mkdtempSync(join(tmpdir(), 'aliases-'))
after(() => rmSync(root, { recursive: true, force: true }))

let places = 0
function folder(): string {
  places += 1
  const made = join(root, String(places))
  mkdirSync(made)
  return made
}

const below = (at: string, ...names: readonly string[]): readonly string[] => names.map((name) => join(at, name))

test('different files are no aliases, and nothing is made or left', async () => {
  const at = folder()
  writeFileSync(join(at, 'there'), 'x')
  await refuseAliases(below(at, 'there', 'a', 'b', 'sub/a', 'sub/deeper/a', 'other/a'))
  assert.deepEqual(readdirSync(at), ['there'])
})

test('a link among the directories makes two names one file', {
  skip: process.platform === 'win32' ? 'links need rights' : false,
}, async () => {
  const at = folder()
  mkdirSync(join(at, 'v2'))
  symlinkSync('v2', join(at, 'current'))
  for (const [one = '', other = ''] of [
    ['current/app.bin', 'v2/app.bin'],
    ['current/new/app.bin', 'v2/new/app.bin'],
  ])
    await assert.rejects(refuseAliases(below(at, 'x', one, other)), (error: Error & { kind?: string }) => {
      return error.kind === 'conflict' && error.message.includes(join(at, one)) && error.message.includes(join(at, other))
    })
  await refuseAliases(below(at, 'current/app.bin', 'v2/other.bin'))
  // A link in the place of a file is replaced: it makes nothing one.
  symlinkSync('b', join(at, 'a'))
  await refuseAliases(below(at, 'a', 'b'))
})

test('letter case and accents are one file where the disk says so, and two where it does not', async (t) => {
  const at = folder()
  const pairs = [
    ['App.bin', 'app.bin'],
    ['e\u0301.bin', '\u00e9.bin'],
    ['Sub/app.bin', 'sub/app.bin'],
  ] as const
  for (const [one, other] of pairs) {
    const probe = folder()
    mkdirSync(join(probe, one.includes('/') ? 'Sub' : ''), { recursive: true })
    writeFileSync(join(probe, one), '')
    const folds = existsSync(join(probe, other))
    t.diagnostic(`${one}: ${folds ? 'one' : 'two'}`)
    const looked = refuseAliases(below(at, one, other))
    if (folds) await assert.rejects(looked, { kind: 'conflict' })
    else await looked
  }
  assert.deepEqual(readdirSync(at), [])
})

test('on a disk that folds', { skip: process.platform === 'linux' ? false : 'needs mkfs.vfat or tmpfs with casefold' }, async (t) => {
  const at = folder()
  const options = 'size=1M,casefold=utf8-12.1.0'
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'none', at])
  if (mounted.status !== 0) return t.skip('no tmpfs that folds here')
  t.after(() => execFileSync('umount', ['-l', at]))
  if (spawnSync('chattr', ['+F', at]).status !== 0) return t.skip('no folder that folds here')
  await assert.rejects(refuseAliases(below(at, 'App.bin', 'app.bin')), { kind: 'conflict' })
})

test('names too long to be tried are refused when they fold together', async () => {
  const at = folder()
  const long = 'n'.repeat(250)
  await assert.rejects(refuseAliases(below(at, `${long}a`, `${long}A`)), { kind: 'conflict' })
})

const whole = (path: string, content: string, digest: string | null = `sha256:${content}`) => {
  writeFileSync(path, content)
  return { path, size: content.length, digest }
}

test('the last look: everything in place is nothing wrong', async () => {
  const at = folder()
  const targets = [whole(join(at, 'a'), 'one'), whole(join(at, 'b'), 'two'), { ...whole(join(at, 'c'), 'three'), size: null }]
  assert.deepEqual(await findLost(targets), [null, null, null])
})

test('the last look: gone, replaced by something else, or of another size', async () => {
  const at = folder()
  const targets = ['a', 'b', 'c', 'd'].map((name) => whole(join(at, name), 'content'))
  rmSync(join(at, 'a'))
  rmSync(join(at, 'b'))
  mkdirSync(join(at, 'b'))
  truncateSync(join(at, 'c'), 3)
  const [gone, directory, cut, right] = await findLost(targets)
  assert.match(gone?.message ?? '', /is gone/)
  assert.match(directory?.message ?? '', /no plain file/)
  assert.match(cut?.message ?? '', /holds 3 bytes, and 7 were put/)
  assert.equal(right, null)
  assert.equal(cut?.kind, 'conflict')
})

test('the last look: two names of one file, where the later line has it', async () => {
  const at = folder()
  const [first, second] = [join(at, 'first'), join(at, 'second')]
  const later = whole(second, 'later')
  linkSync(second, first)
  const lost = await findLost([{ path: first, size: 5, digest: 'sha256:other' }, later])
  assert.match(lost[0]?.message ?? '', /are one file/)
  assert.equal(lost[1], null)
  assert.deepEqual(await findLost([{ ...later, path: first }, later]), [null, null], 'both were to hold these bytes')
})
