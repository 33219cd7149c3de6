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
  /** Which tests to run, as a regular expression over their names. */
  readonly pattern?: string
  /** For the simulation: seeds of chance. */
  readonly histories?: number
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

/** For people: the file and, in the simulation, the server. */
export function labelOf({ file, pattern, histories }: Detector): string {
  return `${file.replace(/^test\//, '').replace(/\.test\.ts$/, '')}${histories === undefined ? '' : `: ${pattern?.replace('(with )?', '').replace('$', '')}`}`
}

/** Seeds are many, because a run ends at the first failure; only what is not caught costs the whole time. */
const HISTORIES = 400

/** The simulation with one server. Neither OpenSSH nor vsftpd computes digests; mod_sftp and ProFTPD do. */
export function simulated(direction: 'upload' | 'download', server: 'openssh' | 'vsftpd' | 'mod_sftp' | 'proftpd'): Detector {
  return { file: 'test/simulation/simulation.test.ts', pattern: `${direction} (with )?${server}$`, histories: HISTORIES }
}

export function unit(name: string, part?: string): Detector {
  return { file: `test/unit/${name}.test.ts`, ...(part === undefined ? {} : { pattern: literal(part) }) }
}

export function here(name: string, part: string): Detector {
  return { file: `test/mutation/${name}.test.ts`, pattern: literal(part) }
}

export function contract(name: string, part: string): Detector {
  return { file: `test/contract/${name}.test.ts`, pattern: literal(part) }
}

function literal(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&')
}
