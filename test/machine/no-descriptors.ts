/**
 * Uses up the descriptors of this process. Then opens the source that is named until it works, giving one back after each failure, and proves a partial beside it,
 * whose thread could not start, once there are enough. Prints the failures and what came out.
 */
import { closeSync, openSync } from 'node:fs'
import { openSource } from '../../src/local/source.ts'
import { localTarget } from '../../src/local/target.ts'

interface Failure {
  readonly kind: unknown
  readonly message: string
}

function failureOf(error: unknown): Failure {
  return { kind: error instanceof Error && 'kind' in error ? error.kind : 'none', message: String(error) }
}

const [path = ''] = process.argv.slice(2)
const { signal } = new AbortController()
const partial = await localTarget(path).openPartial('0123456789ab')
await partial.write(0, Buffer.alloc(10))
const taken: number[] = []
try {
  for (;;) taken.push(openSync(path, 'r'))
} catch {
  // none is left
}
partial.settled(10)
const digesting = await partial.digest('sha256', signal).catch(failureOf)
const opening: Failure[] = []
let blocks = 0
while (blocks === 0) {
  try {
    const source = await openSource(path)
    blocks = (await source.blockDigests(1024 * 1024, () => {}, signal)).blocks.length
    await source.close()
  } catch (error) {
    opening.push(failureOf(error))
    const last = taken.pop()
    if (last === undefined) throw error
    closeSync(last)
  }
}
const digest = await partial.digest('sha256', signal)
await partial.close()
process.stdout.write(JSON.stringify({ opening, blocks, digesting, digest }))
