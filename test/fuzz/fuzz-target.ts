/** One thing to be fuzzed: an input, what must hold for it whatever it is, and how to see a failing case again. */
import fc, { type Arbitrary, type Parameters, type RunDetails } from 'fast-check'

export interface FuzzTarget {
  readonly name: string
  /** Inputs that `npm test` tries. */
  readonly runs: number
  check(parameters: FuzzParameters): Promise<FuzzResult>
}

export interface FuzzParameters {
  readonly seed: number
  readonly runs: number
  /** Leads straight to one shrunk case of the seed. */
  readonly path?: string
  readonly timeLimitMs?: number
}

export interface FuzzResult {
  readonly runs: number
  /** Null when everything held. */
  readonly failure: string | null
}

/** `holds` throws when it does not. */
export function fuzzTarget<T>(name: string, runs: number, input: Arbitrary<T>, holds: (value: T) => void | Promise<void>): FuzzTarget {
  const property = fc.asyncProperty(input, async (value) => {
    await holds(value)
  })
  return {
    name,
    runs,
    check: async ({ seed, runs: numRuns, path, timeLimitMs }) => {
      const parameters: Parameters<[T]> = {
        seed,
        numRuns,
        ...(path === undefined ? {} : { path, endOnFailure: true }),
        ...(timeLimitMs === undefined ? {} : { interruptAfterTimeLimit: timeLimitMs, markInterruptAsFailure: false }),
      }
      const details = await fc.check(property, parameters)
      return { runs: details.numRuns, failure: details.failed ? failureText(name, details) : null }
    },
  }
}

const CASE_LENGTH_MAX = 2000

function failureText<T>(name: string, details: RunDetails<[T]>): string {
  const error = details.errorInstance instanceof Error ? details.errorInstance.message : String(details.errorInstance)
  return [
    `${name}: ${error}`,
    `smallest case: ${fc.stringify(details.counterexample).slice(0, CASE_LENGTH_MAX)}`,
    `again: npm run fuzz -- --only ${name} --seed ${details.seed} --path ${details.counterexamplePath ?? ''}`,
  ].join('\n')
}
