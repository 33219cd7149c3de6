/** Searches everything that a run left behind for secrets, in every spelling in which they could have slipped through. */
import assert from 'node:assert/strict'
import { lstatSync, readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import type { CacheService } from '../support/cache-service.ts'
import type { ActionRun, Machine, PhaseRun } from '../support/runner.ts'

/** Shorter lines, such as the frame of a key, are no secret. */
const SECRET_LENGTH_MIN = 8
/** Lines of a key begin alike, and there are too many of them to look for each piece. Of `user:password` the password is looked for by itself. */
const KEY_LINE_LENGTH_MIN = 60
const KEY_FRAME = /^-----(BEGIN|END) [A-Z ]+-----$/

/** A way in which text turns up as other text. What stands before it and after it may change its edges: each gives what must be there in any case. */
export const ENCODINGS: Readonly<Record<string, (line: string) => readonly string[]>> = {
  plain: (line) => [line],
  'base64 and base64url': (line) => [0, 1, 2].flatMap((shift) => alphabets(base64Core(Buffer.from(line), shift))),
  'base64 twice': (line) =>
    [0, 1, 2].flatMap((inner) =>
      [0, 1, 2].flatMap((outer) => alphabets(base64Core(Buffer.from(base64Core(Buffer.from(line), inner)), outer))),
    ),
  'percent-encoding': (line) => [percent(line), lowerEscapes(percent(line)), new URLSearchParams({ x: line }).toString().slice(2)],
  'percent-encoding of every byte': (line) =>
    bothCases(
      bytesOf(line)
        .map((byte) => `%${byte}`)
        .join(''),
    ),
  'percent-encoding twice': (line) => [percent(percent(line)), percent(lowerEscapes(percent(line)))],
  hex: (line) => ['', ' ', ':', '\\x', ', 0x'].flatMap((between) => bothCases(bytesOf(line).join(between))),
  'JSON and \\u escapes': (line) => [
    quotedJson(line),
    quotedJson(quotedJson(line)),
    ...bothCases(
      unitsOf(line)
        .map((unit) => `\\u${unit}`)
        .join(''),
    ),
  ],
  shell: (line) => [line.replaceAll("'", "'\\''"), line.replaceAll(/([^A-Za-z0-9_/.-])/g, '\\$1')],
  HTML: (line) => [entities(line), numbered(line, 10), ...bothCases(numbered(line, 16))],
  'quoted-printable': (line) => [quotedPrintable(line)],
  base32: (line) => [0, 1, 2, 3, 4].flatMap((shift) => bothCases(base32Core(Buffer.from(line), shift))),
  'UTF-16': (line) => [Buffer.from(line, 'utf16le').toString('latin1'), Buffer.from(line, 'utf16le').swap16().toString('latin1')],
  'UTF-8 read as Latin-1': (line) => [Buffer.from(line).toString('latin1')],
  reversed: (line) => [[...line].reverse().join('')],
  'cut to eight characters': (line) => (line.length < KEY_LINE_LENGTH_MIN && !line.includes(':') ? pieces([...line]) : []),
  'JSON with an escaped slash': (line) => [quotedJson(line).replaceAll('/', '\\/')],
}

/** Every line of a secret in every encoding. */
export function spellings(secret: string): readonly string[] {
  const lines = secret.split('\n').filter((line) => line.length >= SECRET_LENGTH_MIN && !KEY_FRAME.test(line))
  return [...new Set(lines.flatMap((line) => Object.values(ENCODINGS).flatMap((encode) => encode(line))))]
}

/** Every run of eight: no more than seven characters may be left of a secret, whoever cut it. */
function pieces(characters: readonly string[]): readonly string[] {
  return characters.slice(0, -7).map((_, at) => characters.slice(at, at + 8).join(''))
}

/** The letters of base64 that depend on `bytes` alone when `shift` other bytes come before them and any after. */
function base64Core(bytes: Buffer, shift: number): string {
  const whole = Buffer.concat([Buffer.alloc(shift), bytes])
  return whole.toString('base64').slice(shift === 0 ? 0 : shift + 1, Math.floor((whole.length * 8) / 6))
}

function base32Core(bytes: Buffer, shift: number): string {
  const bits = [...Buffer.concat([Buffer.alloc(shift), bytes])].map((byte) => byte.toString(2).padStart(8, '0')).join('')
  const letters = bits.match(/.{5}/g) ?? []
  const own = letters.slice(Math.ceil((shift * 8) / 5))
  return own.map((five) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.charAt(Number.parseInt(five, 2))).join('')
}

function alphabets(base64: string): readonly string[] {
  return [base64, base64.replaceAll('+', '-').replaceAll('/', '_')]
}

function percent(text: string): string {
  return encodeURIComponent(text)
}

function lowerEscapes(text: string): string {
  return text.replaceAll(/%[0-9A-F]{2}/g, (triplet) => triplet.toLowerCase())
}

function bytesOf(text: string): readonly string[] {
  return [...Buffer.from(text)].map((byte) => byte.toString(16).padStart(2, '0'))
}

function unitsOf(text: string): readonly string[] {
  return Array.from({ length: text.length }, (_, i) => text.charCodeAt(i).toString(16).padStart(4, '0'))
}

function bothCases(text: string): readonly string[] {
  return [text, text.replaceAll(/[0-9a-f]{2,}|[A-Z2-7]{8,}/g, (run) => (run === run.toUpperCase() ? run.toLowerCase() : run.toUpperCase()))]
}

function quotedJson(text: string): string {
  return JSON.stringify(text).slice(1, -1)
}

const NAMED: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

function entities(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => NAMED[character] ?? '')
}

function numbered(text: string, radix: 10 | 16): string {
  return [...text].map((character) => `&#${radix === 16 ? 'x' : ''}${(character.codePointAt(0) ?? 0).toString(radix)};`).join('')
}

function quotedPrintable(text: string): string {
  return [...Buffer.from(text)]
    .map((byte) =>
      byte >= 33 && byte <= 126 && byte !== 61 ? String.fromCharCode(byte) : `=${byte.toString(16).toUpperCase().padStart(2, '0')}`,
    )
    .join('')
}

export interface Sink {
  readonly name: string
  readonly content: string
}

/** What one process wrote. The commands that tell the runner what to hide must name it. */
function written(phase: PhaseRun, name: string): readonly Sink[] {
  const { log, summary, outputs, annotations, state, environment, paths } = phase
  const rawLog = phase.rawLog
    .split('\n')
    .filter((line) => !line.startsWith('::add-mask::'))
    .join('\n')
  const texts = { log, rawLog, summary }
  const values = { outputs, annotations, state, environment, paths }
  return [
    ...Object.entries(texts).map(([place, content]) => ({ name: `the ${place} of ${name}`, content })),
    ...Object.entries(values).flatMap(([place, value]) => leaves(value).map((content) => ({ name: `the ${place} of ${name}`, content }))),
  ]
}

/** Keys and values as they are: JSON around them would change their letters. */
function leaves(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value]
  return typeof value === 'object' && value !== null ? Object.entries(value).flatMap(([key, inner]) => [key, ...leaves(inner)]) : []
}

/** A file that holds more than this is somebody's payload. */
const FILE_BYTES_MAX = 256 * 1024

/** Names and contents of the files that are left on the machine. A link is not followed; of a large file only the name counts. */
function left(machine: Machine): readonly Sink[] {
  return [machine.workspace, machine.temp, machine.toolCache, machine.home].flatMap((folder) =>
    readdirSync(folder, { recursive: true, withFileTypes: true }).map((entry) => {
      const path = join(entry.parentPath, entry.name)
      const isSmall = entry.isFile() && lstatSync(path).size <= FILE_BYTES_MAX
      return { name: `the file ${relative(folder, path)}`, content: `${path}\n${isSmall ? readFileSync(path, 'latin1') : ''}` }
    }),
  )
}

function saved(cache: CacheService): readonly Sink[] {
  return cache.entries().map(({ key, bytes }) => ({ name: 'the saved state', content: `${key}\n${Buffer.from(bytes).toString('latin1')}` }))
}

/** Where one of the secrets is, or null. */
export function leakIn(sinks: readonly Sink[], secrets: readonly string[]): string | null {
  const forms = new Set(secrets.flatMap(spellings))
  for (const { name, content } of sinks)
    for (const form of forms) if (content.includes(form)) return `'${form.slice(0, 12)}…' is in ${name}`
  return null
}

/** Every place that a run writes to. */
export function sinksOf(run: ActionRun, cache: CacheService, machine: Machine): readonly Sink[] {
  return [...written(run, 'main'), ...(run.post === null ? [] : written(run.post, 'post')), ...saved(cache), ...left(machine)]
}

/** Fails when a secret, or a token or signature of the cache service, is found in what the run wrote, saved or left. State must not tell a host either. */
export function assertNothingLeaked(run: ActionRun, secrets: readonly string[], cache: CacheService, machine: Machine): void {
  assert.equal(leakIn(sinksOf(run, cache, machine), [...secrets, ...cache.secrets]), null)
  for (const { content } of saved(cache))
    for (const clear of ['127.0.0.', 'localhost', '.bin', '://']) assert.ok(!content.includes(clear), `'${clear}' is in the saved state`)
}
