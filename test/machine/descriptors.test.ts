/** A process that has used up its descriptors: what needs one fails as something that passes, leaks none, and works as soon as there are some again. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { MIB } from '../e2e/files.ts'

interface Failure {
  readonly kind: string
  readonly message: string
}

interface Found {
  readonly opening: readonly Failure[]
  readonly blocks: number
  readonly digesting: Failure
  readonly digest: string
}

test('no descriptors: for a source, for the thread that hashes it, for that of a partial', {
  skip: process.platform === 'win32' ? 'no such limit there' : false,
}, (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'descriptors-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const path = join(folder, 'source.bin')
  writeFileSync(path, Buffer.alloc(2 * MIB))
  const program = fileURLToPath(new URL('no-descriptors.ts', import.meta.url))
  const limited = ['-c', 'ulimit -n 100 && exec "$0" "$@"', process.execPath, program, path]
  const { status, stdout, stderr } = spawnSync('sh', limited, { encoding: 'utf8' })
  assert.equal(status, 0, stderr)
  const { opening, blocks, digesting, digest } = JSON.parse(stdout) as Found
  for (const { kind, message } of [...opening, digesting]) assert.equal(kind, 'transient', message)
  assert.ok(opening.some(({ message }) => message.includes('cannot open')))
  assert.ok(opening.some(({ message }) => message.includes('cannot start a thread')))
  // Each failure gave one back: had they leaked, it would have taken more.
  assert.ok(opening.length < 20, `${opening.length} failures`)
  assert.equal(blocks, 2)
  assert.equal(digest, createHash('sha256').update(Buffer.alloc(10)).digest('hex'))
})
