import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { parse } from 'yaml'
import { actionYml, readmeTables, withTables } from '../../scripts/write-action-yml.ts'
import { FOREIGN_NAMES, INPUT_NAMES, INPUT_ROWS, NOT_BUILT, OUTPUT_ROWS } from '../../src/action/input-table.ts'

const committed = readFileSync(new URL('../../action.yml', import.meta.url), 'utf8')

/** The public contract: changing a line here is changing what workflows may rely on. */
const CONTRACT: Readonly<Record<string, string | undefined>> = {
  source: undefined,
  destination: undefined,
  username: undefined,
  password: undefined,
  'private-key': undefined,
  passphrase: undefined,
  token: undefined,
  headers: undefined,
  'known-hosts': undefined,
  fingerprint: undefined,
  'tls-ca': undefined,
  'tls-verify': 'true',
  resume: 'auto',
  verify: 'auto',
  'server-digests': 'auto',
  checksum: undefined,
  'on-change': 'restart',
  'publish-without-rename': 'auto',
  state: 'auto',
  'state-name': undefined,
  timeout: '30s',
  retries: '10',
  'log-level': 'standard',
  summary: 'true',
  // biome-ignore lint/suspicious/noTemplateCurlyInString: an expression of the runner
  matrix: '${{ toJSON(matrix) }}',
  server: undefined,
  protocol: undefined,
  port: undefined,
  'local-dir': undefined,
  'server-dir': undefined,
  security: undefined,
}
const OUTPUTS =
  'status complete resumed proof digest path bytes-total bytes-transferred bytes-reused files-total files-transferred files-unchanged error-kind'

test('action.yml is what the table says', () => {
  assert.equal(committed, actionYml(), 'run: node scripts/launch.mjs scripts/write-action-yml.ts')
})

test('action.yml is YAML with the names and defaults of the contract', () => {
  const action = parse(committed)
  assert.deepEqual(
    Object.fromEntries(Object.entries(action.inputs).map(([name, input]) => [name, (input as { default?: string }).default])),
    CONTRACT,
  )
  assert.deepEqual(Object.keys(action.outputs), OUTPUTS.split(' '))
  assert.deepEqual(action.runs, { using: 'node24', main: 'dist/main.js', post: 'dist/post.js', 'post-if': 'always()' })
  assert.deepEqual(action.branding, { icon: 'upload-cloud', color: 'blue' })
  for (const entry of [...Object.values(action.inputs), ...Object.values(action.outputs)] as { description: string }[])
    assert.match(entry.description, /^\S.*\.$/)
  assert.ok(action.description.length <= 125, 'the marketplace cuts longer descriptions')
})

test('names are unique, what is not built is not declared, and suggestions lead to what exists', () => {
  assert.equal(new Set(INPUT_NAMES).size, INPUT_NAMES.length)
  assert.equal(new Set(OUTPUT_ROWS.map((row) => row.name)).size, OUTPUT_ROWS.length)
  for (const name of NOT_BUILT.keys()) assert.ok(!INPUT_NAMES.includes(name), name)
  for (const [foreign, ours] of Object.entries(FOREIGN_NAMES)) {
    assert.ok(INPUT_NAMES.includes(ours))
    assert.ok(!INPUT_NAMES.includes(foreign) && !NOT_BUILT.has(foreign))
  }
})

test('everything that signs us in is a secret', () => {
  const secret = INPUT_ROWS.filter((row) => row.secret === true).map((row) => row.name)
  assert.deepEqual(secret, ['password', 'private-key', 'passphrase', 'token', 'headers'])
})

test('the tables of the README go between their markers and nothing else changes', () => {
  const names = Object.keys(readmeTables())
  const readme = `# Top\n${names.map((name) => `<!-- ${name} -->old<!-- /${name} -->`).join('\nbetween\n')}\nend\n`
  const written = withTables(readme)
  for (const row of [...INPUT_ROWS, ...OUTPUT_ROWS]) assert.ok(written.includes(`| \`${row.name}\` |`), row.name)
  assert.ok(written.startsWith('# Top\n') && written.endsWith('\nend\n') && !written.includes('old'))
  assert.equal(withTables(written), written)
  assert.throws(() => withTables('# no markers'), /<!-- inputs -->/)
})
