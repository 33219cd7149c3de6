/** Reads single inputs and collects what is wrong with them, so that a person hears of every fault at once. */
import { printable, trimmedEnd } from '../core/text.ts'
import { parseDuration } from '../core/units.ts'
import { type InputName, inputRow, plainDefault } from './input-table.ts'
import { didYouMean } from './suggest.ts'

export interface InputReader {
  /** As typed, or undefined when nothing but white space was. */
  readonly raw: (name: InputName) => string | undefined
  /** Trimmed, or undefined when nothing was typed and the table has no default. */
  readonly text: (name: InputName) => string | undefined
  readonly lines: (name: InputName) => readonly string[]
  readonly choice: <T extends string>(name: InputName, values: readonly T[]) => T
  readonly flag: (name: InputName) => boolean
  readonly integer: (name: InputName, min: number, max: number) => number | undefined
  readonly durationMs: (name: InputName, min: number, max: number) => number
  readonly fault: Fault
  readonly warn: (message: string) => void
  readonly faults: string[]
  readonly warnings: string[]
}

/** Adds one line: which input, what is wrong, what to do. Everything from outside in `problem` has gone through `quoted`. */
export type Fault = (input: string, problem: string) => void

export function quoted(text: string): string {
  return `'${printable(text, 120)}'`
}

const CONTROL = /[\u0000-\u001f\u007f]/

/** What no value that ends in a path, a URL or a header may hold. */
export function hasControl(text: string): boolean {
  return CONTROL.test(text)
}

export function createInputReader(inputs: ReadonlyMap<string, string>): InputReader {
  const faults: string[] = []
  const warnings: string[] = []
  const fault: Fault = (input, problem) => faults.push(`${input}: ${problem}`)
  const raw = (name: InputName): string | undefined => {
    const value = inputs.get(name)
    return value === undefined || value.trim() === '' ? undefined : value
  }
  const text = (name: InputName): string | undefined => raw(name)?.trim() ?? (plainDefault(name) || undefined)

  const choice = <T extends string>(name: InputName, values: readonly T[]): T => {
    const value = text(name) ?? ''
    const found = values.find((candidate) => candidate === value.toLowerCase())
    if (found !== undefined) return found
    fault(name, `${quoted(value)} is none of ${values.join(', ')}.${didYouMean(value, values)}`)
    return values[0] as T
  }

  const integer = (name: InputName, min: number, max: number): number | undefined => {
    const value = text(name)
    if (value === undefined) return undefined
    if (/^\d{1,9}$/.test(value) && Number(value) >= min && Number(value) <= max) return Number(value)
    fault(name, `${quoted(value)} is not a whole number from ${min} to ${max}.`)
    return undefined
  }

  const durationMs = (name: InputName, min: number, max: number): number => {
    const value = text(name) ?? ''
    const ms = parseDuration(value)
    if (ms !== null && ms >= min && ms <= max) return ms
    const tooSmall = ms !== null && ms < min ? ' A bare number is milliseconds.' : ''
    fault(name, `${quoted(value)} is not a duration from ${min / 1000}s to ${max / 3_600_000}h, such as 30s or 5m.${tooSmall}`)
    return min
  }

  return {
    raw,
    text,
    lines: (name) => splitLines(raw(name) ?? ''),
    choice,
    flag: (name) => choice(name, (inputRow(name)?.values ?? []) as readonly ('true' | 'false')[]) === 'true',
    integer,
    durationMs,
    fault,
    warn: (message) => warnings.push(message),
    faults,
    warnings,
  }
}

/** Lines without the white space around them and without empty ones. A lone CR ends no line: it stays, to be refused. */
export function splitLines(text: string): readonly string[] {
  return text
    .split(/\r?\n/)
    .map((line) => trimmedEnd(line, ' \t').replace(/^[ \t]+/, ''))
    .filter((line) => line !== '')
}
