/** Events as lines of a log that nobody can scroll back over: few, whole, and never silent for long. */
import { formatBytes, formatDuration, formatRate } from '../core/units.ts'
import type { Clock, Reporter, TransferEvent, TransferResult } from '../engine/ports.ts'
import type { Host } from './host.ts'
import type { LogLevel } from './job.ts'
import { createProgressTracker, phaseText } from './progress.ts'

export interface LogReporter extends Reporter {
  /** Every warning so far, once each; for the summary. */
  readonly warnings: () => readonly string[]
  /** Stops the heartbeat and leaves the group that is open. */
  close(): void
}

export interface ReporterOptions {
  readonly level: LogLevel
  /** False where something else shows the progress. */
  readonly heartbeat: boolean
}

const HEARTBEAT_MS = 10_000

type Lines = Pick<Host, 'info' | 'warning' | 'startGroup' | 'endGroup'>

export function createReporter(lines: Lines, clock: Clock, options: ReporterOptions): LogReporter {
  const tracker = createProgressTracker()
  const warnings = new Set<string>()
  let openGroup: string | null = null
  let stopHeartbeat: (() => void) | null = null
  const isMinimal = options.level === 'minimal'

  const say = (name: string, text: string): void => lines.info(name !== '' && tracker.names().length > 1 ? `${name}: ${text}` : text)

  const beat = (): void => {
    for (const name of tracker.names()) {
      const text = tracker.line(name, clock.nowMs(), true)
      if (text !== null) say(name, text)
    }
    stopHeartbeat = clock.after(HEARTBEAT_MS, beat)
  }

  const closeGroup = (): void => {
    if (openGroup !== null) lines.endGroup()
    openGroup = null
  }

  const started = (name: string, size: number | null): void => {
    if (openGroup === null && !isMinimal) {
      lines.startGroup(size === null ? name : `${name} (${formatBytes(size)})`)
      openGroup = name
    }
    if (stopHeartbeat === null && options.heartbeat && !isMinimal) stopHeartbeat = clock.after(HEARTBEAT_MS, beat)
  }

  const finished = (name: string, result: TransferResult): void => {
    if (tracker.names().length === 0) {
      stopHeartbeat?.()
      stopHeartbeat = null
    }
    if (openGroup === name || tracker.names().length === 0) closeGroup()
    lines.info(resultLine(result))
  }

  const warn = (name: string, message: string): void => {
    if (warnings.has(message)) return
    warnings.add(message)
    lines.warning(name === '' ? message : `${name}: ${message}`)
  }

  const report = (event: TransferEvent): void => {
    tracker.take(event, clock.nowMs())
    if (event.kind === 'started') started(event.name, event.size)
    else if (event.kind === 'finished') finished(event.name, event.result)
    else if (event.kind === 'warning') warn(event.name, event.message)
    else if (event.kind === 'retrying') say(event.name, retryLine(event))
    else if (isMinimal || event.kind === 'progress') return
    else if (event.kind === 'planned') say(event.name, event.decision)
    else if (event.kind === 'note') say(event.name, event.message)
    else if (options.level === 'verbose') say(event.name, phaseText(event.phase))
  }

  return {
    report,
    warnings: () => [...warnings],
    close: () => {
      stopHeartbeat?.()
      stopHeartbeat = null
      closeGroup()
    },
  }
}

function retryLine(event: Extract<TransferEvent, { kind: 'retrying' }>): string {
  return `${event.message}; trying again in ${formatDuration(event.delayMs)} (${event.failuresLeft} more without progress before giving up)`
}

/** `name: complete, 10.0 GiB, …` */
export function resultLine(result: TransferResult): string {
  const kept = result.bytesReused === 0 ? '' : `, ${formatBytes(result.bytesReused)} kept from before`
  const moved = `${formatBytes(result.bytesTransferred)} in ${formatDuration(result.durationMs)}`
  const rate = result.bytesTransferred === 0 ? '' : ` (${formatRate(result.bytesTransferred, result.durationMs)})`
  if (result.status === 'unchanged') return `${result.name}: unchanged, ${proofText(result)}`
  if (result.status === 'complete') return `${result.name}: complete, ${moved}${rate}${kept}, ${proofText(result)}`
  const failure = result.failure === undefined ? '' : `: ${result.failure.message}`
  return `${result.name}: ${result.status} after ${moved}${kept}${failure}`
}

/** `proven by digest (sha256 by the server)` */
export function proofText(result: TransferResult): string {
  if (result.proof === null) return 'not proven'
  return `proven by ${result.proof}${result.proofDetail === null ? '' : ` (${result.proofDetail})`}`
}
