/** What an action tells the runner: commands in its log and key-value files. Follows actions/runner 2.336. */

export interface Annotation {
  readonly level: 'error' | 'warning' | 'notice'
  readonly message: string
  /** `title`, `file`, `line` and the like. */
  readonly properties: Readonly<Record<string, string>>
}

export interface Command {
  readonly name: string
  readonly properties: Readonly<Record<string, string>>
  readonly message: string
}

/** The command in a line, or null. `::name k=v::message` must start the line; `##[name k=v]message` counts anywhere in it. */
export function parseCommand(line: string): Command | null {
  const modern = /^\s*::([\w-]+)(?: ([^\r\n]*?))?::(.*)$/s.exec(line)
  if (modern !== null) return command(modern[1] ?? '', (modern[2] ?? '').split(','), modern[3] ?? '')
  const legacy = /##\[([\w-]+)(?: ([^\]]*))?\](.*)$/s.exec(line)
  return legacy === null ? null : command(legacy[1] ?? '', (legacy[2] ?? '').split(';'), legacy[3] ?? '')
}

function command(name: string, pairs: readonly string[], message: string): Command {
  const properties: Record<string, string> = {}
  for (const pair of pairs) {
    const at = pair.indexOf('=')
    if (at > 0)
      properties[pair.slice(0, at).trim()] = unescapeData(
        pair
          .slice(at + 1)
          .replaceAll('%3A', ':')
          .replaceAll('%2C', ','),
      )
  }
  return { name: name.toLowerCase(), properties, message: unescapeData(message) }
}

function unescapeData(text: string): string {
  return text.replaceAll('%0D', '\r').replaceAll('%0A', '\n').replaceAll('%25', '%')
}

/** Values of GITHUB_OUTPUT, GITHUB_STATE and GITHUB_ENV: `name=value` or `name<<DELIMITER`, lines, `DELIMITER`. The last value wins. Throws as the runner fails. */
export function parseKeyValueFile(content: string): ReadonlyMap<string, string> {
  const values = new Map<string, string>()
  const lines = content.split(/\r?\n/)
  for (let at = 0; at < lines.length; at += 1) {
    const line = lines[at] ?? ''
    if (line === '') continue
    const equals = line.indexOf('=')
    const heredoc = line.indexOf('<<')
    if (equals >= 0 && (heredoc < 0 || equals < heredoc)) {
      values.set(line.slice(0, equals), line.slice(equals + 1))
      continue
    }
    if (heredoc < 0) throw new Error(`Invalid format '${line}'`)
    const delimiter = line.slice(heredoc + 2)
    const end = lines.indexOf(delimiter, at + 1)
    if (delimiter === '' || end < 0) throw new Error(`Invalid value. Matching delimiter not found '${delimiter}'`)
    values.set(line.slice(0, heredoc), lines.slice(at + 1, end).join('\n'))
    at = end
  }
  return values
}

export interface LogReader {
  /** Takes one line of the process as it came. */
  line(line: string): void
  /** Hides a value from now on, and each of its lines, as `add-mask` does. */
  mask(value: string): void
  /** The log as people see it: commands carried out, masks applied. */
  readonly log: string[]
  readonly annotations: Annotation[]
  readonly masks: readonly string[]
}

const LEVELS: readonly string[] = ['error', 'warning', 'notice']

/** Names that the runner acts on; everything else that looks like a command is printed. */
const SILENT: readonly string[] = ['debug', 'add-matcher', 'remove-matcher', 'echo', 'save-state', 'set-output', 'set-env', 'add-path']

export function logReader(secrets: readonly string[] = []): LogReader {
  const masks = new Set<string>()
  const log: string[] = []
  const annotations: Annotation[] = []
  let stoppedBy: string | null = null
  const mask = (value: string): void => {
    for (const part of [value, ...value.split(/\r?\n/).map((line) => line.trim())]) if (part !== '') masks.add(part)
  }
  const hide = (text: string): string =>
    [...masks].sort((a, b) => b.length - a.length).reduce((t, secret) => t.replaceAll(secret, '***'), text)
  secrets.forEach(mask)

  const carryOut = ({ name, message, properties }: Command, line: string): void => {
    if (name === 'add-mask') mask(message)
    else if (name === 'stop-commands') stoppedBy = message
    else if (name === 'group' || name === 'endgroup') log.push(hide(`##[${name}]${message}`))
    else if (LEVELS.includes(name)) {
      annotations.push({ level: name as Annotation['level'], message: hide(message), properties })
      log.push(hide(`##[${name}]${message}`))
    } else if (!SILENT.includes(name)) log.push(hide(line))
  }
  const line = (text: string): void => {
    const found = parseCommand(text)
    if (stoppedBy !== null) {
      if (found?.name === stoppedBy.toLowerCase()) stoppedBy = null
      else log.push(hide(text))
    } else if (found === null) log.push(hide(text))
    else carryOut(found, text)
  }
  return {
    line,
    mask,
    log,
    annotations,
    get masks() {
      return [...masks]
    },
  }
}
