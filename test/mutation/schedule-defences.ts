/** Every wait and every repetition ends: src/engine/scheduler.ts, exchange.ts, src/core/retry.ts, src/action/deadline.ts. */
import { type Defence, here, simulated, unit } from './defence.ts'

const SCHEDULER = 'src/engine/scheduler.ts'

export const SCHEDULE_DEFENCES: readonly Defence[] = [
  {
    name: 'stall-watch',
    protects: 'from waiting for ever for a server that moves nothing',
    edits: [{ file: 'src/engine/exchange.ts', find: '  arm()\n  try {\n', replace: '  try {\n' }],
    detectors: [simulated('upload', 'openssh'), simulated('download', 'openssh')],
  },
  {
    name: 'trickle-is-a-stall',
    protects: 'from a server that sends a byte now and then',
    edits: [{ file: 'src/engine/exchange.ts', find: 'alive - seen >= TRICKLE_BYTES', replace: 'alive - seen >= 1' }],
    detectors: [unit('exchange', 'less than 4 KiB')],
  },
  {
    name: 'digest-calls-are-bounded',
    protects: 'from a flood of digest commands at a server whose digests are wrong',
    edits: [
      {
        file: 'src/engine/verify.ts',
        find: 'if (range.end <= range.start || calls >= DIGEST_CALLS_MAX) return',
        replace: 'if (range.end <= range.start) return',
      },
    ],
    detectors: [here('gaps', 'a digester that is always wrong')],
  },
  {
    name: 'retries-end',
    protects: 'from trying for ever',
    edits: [
      {
        file: SCHEDULER,
        find: 'if (failures > how.policy.retries) throw error',
        replace: 'if (failures > how.policy.retries + 40) throw error',
      },
    ],
    detectors: [unit('scheduler', 'a passing trouble')],
  },
  {
    name: 'replans-end',
    protects: 'from plan and server disagreeing for ever',
    edits: [{ file: SCHEDULER, find: 'if (replans >= REPLANS_MAX) throw error', replace: 'if (replans >= REPLANS_MAX + 40) throw error' }],
    detectors: [unit('scheduler', 'plan and server may disagree')],
  },
  {
    name: 'restarts-end',
    protects: 'from starting over for ever with a file that always changes',
    edits: [{ file: SCHEDULER, find: 'restarts < RESTARTS_MAX', replace: 'restarts < RESTARTS_MAX + 40' }],
    detectors: [unit('scheduler', 'a changed source starts over')],
  },
  {
    name: 'stop-wins',
    protects: 'from going on after a stop',
    edits: [{ file: SCHEDULER, find: '      if (signal.aborted) throw abortError(signal)\n', replace: '' }],
    detectors: [unit('scheduler', 'a stop wins')],
  },
  {
    name: 'only-passing-troubles-are-repeated',
    protects: 'from repeating what is final: a wrong password, an untrusted server',
    edits: [
      { file: 'src/core/errors.ts', find: "  denied: 'fail',\n  untrusted: 'fail',", replace: "  denied: 'retry',\n  untrusted: 'retry'," },
    ],
    detectors: [unit('scheduler', 'everything else is final')],
  },
  {
    name: 'retry-after-is-capped',
    protects: 'from a server that decides how long the job runs',
    edits: [{ file: 'src/core/retry.ts', find: 'return Math.min(retryAfterMs, RETRY_AFTER_MAX_MS)', replace: 'return retryAfterMs' }],
    detectors: [unit('retry')],
  },
  {
    name: 'second-signal-does-not-kill',
    protects: 'from a second SIGINT that ends the process while it saves',
    edits: [
      {
        file: 'src/action/deadline.ts',
        find: '    source.on(name, stop)\n',
        replace:
          '    source.on(name, () => {\n      stop()\n      source.off(name, stop)\n      for (const one of STOP_SIGNALS) controller.signal.addEventListener("abort", () => source.off(one, stop))\n      Reflect.get(source, "removeAllListeners")?.call(source, name)\n    })\n',
      },
    ],
    detectors: [unit('deadline')],
  },
]
