/** docs/threat-model.md tells the truth about the tests, and the examples of the documents are safe to copy. */
import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { parseAllDocuments } from 'yaml'

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
const read = (path: string): string => readFileSync(join(root, path), 'utf8')
const rows = read('docs/threat-model.md')
  .split('\n')
  .filter((line) => /^\| T\d/.test(line))

test('every threat has its row, and each row a test or the word that it is open', () => {
  assert.deepEqual(
    rows.map((row) => /^\| (T\d+) /.exec(row)?.[1]),
    Array.from({ length: 34 }, (_, i) => `T${i + 1}`),
  )
  for (const row of rows) assert.match(row, /`test\/|\*\*Open:\*\*/, row)
})

test('every test that the threat model names exists under that title', () => {
  let named = 0
  for (const row of rows)
    for (const [, path = '', titles = ''] of row.matchAll(/`(test\/[^`]+\.ts)`: ((?:"[^"]+"(?:, )?)+)/g)) {
      const source = read(path)
      for (const [, title = ''] of titles.matchAll(/"([^"]+)"/g)) {
        named += 1
        const isThere = ["'", '`'].some((quote) => source.includes(`test(${quote}${title}${quote}`))
        assert.ok(isThere, `${path} has no test '${title}'`)
      }
    }
  const quoted = rows.flatMap((row) => row.match(/"[^"]+"/g) ?? []).length
  assert.equal(named, quoted, 'every title stands behind its file')
})

interface Step {
  readonly run?: unknown
}

/** Every value of `run`, however deep. */
function commandsIn(value: unknown): readonly string[] {
  if (typeof value !== 'object' || value === null) return []
  const { run } = value as Step
  return [...(typeof run === 'string' ? [run] : []), ...Object.values(value).flatMap(commandsIn)]
}

test('no example puts an expression into a shell', () => {
  let examples = 0
  for (const path of ['README.md', ...globSync('docs/*.md', { cwd: root })])
    for (const [, yaml = ''] of read(path).matchAll(/^```yaml\n([\s\S]*?)^```$/gm))
      for (const document of parseAllDocuments(yaml)) {
        examples += 1
        for (const command of commandsIn(document.toJS())) assert.ok(!command.includes('${{'), `${path}: ${command}`)
      }
  assert.ok(examples > 3)
})
