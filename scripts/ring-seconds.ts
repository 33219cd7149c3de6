/** The spec reporter, with the seconds of each ring (a folder of test/) before the totals. Files run beside each other, so the sum is more than the run took. */
import { sep } from 'node:path'
import { Readable } from 'node:stream'
import { spec, type TestEvent } from 'node:test/reporters'

/** The runner's totals begin with this line. */
const TOTALS = /^tests \d+$/

// biome-ignore lint/style/noDefaultExport: the runner takes a reporter from the default export.
export default async function* ringSeconds(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  yield* Readable.from(withSeconds(source)).pipe(new spec())
}

async function* withSeconds(source: AsyncIterable<TestEvent>): AsyncGenerator<TestEvent> {
  const rings = new Map<string, number>()
  for await (const event of source) {
    if (event.type === 'test:summary' && event.data.file !== undefined) {
      const ring = ringOf(event.data.file)
      rings.set(ring, (rings.get(ring) ?? 0) + event.data.duration_ms)
    }
    if (event.type === 'test:diagnostic' && event.data.nesting === 0 && TOTALS.test(event.data.message)) {
      yield { type: 'test:diagnostic', data: { ...event.data, message: `seconds of each ring: ${told(rings)}` } }
    }
    yield event
  }
}

function ringOf(file: string): string {
  const parts = file.split(sep)
  return parts[parts.lastIndexOf('test') + 1] ?? file
}

function told(rings: ReadonlyMap<string, number>): string {
  return [...rings]
    .sort((a, b) => b[1] - a[1])
    .map(([ring, ms]) => `${ring} ${Math.round(ms / 1000)}`)
    .join(', ')
}
