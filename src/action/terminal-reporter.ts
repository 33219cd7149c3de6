/** On a terminal: one live line of progress below the lines that stay. Elsewhere the same as the action's log. */
import { printable } from '../core/text.ts'
import type { Clock, TransferEvent } from '../engine/ports.ts'
import type { Host } from './host.ts'
import type { LogLevel } from './job.ts'
import { createProgressTracker } from './progress.ts'
import { createReporter, type LogReporter } from './reporter.ts'
import type { Terminal } from './terminal.ts'

const DRAW_MS = 200
/** Redrawn at least this often, so that a stall is seen. */
const IDLE_DRAW_MS = 1000
/** The rate shown is that of a stretch this long. */
const STRETCH_MS = 3000

export function createTerminalReporter(host: Host, terminal: Terminal, clock: Clock, level: LogLevel): LogReporter {
  const log = createReporter(host, clock, { level, heartbeat: !terminal.isLive })
  return terminal.isLive && level !== 'minimal' ? withLiveLine(log, host, terminal, clock) : log
}

function withLiveLine(log: LogReporter, host: Host, terminal: Terminal, clock: Clock): LogReporter {
  const tracker = createProgressTracker()
  let drawnMs = Number.NEGATIVE_INFINITY
  let stretchMs = clock.nowMs()
  let stop: (() => void) | null = null

  const draw = (): void => {
    const now = clock.nowMs()
    const isNewStretch = now - stretchMs >= STRETCH_MS
    const shown = tracker.names().flatMap((name) => {
      const text = tracker.line(name, now, isNewStretch)
      return text === null ? [] : [`${name}: ${text}`]
    })
    if (isNewStretch) stretchMs = now
    drawnMs = now
    terminal.live(printable(host.redact(shown.join('  '))))
  }

  const tick = (): void => {
    draw()
    stop = clock.after(IDLE_DRAW_MS, tick)
  }

  const still = (): void => {
    stop?.()
    stop = null
    terminal.live('')
  }

  return {
    warnings: log.warnings,
    report(event: TransferEvent) {
      tracker.take(event, clock.nowMs())
      if (event.kind === 'finished' && tracker.names().length === 0) still()
      log.report(event)
      if (tracker.names().length === 0) return
      if (stop === null) stop = clock.after(IDLE_DRAW_MS, tick)
      if (clock.nowMs() - drawnMs >= DRAW_MS) draw()
    },
    close() {
      still()
      log.close()
    },
  }
}
