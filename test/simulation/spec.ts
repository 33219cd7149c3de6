/** A history as one line of text, from which it can be run again: profile:direction:size:policy:seed:attempts, and a second process where there is one. */
import type { TransferPolicy } from '../../src/engine/ports.ts'
import { KINDS, type Kind, type PlannedFault } from './alphabet.ts'
import { parseTwin, type TwinPlan, twinText } from './duet.ts'
import type { Direction } from './scene.ts'

/** `given`: with the digest that the user gives. */
/** `always`, `renames`: what `publish-without-rename` says. */
export type PolicyName = 'auto' | 'full' | 'size' | 'never' | 'fail' | 'given' | 'always' | 'renames'

export const POLICIES: Readonly<Record<PolicyName, TransferPolicy>> = (() => {
  const auto: TransferPolicy = {
    resume: 'auto',
    verify: 'auto',
    onChange: 'restart',
    publishWithoutRename: 'auto',
    timeoutMs: 30_000,
    retries: 5,
  }
  return {
    auto,
    full: { ...auto, verify: 'full' },
    size: { ...auto, verify: 'size' },
    never: { ...auto, resume: 'never' },
    fail: { ...auto, onChange: 'fail' },
    given: auto,
    always: { ...auto, publishWithoutRename: 'always' },
    renames: { ...auto, publishWithoutRename: 'never' },
  }
})()

export interface HistorySpec {
  readonly profile: string
  readonly direction: Direction
  /** Of the source at first, in bytes. */
  readonly size: number
  readonly policy: PolicyName
  /** Of contents, and of the fate of what is in flight. */
  readonly seed: number
  /** What goes wrong in each attempt. One more without any fault follows. */
  readonly attempts: readonly (readonly PlannedFault[])[]
  /** A second process with the same target. */
  readonly twin: TwinPlan | null
}

export function specText({ profile, direction, size, policy, seed, attempts, twin }: HistorySpec): string {
  const plans = attempts.map((plan) => plan.map(({ kind, step }) => (step === 0 ? kind : `${kind}@${step}`)).join(',') || '-')
  return [profile, direction, size, policy, seed, plans.join('/'), ...(twin === null ? [] : [twinText(twin)])].join(':')
}

export function parseSpec(text: string): HistorySpec {
  const [profile = '', direction, size, policy, seed, plans = '', twin] = text.trim().split(':')
  if (direction !== 'upload' && direction !== 'download') throw new Error(`no history: ${text}`)
  if (policy === undefined || !Object.hasOwn(POLICIES, policy)) throw new Error(`no policy: ${policy}`)
  const attempts = plans === '' ? [] : plans.split('/').map((plan) => (plan === '-' ? [] : plan.split(',').map(parseFault)))
  return {
    profile,
    direction,
    size: Number(size),
    policy: policy as PolicyName,
    seed: Number(seed),
    attempts,
    twin: twin === undefined ? null : parseTwin(twin),
  }
}

function parseFault(text: string): PlannedFault {
  const [kind, step = '0'] = text.split('@')
  if (!KINDS.includes(kind as Kind) || !/^\d+$/.test(step)) throw new Error(`no fault: ${text}`)
  return { kind: kind as Kind, step: Number(step) }
}
