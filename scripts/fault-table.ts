/**
 * `npm run faults`: runs the tests that test/faults.ts names and prints fault × protocol → test → result. Exits with 1 when a fault has no passing test on a
 * protocol where it applies. `npm run faults -- 20 38` runs only those faults.
 */
import { globSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { run } from 'node:test'
import { fileURLToPath } from 'node:url'
import { type Cell, COLUMNS, FAULTS, type FaultRow } from '../test/faults.ts'
import { ensureDebianServers } from '../test/servers/debian.ts'

type Result = 'pass' | 'fail' | 'not run' | `skip: ${string}`

const TEST_TIMEOUT_MS = 600_000
const root = dirname(dirname(fileURLToPath(import.meta.url)))
const say = (line: string): void => void process.stdout.write(`${line}\n`)

/** In place of a file that is none of those that run: the runner calls a suite by the file that holds its text, such as the remote contract. */
const SHARED = '(shared)'

function resultOf(results: ReadonlyMap<string, Result>, name: string): Result {
  return results.get(name) ?? results.get(name.replace(/^[^>]+(?= > )/, SHARED)) ?? 'not run'
}

/** Results by `file > test > subtest`. Events of one file come in the order of its tests; a parent's result follows those of its children. */
async function resultsOf(files: readonly string[]): Promise<ReadonlyMap<string, Result>> {
  const results = new Map<string, Result>()
  const paths = new Map<string, string[]>()
  const note = (file: string | undefined, nesting: number, name: string, result: Result): void => {
    if (file === undefined) return
    const place = relative(root, file).replaceAll('\\', '/')
    const path = [files.includes(place) ? place : SHARED, ...(paths.get(file) ?? []).slice(0, nesting), name].join(' > ')
    results.set(path, result)
    if (result === 'fail') say(`failed: ${path}`)
  }
  const stream = run({ files: files.map((file) => join(root, file)), concurrency: 2, timeout: TEST_TIMEOUT_MS })
  stream.on('test:start', ({ file, nesting, name }) => {
    if (file !== undefined) paths.set(file, [...(paths.get(file) ?? []).slice(0, nesting), name])
  })
  stream.on('test:pass', ({ file, nesting, name, skip }) => {
    note(file, nesting, name, skip === undefined || skip === false ? 'pass' : `skip: ${skip === true ? 'without a reason' : skip}`)
  })
  stream.on('test:fail', ({ file, nesting, name }) => note(file, nesting, name, 'fail'))
  for await (const _ of stream);
  return results
}

/** Whether the cell is in order: everything it names passed, or it does not apply. */
function show(column: string, cell: Cell, results: ReadonlyMap<string, Result>): boolean {
  const line = (text: string, result: string): void => say(`  ${column.padEnd(6)}${result.padEnd(10)}${text}`)
  if (typeof cell === 'string') {
    const open = cell.startsWith('open:')
    line(cell, open ? 'OPEN' : 'n/a')
    return !open
  }
  const found = cell.map((name) => [name, resultOf(results, name)] as const)
  for (const [name, result] of found) line(name, result.startsWith('skip') ? 'skip' : result)
  for (const [, result] of found) if (result.startsWith('skip')) line(result, '')
  return found.some(([, result]) => result === 'pass') && found.every(([, result]) => result === 'pass' || result.startsWith('skip'))
}

const asked = process.argv.slice(2).map(Number)
const rows: readonly FaultRow[] = FAULTS.filter(({ number }) => asked.length === 0 || asked.includes(number))
ensureDebianServers(say)
const named = rows.flatMap(({ cells }) => COLUMNS.flatMap((column) => (typeof cells[column] === 'string' ? [] : cells[column])))
const wanted = new Set(named.map((name) => name.split(' > ')[0] ?? ''))
const files = globSync('test/**/*.test.ts', { cwd: root })
  .map((file) => file.replaceAll('\\', '/'))
  .filter((file) => wanted.has(file))
say(`${rows.length} faults, ${new Set(named).size} tests in ${files.length} files\n`)
const results = await resultsOf(files)
const lacking: string[] = []
for (const { number, what, cells } of rows) {
  say(`\n#${number} ${what}`)
  for (const column of COLUMNS) if (!show(column, cells[column], results)) lacking.push(`#${number} ${column}`)
}
const applying = rows.flatMap(({ cells }) => COLUMNS.filter((column) => typeof cells[column] !== 'string')).length
say(
  `\n${rows.length} faults on ${applying} protocols and places where they apply; ${lacking.length === 0 ? 'each is covered by passing tests' : `without a passing test: ${lacking.join(', ')}`}`,
)
process.exitCode = lacking.length === 0 ? 0 : 1
