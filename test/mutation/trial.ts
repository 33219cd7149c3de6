/** Runs one detector in a process of its own without some defences, and ends it at the first test that fails. */
import { type ChildProcess, spawn } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { editsOf } from './catalogue.ts'
import type { Detector } from './defence.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const TRIAL_SECONDS = 60
/** For tests that wait for ever without the defence; they take a second with it. */
const LIMIT_MS = 3000

export interface Verdict {
  /** A test failed, and it was a judgement about behaviour. */
  readonly caught: boolean
  /** Name of the failed test and the first line of its error; else why there is none. */
  readonly evidence: string
  readonly seconds: number
}

interface Failure {
  readonly test: string
  readonly kind: string
  readonly errorName: string
  readonly message: string
}

const running = new Set<ChildProcess>()
/** Compiled modules, by their content: a third of the time of a trial goes into the same ones over and over. */
const compiled = mkdtempSync(join(tmpdir(), 'resumable-transfer-compiled-'))
process.once('exit', () => {
  running.forEach(kill)
  rmSync(compiled, { recursive: true, force: true })
})

/** With everything that it has started. */
function kill(child: ChildProcess): void {
  if (child.pid === undefined) return
  try {
    if (process.platform === 'win32') child.kill('SIGKILL')
    else process.kill(-child.pid, 'SIGKILL')
  } catch {
    // gone already
  }
}

/** The first test in the TAP text that failed by itself and not only through its subtests. */
export function firstFailure(tap: string): Failure | null {
  for (const [, test = '', , block = ''] of tap.matchAll(/^ *not ok \d+ - (.*)\n( *)---\n([\s\S]*?)\n\2\.\.\.$/gm)) {
    const field = (name: string): string => new RegExp(`^ *${name}: '?(.*?)'?$`, 'm').exec(block)?.[1] ?? ''
    const kind = field('failureType')
    if (kind === 'subtestsFailed' || kind === 'cancelledByParent') continue
    const text = field('error')
    const message = /^\|-?$/.test(text) ? (/^ *error: \|-?\n *(.*)$/m.exec(block)?.[1] ?? '') : text
    return { test, kind, errorName: field('name'), message }
  }
  return null
}

/** A TypeError is a mutation that broke the program, not one that took a defence away. A plain Error, such as a property that fails, has no name here. */
const JUDGEMENTS = ['AssertionError', 'TransferError', '']

/** The simulation tells only the text of what was thrown. */
const BREAKAGE = /Cannot read properties|is not (a function|defined|iterable|a constructor)|Unexpected token/

function judged({ kind, errorName, message }: Failure, detector: Detector): boolean {
  if (kind === 'testTimeoutFailure') return detector.byLimit === true
  return JUDGEMENTS.includes(errorName) && !BREAKAGE.test(message)
}

/** `names`: the defences taken away. */
export async function trial(names: readonly string[], detector: Detector): Promise<Verdict> {
  const scratch = mkdtempSync(join(tmpdir(), 'resumable-transfer-mutation-'))
  // Accounts of servers have their homes in it.
  chmodSync(scratch, 0o755)
  const { NODE_TEST_CONTEXT: _, ...environment } = process.env
  const child = spawn(
    process.execPath,
    [
      '--disable-warning=ExperimentalWarning',
      `--import=${new URL('swap.ts', import.meta.url).href}`,
      '--test-reporter=tap',
      ...(detector.byLimit === true ? [`--test-timeout=${LIMIT_MS}`] : []),
      ...(detector.pattern === undefined ? [] : [`--test-name-pattern=${detector.pattern}`]),
      detector.file,
    ],
    {
      cwd: root,
      detached: process.platform !== 'win32',
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...environment,
        MUTATION: names.join(','),
        HISTORIES: String(detector.histories ?? 1),
        TMPDIR: scratch,
        NODE_COMPILE_CACHE: compiled,
      },
    },
  )
  running.add(child)
  const started = performance.now()
  let [tap, log, late] = ['', '', false]
  let failure: Failure | null = null
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    tap += text
    failure ??= firstFailure(tap)
    if (failure !== null) kill(child)
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    log += text
  })
  const timer = setTimeout(() => {
    late = true
    kill(child)
  }, TRIAL_SECONDS * 1000)
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  clearTimeout(timer)
  running.delete(child)
  rmSync(scratch, { recursive: true, force: true })
  return { ...verdict(names, detector, failure, { code, log, tap, late }), seconds: (performance.now() - started) / 1000 }
}

function verdict(
  names: readonly string[],
  detector: Detector,
  failure: Failure | null,
  { code, log, tap, late }: { readonly code: number | null; readonly log: string; readonly tap: string; readonly late: boolean },
): Omit<Verdict, 'seconds'> {
  const unapplied = names.flatMap(editsOf).filter(({ file }) => !log.includes(`mutation applied: ${file}\n`))
  if (unapplied.length > 0) return { caught: false, evidence: `${unapplied[0]?.file} was never loaded, exit code ${code}: ${tail(log)}` }
  if (late) return { caught: false, evidence: `no test failed within ${TRIAL_SECONDS} s` }
  if (failure === null) {
    const count = /^# pass (\d+)$/m.exec(tap)?.[1]
    return { caught: false, evidence: code === 0 ? `all ${count} tests passed` : `exit code ${code} without a failed test: ${tail(log)}` }
  }
  const evidence = `${failure.test}: ${failure.message}`
  return judged(failure, detector)
    ? { caught: true, evidence }
    : { caught: false, evidence: `broken by the mutation: ${failure.errorName} ${evidence}` }
}

function tail(text: string): string {
  return text.trim().slice(-2000)
}
