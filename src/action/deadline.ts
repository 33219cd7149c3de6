import { TransferError } from '../core/errors.ts'

// Windows sends CTRL_BREAK, which Node calls SIGBREAK, where Linux and macOS get SIGTERM.
const STOP_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGBREAK'] as const

export type StopSignal = (typeof STOP_SIGNALS)[number]

/** Where stop signals come from: `process`, or an EventEmitter in a test. */
export interface SignalSource {
  on(event: StopSignal, listener: () => void): unknown
  off(event: StopSignal, listener: () => void): unknown
}

export interface Deadline {
  /** Aborts with a TransferError of kind `stopped` when the first stop signal comes. */
  readonly signal: AbortSignal
  /** Takes the listeners away; from then on a stop signal does again what Node does without any: it ends the process. */
  dispose(): void
}

/**
 * Turns the runner's stop signals into one AbortSignal. The listeners stay after the first signal: a listener that is gone after one lets the second
 * SIGINT kill the process while it saves, and a pod eviction sends two.
 */
export function deadline(source: SignalSource): Deadline {
  const controller = new AbortController()
  const listeners = STOP_SIGNALS.map((name) => {
    const stop = (): void => controller.abort(new TransferError('stopped', `stopped by ${name}`))
    source.on(name, stop)
    return { name, stop }
  })
  return {
    signal: controller.signal,
    dispose: () => {
      for (const { name, stop } of listeners) source.off(name, stop)
    },
  }
}
