/** The table of faults names tests that exist. Cheap: titles are held against the literals of their files. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { withTable } from '../fault-page.ts'
import { COLUMNS, FAULTS } from '../faults.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** By the reference of reliability: the forty that must be green on every protocol where they apply. */
const FORTY = [
  8, 9, 12, 13, 16, 18, 20, 22, 25, 30, 32, 33, 34, 35, 38, 41, 43, 44, 51, 52, 55, 56, 58, 60, 66, 69, 73, 75, 82, 84, 89, 93, 96, 118,
  119, 122, 126, 129, 134, 136,
]

/** Texts that can be a title: literals of the file and of the modules of the tests that it imports; what a template fills in is anything. */
function titlesOf(file: string): (title: string) => boolean {
  const text = readFileSync(join(root, file), 'utf8')
  const imported = [...text.matchAll(/from '(\.[^']+)'/g)]
    .map(([, path = '']) => join(dirname(file), path))
    .filter((path) => path.startsWith('test'))
  const source = [text, ...imported.map((path) => readFileSync(join(root, path), 'utf8'))].join('\n')
  const literals = new Set([...source.matchAll(/'((?:[^'\\\n]|\\.)*)'|"([^"\n]*)"/g)].map(([, single, double]) => single ?? double ?? ''))
  for (const [, key = ''] of source.matchAll(/^\s+(\w+): /gm)) literals.add(key)
  const templates = [...source.matchAll(/`([^`\n]*\$\{[^`\n]*)`/g)].map(([, template = '']) => {
    const fixed = template.split(/\$\{[^}]*\}/)
    const pattern = new RegExp(`^${fixed.map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('(.+)')}$`)
    // One that is hardly more than what is filled in says nothing by itself.
    return { pattern, telling: fixed.join('').replaceAll(/[^a-z]/gi, '').length >= 3 }
  })
  const filled = (title: string): boolean =>
    templates.some(({ pattern, telling }) => {
      const parts = pattern.exec(title)?.slice(1)
      return parts !== undefined && (telling || parts.every((part) => literals.has(part)))
    })
  return (title) => literals.has(title) || filled(title)
}

test('every test in the table of faults exists', () => {
  const known = new Map<string, (title: string) => boolean>()
  for (const { number, cells } of FAULTS) {
    for (const name of COLUMNS.flatMap((column) => (typeof cells[column] === 'string' ? [] : cells[column]))) {
      const [file = '', ...titles] = name.split(' > ')
      assert.ok(existsSync(join(root, file)), `#${number}: there is no ${file}`)
      const has = known.get(file) ?? titlesOf(file)
      known.set(file, has)
      for (const title of titles) assert.ok(has(title), `#${number}: ${file} has no test '${title}'`)
      assert.ok(titles.length > 0, `#${number}: ${name} names no test`)
    }
  }
})

test('the table has every fault that must be covered, once, and no cell is empty', () => {
  const numbers = FAULTS.map(({ number }) => number)
  assert.deepEqual(
    numbers,
    [...new Set(numbers)].toSorted((a, b) => a - b),
  )
  assert.deepEqual(
    FORTY.filter((number) => !numbers.includes(number)),
    [],
  )
  for (const { number, cells } of FAULTS) {
    for (const column of COLUMNS) assert.ok(cells[column].length > 0, `#${number} ${column}`)
    assert.ok(
      COLUMNS.some((column) => typeof cells[column] !== 'string' || cells[column].startsWith('open:')),
      `#${number} applies nowhere`,
    )
  }
})

test('docs/reliability.md shows the same table', () => {
  const page = readFileSync(join(root, 'docs/reliability.md'), 'utf8')
  assert.equal(withTable(page, FAULTS), page, 'run: node scripts/launch.mjs scripts/write-fault-table.ts')
})
