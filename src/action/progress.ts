/** What is known about the files under way, and one line of text about each. */
import { formatBytes, formatDuration, formatRate } from '../core/units.ts'
import type { Phase, TransferEvent } from '../engine/ports.ts'

interface FileProgress {
  readonly size: number | null
  readonly phase: Phase | null
  readonly phaseStartedMs: number
  readonly total: number | null
  readonly done: number
  readonly reused: number
  /** Where the line before this one stood, for the rate since. */
  readonly lineMs: number
  readonly lineMoved: number
  readonly movedAtMs: number
}

export interface ProgressTracker {
  take(event: TransferEvent, nowMs: number): void
  readonly names: () => readonly string[]
  /** One line; `mark` begins a new stretch for the rate. Null before the first phase. */
  line(name: string, nowMs: number, mark: boolean): string | null
}

const VERBS: Readonly<Record<Phase, string>> = {
  hashing: 'hashing the source',
  connecting: 'connecting',
  comparing: 'comparing with what is there',
  verifying: 'proving what was kept',
  transferring: 'transferring',
  proving: 'proving the whole file',
  committing: 'putting into place',
}

/** After this long without a byte the line says so. */
const SILENCE_MS = 10_000

export function phaseText(phase: Phase): string {
  return VERBS[phase]
}

export function createProgressTracker(): ProgressTracker {
  const files = new Map<string, FileProgress>()
  const fresh = (size: number | null, nowMs: number): FileProgress => ({
    size,
    phase: null,
    phaseStartedMs: nowMs,
    total: null,
    done: 0,
    reused: 0,
    lineMs: nowMs,
    lineMoved: 0,
    movedAtMs: nowMs,
  })
  return {
    names: () => [...files.keys()],
    take(event, nowMs) {
      if (event.kind === 'started') files.set(event.name, fresh(event.size, nowMs))
      else if (event.kind === 'finished') files.delete(event.name)
      const file = files.get(event.name)
      if (file === undefined) return
      if (event.kind === 'phase') files.set(event.name, { ...fresh(file.size, nowMs), phase: event.phase, total: event.total })
      if (event.kind !== 'progress') return
      const hasMoved = event.done - event.reused !== file.done - file.reused
      files.set(event.name, { ...file, done: event.done, reused: event.reused, movedAtMs: hasMoved ? nowMs : file.movedAtMs })
    },
    line(name, nowMs, mark) {
      const file = files.get(name)
      if (file === undefined || file.phase === null) return null
      if (mark) files.set(name, { ...file, lineMs: nowMs, lineMoved: file.done - file.reused })
      return lineOf(file, file.phase, nowMs)
    },
  }
}

function lineOf(file: FileProgress, phase: Phase, nowMs: number): string {
  const spent = nowMs - file.phaseStartedMs
  if (file.done === 0 && file.total === null) return `${VERBS[phase]} … ${formatDuration(spent)}`
  const moved = file.done - file.reused
  const parts = [
    file.total === null
      ? formatBytes(file.done)
      : `${formatBytes(file.done)} of ${formatBytes(file.total)} (${share(file.done, file.total)})`,
    formatRate(Math.max(0, moved - file.lineMoved), nowMs - file.lineMs),
    ...(file.total === null ? [] : etaOf(file.total - file.done, moved, spent)),
    ...(file.reused === 0 ? [] : [`${formatBytes(file.reused)} reused`]),
    ...(nowMs - file.movedAtMs < SILENCE_MS ? [] : [`no byte for ${formatDuration(nowMs - file.movedAtMs)}`]),
  ]
  return `${VERBS[phase]}: ${parts.join(', ')}`
}

function etaOf(left: number, moved: number, spentMs: number): readonly string[] {
  return left <= 0 || moved <= 0 || spentMs <= 0 ? [] : [`${formatDuration((left / moved) * spentMs)} left`]
}

/** Whole per cent, rounded down, so that 100 % means all of it. */
export function share(part: number, whole: number): string {
  return `${whole <= 0 ? 100 : Math.min(100, Math.floor((part * 100) / whole))} %`
}
