/** The job summary: Markdown that no name and no server can break out of. */
import { markdownCode, printable } from '../core/text.ts'
import { formatBytes, formatDuration, formatRate } from '../core/units.ts'
import type { TransferResult } from '../engine/ports.ts'
import { share } from './progress.ts'

export interface SummaryFacts {
  readonly direction: 'upload' | 'download' | null
  readonly results: readonly TransferResult[]
  readonly warnings: readonly string[]
  /** From failure-text.ts; empty when the step is green. */
  readonly failure: readonly string[]
}

/** The runner drops a summary of more than 1 MiB altogether; it is shared by the steps of one job's page. */
const BYTES_MAX = 512 * 1024
const ROWS_MAX = 500
const WARNINGS_MAX = 50
const WARNING_LENGTH_MAX = 500

export function summaryMarkdown(facts: SummaryFacts): string {
  const title = facts.direction === null ? 'Transfer' : facts.direction === 'upload' ? 'Upload' : 'Download'
  const blocks = [
    `### ${title}: ${headline(facts)}`,
    failureBlock(facts.failure),
    savedLine(facts.results),
    table(facts.results),
    facts.warnings
      .slice(0, WARNINGS_MAX)
      .map((warning) => `> ⚠️ ${markdownCode(warning, WARNING_LENGTH_MAX)}`)
      .join('\n>\n'),
  ]
  return `${blocks.filter((block) => block !== '').join('\n\n')}\n`
}

function headline(facts: SummaryFacts): string {
  const inPlace = facts.results.filter((result) => result.status === 'complete' || result.status === 'unchanged')
  if (facts.failure.length > 0) return facts.results.length === 0 ? 'failed' : `${inPlace.length} of ${facts.results.length} files in place`
  if (inPlace.every((result) => result.status === 'unchanged')) return 'everything was in place already'
  return inPlace.length === 1 ? 'complete' : `${inPlace.length} files complete`
}

/** In a fence: a line to paste, such as a host key, stays as it is. */
function failureBlock(lines: readonly string[]): string {
  if (lines.length === 0) return ''
  return ['```text', ...lines.slice(0, 100).map((line) => printable(line).replaceAll('`', "'")), '```'].join('\n')
}

function savedLine(results: readonly TransferResult[]): string {
  const total = (pick: (result: TransferResult) => number): number => results.reduce((sum, result) => sum + pick(result), 0)
  const resumed = results.filter((result) => result.status !== 'unchanged')
  const reused = resumed.reduce((sum, result) => sum + result.bytesReused, 0)
  if (reused === 0) return ''
  const size = resumed.reduce((sum, result) => sum + (result.size ?? 0), 0)
  const moved = total((result) => result.bytesTransferred)
  const spent = total((result) => result.durationMs)
  const time = moved > 0 && spent > 0 ? `, about ${formatDuration((reused / moved) * spent)} at this rate` : ''
  return `Resume saved **${formatBytes(reused)}**${size > 0 ? ` (${share(reused, size)})` : ''}${time}.`
}

const HEAD = [
  '| File | Result | Size | Moved | Reused | Resumed from | Proof | Time | Rate |',
  '|---|---|--:|--:|--:|--:|---|--:|--:|',
].join('\n')

/** Failed files first, since rows are cut at the end. */
function table(results: readonly TransferResult[]): string {
  if (results.length === 0) return ''
  const isDone = (result: TransferResult): number => (result.status === 'complete' || result.status === 'unchanged' ? 1 : 0)
  const sorted = results.toSorted((a, b) => isDone(a) - isDone(b))
  const rows: string[] = []
  let bytes = 0
  for (const result of sorted.slice(0, ROWS_MAX)) {
    const row = rowOf(result)
    bytes += Buffer.byteLength(row)
    if (bytes > BYTES_MAX) break
    rows.push(row)
  }
  const cut = sorted.length - rows.length
  return [HEAD, ...rows].join('\n') + (cut === 0 ? '' : `\n\n… and ${cut} more ${cut === 1 ? 'file' : 'files'}.`)
}

function rowOf(result: TransferResult): string {
  const proof = result.proof === null ? '–' : result.proof + (result.proofDetail === null ? '' : ` ${markdownCode(result.proofDetail)}`)
  const outcome = result.failure === undefined ? result.status : `${result.status} (${result.failure.kind})`
  const cells = [
    markdownCode(result.name),
    outcome,
    result.size === null ? '–' : formatBytes(result.size),
    formatBytes(result.bytesTransferred),
    formatBytes(result.bytesReused),
    result.resumedFrom === 0 ? '–' : formatBytes(result.resumedFrom),
    proof,
    formatDuration(result.durationMs),
    result.bytesTransferred === 0 ? '–' : formatRate(result.bytesTransferred, result.durationMs),
  ]
  return `| ${cells.join(' | ')} |`
}
