/** What a defence is, how it is taken away, and which tests must notice. The lists are in the files `*-defences.ts`. */

export interface Edit {
  /** Below the root of the repository. */
  readonly file: string
  /** Occurs exactly once in the file; else the defence has moved and this list must follow. */
  readonly find: string
  readonly replace: string
}

export interface Detector {
  readonly file: string
  /** Part of the names of the tests to run. */
  readonly pattern?: string
  /** For the simulation: seeds for each profile and direction. */
  readonly histories?: number
  /** No server has a digest: the defence must be missed there as well. */
  readonly withoutDigests?: true
  /** What is defended against is a wait for ever, so the failure is the test's own limit. */
  readonly byLimit?: true
}

export interface Defence {
  readonly name: string
  /** What happens without it. */
  readonly protects: string
  readonly edits: readonly Edit[]
  /** Each of them must fail without the defence; without both, when another one covers it. */
  readonly detectors: readonly Detector[]
  /** Taken away alone nothing goes wrong, because another defence covers it. */
  readonly maskedBy?: { readonly name: string; readonly why: string }
}

const SIMULATION = 'test/simulation/simulation.test.ts'

/** Seeds are many, because a run ends at the first failure; what is not caught costs the whole time. */
export function simulated(direction: 'upload' | 'download', histories = 400): Detector {
  return { file: SIMULATION, pattern: direction, histories }
}

export function simulatedWithoutDigests(direction: 'upload' | 'download', histories = 400): Detector {
  return { ...simulated(direction, histories), withoutDigests: true }
}

export function unit(name: string, pattern?: string): Detector {
  return { file: `test/unit/${name}.test.ts`, ...(pattern === undefined ? {} : { pattern }) }
}

export function here(name: string, pattern: string): Detector {
  return { file: `test/mutation/${name}.test.ts`, pattern }
}

export function contract(name: string, pattern: string): Detector {
  return { file: `test/contract/${name}.test.ts`, pattern }
}
