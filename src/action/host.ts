/** What surrounds a step: the runner or a terminal. The only way out for anything printed, and what goes out is escaped and redacted here. */
import { TransferError } from '../core/errors.ts'
import { redactor } from '../core/redact.ts'
import { secretForms } from '../core/secret-forms.ts'
import { printable } from '../core/text.ts'
import { proxySecrets } from '../remotes/proxies.ts'
import { OUTPUT_ROWS, type OutputName } from './input-table.ts'
import { secretFormsOf, secretsOf } from './secrets.ts'

export interface Host {
  readonly kind: 'actions' | 'terminal'
  /** By name in lower case; what was not typed may be missing or empty. Undeclared ones are there too. */
  readonly inputs: ReadonlyMap<string, string>
  readonly environment: Readonly<Record<string, string | undefined>>
  /** May be called again; the last value counts. Throws a TransferError when the runner's file does not take it: later steps would read nothing. */
  setOutput(name: OutputName, value: string): void
  /** For the post step. Not redacted, since it must come back as it was: never give it a secret. Throws never: without it post has less to do. */
  saveState(name: string, value: string): void
  getState(name: string): string
  /** Annotations, one line an element. */
  error(lines: readonly string[]): void
  warning(message: string): void
  notice(message: string): void
  info(line: string): void
  /** Only seen when the runner's debug log is on. */
  debug(line: string): void
  startGroup(title: string): void
  endGroup(): void
  /** Markdown whose foreign parts are already escaped. Rejects never: a lost summary is a warning. */
  appendSummary(markdown: string): Promise<void>
  setExitCode(code: number): void
  /** Prints what was held back. The last call. */
  close(): void
  /** For sinks that are not the host's, and for foreign text before anything is cut out of it: hides every secret, and every piece of one. */
  redact(text: string): string
}

/** The raw way out. Takes text that is already safe. */
export interface HostSink {
  readonly kind: 'actions' | 'terminal'
  mask(form: string): void
  line(text: string): void
  debug(text: string): void
  annotation(level: 'error' | 'warning' | 'notice', text: string): void
  startGroup(title: string): void
  endGroup(): void
  output(name: string, value: string): void
  saveState(name: string, value: string): void
  getState(name: string): string
  summary(markdown: string): Promise<void>
  exitCode(code: number): void
  close(): void
}

export interface HostWorld {
  readonly inputs: ReadonlyMap<string, string>
  readonly environment: Readonly<Record<string, string | undefined>>
}

const LINES_MAX = 40
const LINE_LENGTH_MAX = 2000
/** The runner cuts an annotation at 4096 characters. */
const ANNOTATION_LENGTH_MAX = 4000

/** Masks every secret first thing, then hands out the safe way. */
export function createHost(sink: HostSink, world: HostWorld): Host {
  const proxies = proxySecrets(world.environment)
  const forms = [...secretFormsOf(world.inputs), ...proxies.flatMap(({ text, username }) => secretForms(text, username))]
  // The runner masks line by line and would also mask the short lines of a form that has several.
  for (const form of forms) if (!/[\r\n]/.test(form)) sink.mask(form)
  const redact = redactor([...secretsOf(world.inputs), ...proxies])
  // Redacted first: escaping would change a secret's letters, cutting would leave half of it. And again, for what escaping put together.
  const safe = (text: string, lengthMax = LINE_LENGTH_MAX): string => redact(printable(redact(text), lengthMax))
  const isOpen = (name: OutputName): boolean => OUTPUT_ROWS.find((row) => row.name === name)?.open === true
  let stateIsLost = false
  const host: Host = {
    kind: sink.kind,
    inputs: world.inputs,
    environment: world.environment,
    setOutput: (name, value) => {
      try {
        sink.output(name, isOpen(name) ? redact(value) : value)
      } catch (error) {
        throw lostOutputs(error, world.environment.GITHUB_OUTPUT ?? '')
      }
    },
    saveState: (name, value) => {
      try {
        sink.saveState(name, value)
      } catch (error) {
        if (!stateIsLost) host.warning(`If this step is killed, its post step cannot save anything: ${reasonOf(error)}`)
        stateIsLost = true
      }
    },
    getState: (name) => sink.getState(name),
    error: (lines) => sink.annotation('error', annotationText(lines.map((line) => safe(line)))),
    warning: (message) => sink.annotation('warning', safe(message)),
    notice: (message) => sink.annotation('notice', safe(message)),
    info: (line) => sink.line(safe(line)),
    debug: (line) => sink.debug(safe(line)),
    startGroup: (title) => sink.startGroup(safe(title, 300)),
    endGroup: () => sink.endGroup(),
    appendSummary: async (markdown) => {
      try {
        await sink.summary(redact(markdown))
      } catch (error) {
        host.warning(`The job summary could not be written: ${reasonOf(error)}`)
      }
    },
    setExitCode: (code) => sink.exitCode(code),
    close: () => sink.close(),
    redact,
  }
  return host
}

/** Whatever became of the transfer, a file of the runner is missing or full: no defect of ours. */
function lostOutputs(error: unknown, file: string): TransferError {
  const isFull = error instanceof Error && 'code' in error && error.code === 'ENOSPC'
  const reason = reasonOf(error)
  const named = reason.includes(file) ? reason : `${file}: ${reason}`
  return new TransferError(isFull ? 'no-space' : 'refused', `cannot write the outputs: ${named}`, {
    cause: error,
    hint: "Later steps would read empty outputs, so the step fails. Nothing may clear or fill the runner's temporary folder while it runs.",
  })
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function annotationText(lines: readonly string[]): string {
  const kept = lines.slice(0, LINES_MAX)
  while (kept.length > 1 && kept.join('\n').length > ANNOTATION_LENGTH_MAX) kept.pop()
  const left = lines.length - kept.length
  return (left === 0 ? kept : [...kept, `… and ${left} more`]).join('\n')
}
