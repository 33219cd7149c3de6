/** The command line's side of a Host: flags are the inputs, the log goes to stderr, the outputs to stdout. */
import { parseArgs } from 'node:util'
import { printable } from '../core/text.ts'
import { createHost, type Host, type HostSink } from './host.ts'
import { INPUT_ROWS, type InputRow, inputRow } from './input-table.ts'
import type { Terminal } from './terminal.ts'

export type CommandLine =
  | { readonly kind: 'help' }
  | { readonly kind: 'version' }
  /** `stray` are arguments that belong to no flag, `unread` variables of our prefix that nobody reads. */
  | {
      readonly kind: 'run'
      readonly inputs: ReadonlyMap<string, string>
      readonly stray: readonly string[]
      readonly unread: readonly string[]
    }

type Environment = Readonly<Record<string, string | undefined>>

const PREFIX = 'RESUMABLE_TRANSFER_'

/** `RESUMABLE_TRANSFER_PRIVATE_KEY` for `private-key`: a flag shows in the list of processes, the environment does not. */
export function environmentName(input: string): string {
  return `${PREFIX}${input.toUpperCase().replaceAll('-', '_')}`
}

/** A flag that was given several times has several lines. Unknown flags come out as inputs too, for the parser to refuse with a suggestion. */
export function parseCommandLine(argv: readonly string[], environment: Environment): CommandLine {
  const options = Object.fromEntries(INPUT_ROWS.map((row) => [row.name, { type: 'string', multiple: true }] as const))
  const { tokens } = parseArgs({ args: withFlagValues(argv), options, strict: false, allowPositionals: true, tokens: true })
  const inputs = new Map<string, string>()
  const stray: string[] = []
  for (const token of tokens) {
    if (token.kind === 'positional') stray.push(token.value)
    if (token.kind !== 'option') continue
    if (token.name === 'help' || token.name === 'h') return { kind: 'help' }
    if (token.name === 'version') return { kind: 'version' }
    const before = inputRow(token.name)?.lines === undefined ? undefined : inputs.get(token.name)
    const value = token.value ?? ''
    inputs.set(token.name, before === undefined ? value : `${before}\n${value}`)
  }
  const unread = new Set(Object.keys(environment).filter((name) => name.startsWith(PREFIX) && environment[name] !== ''))
  for (const row of INPUT_ROWS.filter(isFromEnvironment)) {
    const value = environment[environmentName(row.name)]
    unread.delete(environmentName(row.name))
    if (value !== undefined && value !== '' && !inputs.has(row.name)) inputs.set(row.name, value)
  }
  return { kind: 'run', inputs, stray, unread: [...unread] }
}

/** What logs in comes as one: a password without its user name would be no use. */
function isFromEnvironment(row: InputRow): boolean {
  return row.secret !== undefined || row.name === 'username'
}

function isBoolean(row: InputRow): boolean {
  return row.values?.length === 2 && row.values.includes('true') && row.values.includes('false')
}

/** `--summary` alone means `--summary=true`. */
function withFlagValues(argv: readonly string[]): string[] {
  const flags = new Set(INPUT_ROWS.filter(isBoolean).map((row) => `--${row.name}`))
  return argv.map((word, i) => (flags.has(word) && !/^(true|false)$/i.test(argv[i + 1] ?? '') ? `${word}=true` : word))
}

const INDENT = ' '.repeat(6)

/** The whole `--help`. */
export function helpText(): string {
  const flags = INPUT_ROWS.flatMap((row) => {
    const value = isBoolean(row) ? '[=true|false]' : ` ${row.values?.join('|') ?? 'VALUE'}`
    const notes = [
      row.required === undefined ? '' : 'Required.',
      row.default === null || row.default.startsWith('${{') ? '' : `Default: ${row.default}.`,
      row.lines === undefined ? '' : 'May be repeated.',
      row.secret === undefined ? '' : `Better given as ${environmentName(row.name)} in the environment.`,
      row.name === 'username' ? `Also ${environmentName(row.name)} in the environment.` : '',
    ].filter((note) => note !== '')
    return [
      `  --${row.name}${value}`,
      ...[row.description.replaceAll('`', ''), notes.join(' ')].filter((t) => t !== '').map((t) => INDENT + t),
    ]
  })
  return [
    'Usage: resumable-transfer --source FILE --destination URL [flags]',
    '       resumable-transfer --source URL --destination PATH [flags]',
    '',
    'Moves files over SFTP, FTP, FTPS and HTTP(S) and provably continues an interrupted transfer: run the same command again.',
    'Exit codes and outputs are those of the action (docs/errors.md); the outputs are printed to stdout as name=value.',
    '',
    'Flags:',
    ...flags,
    '  --help, --version',
    '',
  ].join('\n')
}

export interface CliWorld {
  readonly inputs: ReadonlyMap<string, string>
  readonly environment: Environment
  readonly terminal: Terminal
  readonly stdout: { write(text: string): unknown }
  readonly setExitCode: (code: number) => void
}

export function createCliHost(world: CliWorld): Host {
  const outputs = new Map<string, string>()
  const states = new Map<string, string>()
  const { terminal } = world
  const sink: HostSink = {
    kind: 'terminal',
    mask: () => {},
    line: (text) => terminal.line(text),
    debug: () => {},
    annotation: (level, text) => terminal.line(level === 'notice' ? text : `${level}: ${text}`),
    startGroup: (title) => terminal.line(title),
    endGroup: () => {},
    output: (name, value) => outputs.set(name, value),
    saveState: (name, value) => states.set(name, value),
    getState: (name) => states.get(name) ?? '',
    summary: () => Promise.resolve(),
    exitCode: world.setExitCode,
    close: () => {
      terminal.live('')
      for (const [name, value] of outputs) world.stdout.write(`${name}=${printable(value)}\n`)
    },
  }
  return createHost(sink, { inputs: world.inputs, environment: world.environment })
}
