/** `npm run mutate [-- part of a name]`: takes every defence away and prints which test noticed, and after how long. */
import { DEFENCES } from './catalogue.ts'
import { type Defence, type Detector, labelOf } from './defence.ts'
import { trial, type Verdict } from './trial.ts'

interface Row {
  readonly defence: Defence
  readonly detector: Detector
  readonly verdict: Verdict
}

const asked = process.argv[2] ?? ''
const queue = DEFENCES.filter(({ name }) => name.includes(asked)).flatMap((defence) =>
  defence.detectors.map((detector) => ({ defence, detector })),
)
const started = performance.now()
const rows: Row[] = []

function cells({ defence, detector, verdict }: Row): string {
  const off = defence.maskedBy === undefined ? defence.name : `${defence.name} (masked by ${defence.maskedBy.name}; both off)`
  const by = labelOf(detector)
  const found = `${verdict.caught ? '' : 'NOT CAUGHT: '}${verdict.evidence.replaceAll('|', '¦').replaceAll('\n', ' ').slice(0, 160)}`
  return `| ${off} | ${by} | ${verdict.seconds.toFixed(1)} s | ${found} |`
}

async function lane(): Promise<void> {
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    const { defence, detector } = next
    const off = [defence.name, ...(defence.maskedBy === undefined ? [] : [defence.maskedBy.name])]
    const row = { defence, detector, verdict: await trial(off, detector) }
    rows.push(row)
    console.log(cells(row))
  }
}

console.log('| defence taken away | detector | after | what failed |\n|---|---|---|---|')
await Promise.all([lane(), lane()])
const missed = rows.filter(({ verdict }) => !verdict.caught)
const seconds = (performance.now() - started) / 1000
console.log(
  `\n${rows.length} trials of ${new Set(rows.map(({ defence }) => defence)).size} defences in ${seconds.toFixed(0)} s, ${missed.length} not caught.`,
)
process.exitCode = missed.length === 0 && rows.length > 0 ? 0 : 1
