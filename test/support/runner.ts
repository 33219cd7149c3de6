/**
 * A small stand-in of the GitHub runner for JavaScript actions: runs `runs.main`, then `runs.post`, as actions/runner 2.336 does, in a clean environment on
 * a `Machine`, and lets a test end the step in every way that a runner or its machine can.
 *
 *   const machine = createMachine()
 *   const run = await runAction({ action: '.', machine, inputs: { source: 'x' }, env: cache.environment(), interrupt: { when: (l) => l.includes('40 %'), how: 'cancel' } })
 *   machine.wipe() // the next attempt gets a fresh machine
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { parse } from 'yaml'
import { type Annotation, type LogReader, logReader, parseKeyValueFile } from './runner-commands.ts'
import type { Machine } from './runner-machine.ts'

export { createMachine, type Machine } from './runner-machine.ts'

/**
 * - `cancel`: the ladder SIGINT, 7.5 s, SIGTERM, 2.5 s, SIGKILL; then post. A step timeout is the same with another conclusion.
 * - `cancel-in-container`: the process gets no signal and lives on while post runs beside it; both end when post ends.
 * - `shutdown`: the ladder, and no post. `double-sigint`: the same, with the second SIGINT that a pod's eviction brings.
 * - `kill`: SIGKILL to the process alone (out of memory); then post. `machine-lost`: SIGKILL, nothing after it.
 */
export type Interruption = 'cancel' | 'cancel-in-container' | 'shutdown' | 'double-sigint' | 'kill' | 'machine-lost'

export interface RunOptions {
  /** Folder with action.yml. */
  readonly action: string
  readonly machine: Machine
  readonly inputs?: Readonly<Record<string, string>>
  /** Added to the environment of main and post: the cache service's, or another GITHUB_RUN_ATTEMPT. */
  readonly env?: Readonly<Record<string, string>>
  /** Values of expressions in input defaults, by the text between the braces: `{ 'toJSON(matrix)': 'null' }`. */
  readonly expressions?: Readonly<Record<string, string>>
  /** Values of `secrets`, masked from the first line on. */
  readonly secrets?: readonly string[]
  /** `when`: a line of the raw log, or a promise of the test. */
  readonly interrupt?: { readonly when: ((line: string) => boolean) | Promise<unknown>; readonly how: Interruption }
  /** A command and its arguments that main is run under, such as `strace`, from main's environment. It must leave descriptors and exit code alone. */
  readonly under?: (environment: Readonly<Record<string, string>>) => readonly string[]
  /** `timeout-minutes` of the step, in milliseconds and not scaled. It counts afresh for post. */
  readonly stepTimeoutMs?: number
  /** Factor on the ladder's pauses; 1 is the real runner's. */
  readonly timeScale?: number
}

/** A process that is still there after this hangs: the runner's own limit of six hours, for tests. */
const HANG_MS = 240_000

/** One process. */
export interface PhaseRun {
  readonly exitCode: number | null
  readonly signal: NodeJS.Signals | null
  readonly outputs: Readonly<Record<string, string>>
  readonly summary: string
  /** As people see it: commands carried out, masks applied. */
  readonly log: string
  /** Every line as the process wrote it, add-mask commands included. */
  readonly rawLog: string
  readonly annotations: readonly Annotation[]
  readonly masks: readonly string[]
  /** Written to GITHUB_STATE, GITHUB_ENV and GITHUB_PATH. */
  readonly state: Readonly<Record<string, string>>
  readonly environment: Readonly<Record<string, string>>
  readonly paths: readonly string[]
  readonly durationMs: number
}

/** The step: what main did, how the runner saw it, and post when there was one. */
export interface ActionRun extends PhaseRun {
  readonly conclusion: 'success' | 'failure' | 'cancelled'
  readonly post: PhaseRun | null
}

interface Definition {
  readonly inputs?: Readonly<Record<string, { readonly default?: unknown } | null>>
  readonly runs: { readonly using: string; readonly main: string; readonly post?: string; readonly 'post-if'?: string }
}

const SUMMARY_BYTES_MAX = 1024 * 1024
const LADDER = [
  ['SIGINT', 7_500],
  ['SIGTERM', 2_500],
  ['SIGKILL', 0],
] as const

export async function runAction(options: RunOptions): Promise<ActionRun> {
  const definition = parse(readFileSync(join(options.action, 'action.yml'), 'utf8')) as Definition
  const env = { ...baseEnvironment(options), ...inputEnvironment(definition, options), ...options.env }
  const reader = logReader(options.secrets)
  const main = startPhase(definition.runs.main, env, options, reader, options.under)
  const how = await main.ended
  const post = definition.runs.post
  const runsPost = post !== undefined && how !== 'shutdown' && how !== 'double-sigint' && how !== 'machine-lost'
  if (how === 'cancel-in-container') {
    const postRun = post === undefined ? null : await runPost(post, env, options, main.state(), reader.masks)
    main.kill()
    return { ...(await main.run), conclusion: 'cancelled', post: postRun }
  }
  const run = await main.run
  const later = { ...env, ...run.environment, PATH: [...run.paths.toReversed(), env.PATH].join(':') }
  const postRun = runsPost ? await runPost(post, later, options, run.state, run.masks) : null
  const failed = run.exitCode !== 0 || how === 'step-timeout' || run.fileCommandsFailed
  const conclusion =
    how === null || how === 'step-timeout' || how === 'kill' || how === 'machine-lost' ? (failed ? 'failure' : 'success') : 'cancelled'
  return { ...run, conclusion, post: postRun }
}

/** Job cancellation does not reach post; its own step timeout does. */
function runPost(
  script: string,
  env: Readonly<Record<string, string>>,
  options: RunOptions,
  state: Readonly<Record<string, string>>,
  masks: readonly string[],
): Promise<PhaseRun> {
  const states = Object.fromEntries(Object.entries(state).map(([name, value]) => [`STATE_${name}`, value]))
  const { interrupt: _, ...uninterrupted } = options
  return startPhase(script, { ...env, ...states }, uninterrupted, logReader([...(options.secrets ?? []), ...masks])).run
}

function baseEnvironment({ machine }: RunOptions): Record<string, string> {
  return {
    PATH: process.env.PATH ?? '',
    HOME: machine.home,
    TMPDIR: machine.temp,
    CI: 'true',
    GITHUB_ACTIONS: 'true',
    GITHUB_ACTION: '__self',
    GITHUB_ACTOR: 'tester',
    GITHUB_API_URL: 'https://api.github.com',
    GITHUB_EVENT_NAME: 'push',
    GITHUB_JOB: 'deploy',
    GITHUB_REF: 'refs/heads/main',
    GITHUB_REF_NAME: 'main',
    GITHUB_REPOSITORY: 'owner/repo',
    GITHUB_REPOSITORY_ID: '1',
    GITHUB_RUN_ATTEMPT: '1',
    GITHUB_RUN_ID: '1000',
    GITHUB_RUN_NUMBER: '1',
    GITHUB_SERVER_URL: 'https://github.com',
    GITHUB_SHA: '0'.repeat(40),
    GITHUB_WORKFLOW: 'test',
    GITHUB_WORKSPACE: machine.workspace,
    RUNNER_ARCH: process.arch === 'arm64' ? 'ARM64' : 'X64',
    RUNNER_ENVIRONMENT: machine.environment,
    RUNNER_NAME: 'stand-in',
    RUNNER_OS: process.platform === 'darwin' ? 'macOS' : 'Linux',
    RUNNER_TEMP: machine.temp,
    RUNNER_TOOL_CACHE: machine.toolCache,
  }
}

/** Every declared input is set, to the empty string if need be; undeclared ones are passed on too, as the runner does after a warning. */
function inputEnvironment(definition: Definition, { inputs = {}, expressions = {} }: RunOptions): Record<string, string> {
  const values: Record<string, string> = {}
  for (const [name, input] of Object.entries(definition.inputs ?? {})) values[name.toLowerCase()] = evaluated(input?.default, expressions)
  for (const [name, value] of Object.entries(inputs)) values[name.toLowerCase()] = value
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [`INPUT_${name.replaceAll(' ', '_').toUpperCase()}`, value]))
}

function evaluated(value: unknown, expressions: Readonly<Record<string, string>>): string {
  return String(value ?? '').replace(/\$\{\{(.*?)\}\}/g, (_, expression: string) => {
    const found = expressions[expression.trim()]
    if (found === undefined) throw new Error(`the test gives no value for the expression '${expression.trim()}'`)
    return found
  })
}

type Ended = Interruption | 'step-timeout' | null

interface Phase {
  /** How the runner came to go on: null when the process ended by itself. */
  readonly ended: Promise<Ended>
  readonly run: Promise<PhaseRun & { readonly fileCommandsFailed: boolean }>
  /** What was saved for post up to now. */
  state(): Readonly<Record<string, string>>
  kill(): void
}

function startPhase(
  script: string,
  env: Readonly<Record<string, string>>,
  options: RunOptions,
  reader: LogReader,
  under: NonNullable<RunOptions['under']> = () => [],
): Phase {
  const startedMs = performance.now()
  const files = fileCommands(options.machine)
  const node = [process.execPath, '--report-on-signal', `--report-directory=${options.machine.temp}`]
  const environment = { ...env, ...files.environment }
  const [command = '', ...args] = [...under(environment), ...node, resolve(options.action, script)]
  const child = spawn(command, args, {
    cwd: options.machine.workspace,
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const rawLog: string[] = []
  const ended = Promise.withResolvers<Ended>()
  let how: Ended = null
  const interrupt = (kind: Exclude<Ended, null>): void => {
    if (how !== null || child.exitCode !== null || child.signalCode !== null) return
    how = kind
    if (kind === 'cancel-in-container') ended.resolve(kind)
    else if (kind === 'kill' || kind === 'machine-lost') child.kill('SIGKILL')
    else climb(child, kind, options.timeScale ?? 1)
  }
  const { when, how: interruption } = options.interrupt ?? {}
  if (interruption !== undefined && typeof when === 'object') when.then(() => interrupt(interruption))
  const onLine = (line: string): void => {
    rawLog.push(line)
    reader.line(line)
    if (interruption !== undefined && typeof when === 'function' && when(line)) interrupt(interruption)
  }
  for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on('line', onLine)
  const timer = options.stepTimeoutMs === undefined ? undefined : setTimeout(() => interrupt('step-timeout'), options.stepTimeoutMs)
  let hung = false
  const limit = setTimeout(() => {
    hung = true
    // Node writes what holds the process open (`--report-on-signal`) before the next signal ends it.
    child.kill('SIGUSR2')
    setTimeout(() => child.kill('SIGKILL'), 2_000)
  }, HANG_MS)
  const run = outcome(child, options.timeScale ?? 1).then(({ exitCode, signal }) => {
    clearTimeout(timer)
    clearTimeout(limit)
    if (hung) throw new Error(`${script} hung for ${HANG_MS / 1000} s. Its log:\n${reader.log.join('\n')}\n${hangReport(options.machine)}`)
    ended.resolve(how)
    const results = files.read(reader)
    const durationMs = performance.now() - startedMs
    const { annotations, masks } = reader
    return { exitCode, signal, ...results, log: reader.log.join('\n'), rawLog: rawLog.join('\n'), annotations, masks, durationMs }
  })
  run.catch(ended.reject)
  return { ended: ended.promise, run, state: () => files.read(logReader()).state, kill: () => void child.kill('SIGKILL') }
}

/** What held a hung process open, from the report it wrote; empty when it wrote none. */
function hangReport(machine: Machine): string {
  const name = readdirSync(machine.temp).find((file) => file.startsWith('report.') && file.endsWith('.json'))
  if (name === undefined) return ''
  const report = JSON.parse(readFileSync(join(machine.temp, name), 'utf8'))
  const handles = report.libuv.filter((handle: { is_referenced?: boolean }) => handle.is_referenced === true)
  return JSON.stringify({ stack: report.javascriptStack, handles, workers: report.workers?.length }, null, 1)
}

/** The signals in their order until the process is gone. */
function climb(child: ChildProcess, kind: Ended, timeScale: number): void {
  const gone = new AbortController()
  child.once('exit', () => gone.abort())
  const step = (at: number): void => {
    const rung = LADDER[at]
    if (rung === undefined || gone.signal.aborted) return
    child.kill(rung[0])
    // Two equal signals at once would arrive as one.
    if (at === 0 && kind === 'double-sigint') setTimeout(() => child.kill('SIGINT'), 250)
    const timer = setTimeout(() => step(at + 1), rung[1] * timeScale)
    gone.signal.addEventListener('abort', () => clearTimeout(timer))
  }
  step(0)
}

/** The end of the process, and of its output: a child of it that holds the pipes is waited for 5 s, as the runner does. */
function outcome(
  child: ChildProcess,
  timeScale: number,
): Promise<{ readonly exitCode: number | null; readonly signal: NodeJS.Signals | null }> {
  return new Promise((settle, reject) => {
    child.once('error', reject)
    child.once('exit', (exitCode, signal) => {
      const finish = (): void => {
        clearTimeout(timer)
        for (const stream of [child.stdout, child.stderr]) stream?.destroy()
        settle({ exitCode, signal })
      }
      const timer = setTimeout(finish, 5_000 * timeScale)
      child.once('close', finish)
    })
  })
}

type FileResults = Pick<PhaseRun, 'outputs' | 'state' | 'environment' | 'paths' | 'summary'> & { readonly fileCommandsFailed: boolean }

interface FileCommands {
  readonly environment: Readonly<Record<string, string>>
  /** Read after the process has ended, however it ended. What cannot be parsed becomes an error annotation. */
  read(reader: LogReader): FileResults
}

function fileCommands(machine: Machine): FileCommands {
  const folder = join(machine.temp, '_runner_file_commands')
  mkdirSync(folder, { recursive: true })
  const environment: Record<string, string> = {}
  for (const name of ['OUTPUT', 'STATE', 'ENV', 'PATH', 'STEP_SUMMARY']) {
    const path = join(folder, `${name.toLowerCase()}_${randomUUID()}`)
    writeFileSync(path, '')
    environment[`GITHUB_${name}`] = path
  }
  const content = (name: string): string => {
    const path = environment[`GITHUB_${name}`] ?? ''
    return existsSync(path) ? readFileSync(path, 'utf8') : ''
  }
  const read = (reader: LogReader): FileResults => {
    let fileCommandsFailed = false
    const values = (name: string): Record<string, string> => {
      try {
        return Object.fromEntries(parseKeyValueFile(content(name)))
      } catch (error) {
        fileCommandsFailed = true
        reader.line(`::error::Unable to process file command '${name.toLowerCase()}' successfully. ${(error as Error).message}`)
        return {}
      }
    }
    const summary = content('STEP_SUMMARY')
    const tooLarge = Buffer.byteLength(summary) > SUMMARY_BYTES_MAX
    if (tooLarge) reader.line('::error::$GITHUB_STEP_SUMMARY upload aborted, supports content up to a size of 1024k')
    const [outputs, state, env] = [values('OUTPUT'), values('STATE'), values('ENV')]
    const paths = content('PATH')
      .split(/\r?\n/)
      .filter((path) => path !== '')
    return { outputs, state, environment: env, paths, summary: tooLarge ? '' : summary, fileCommandsFailed }
  }
  return { environment, read }
}
