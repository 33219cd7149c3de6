/** Writes action.yml and the README's tables from src/action/input-table.ts: node scripts/launch.mjs scripts/write-action-yml.ts */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { INPUT_ROWS, type InputRow, OUTPUT_ROWS } from '../src/action/input-table.ts'

const DESCRIPTION = 'Moves large files over SFTP, FTP, FTPS and HTTP(S) and provably continues an interrupted transfer on a fresh runner'

/** The whole text of action.yml. Strings are written as JSON, which YAML reads. */
export function actionYml(): string {
  const inputs = INPUT_ROWS.flatMap((row) => [
    `  ${row.name}:`,
    `    description: ${JSON.stringify(row.description)}`,
    '    required: false',
    ...(row.default === null ? [] : [`    default: ${JSON.stringify(row.default)}`]),
  ])
  const outputs = OUTPUT_ROWS.flatMap((row) => [`  ${row.name}:`, `    description: ${JSON.stringify(row.description)}`])
  return [
    '# Written by scripts/write-action-yml.ts from src/action/input-table.ts. Change it there.',
    'name: Resumable Transfer',
    `description: ${JSON.stringify(DESCRIPTION)}`,
    'author: Resumable Transfer contributors',
    'branding:',
    '  icon: upload-cloud',
    '  color: blue',
    'inputs:',
    ...inputs,
    'outputs:',
    ...outputs,
    'runs:',
    '  using: node24',
    '  main: dist/main.js',
    '  post: dist/post.js',
    '  post-if: always()',
    '',
  ].join('\n')
}

function inputLine(row: InputRow): string {
  const given = row.required === undefined ? '–' : 'required'
  const shown = row.default === null ? given : `\`${row.default}\``
  return `| \`${row.name}\` | ${shown} | ${row.description.replaceAll('|', '\\|')} |`
}

/** The README's tables by the name of their markers: `<!-- inputs -->` … `<!-- /inputs -->`. */
export function readmeTables(): Readonly<Record<string, string>> {
  const head = '| input | default | meaning |\n|---|---|---|'
  const part = (isDropIn: boolean): string =>
    [head, ...INPUT_ROWS.filter((row) => (row.dropIn === true) === isDropIn).map(inputLine)].join('\n')
  const outputs = OUTPUT_ROWS.map((row) => `| \`${row.name}\` | ${row.description.replaceAll('|', '\\|')} |`)
  return {
    inputs: part(false),
    'drop-in-inputs': part(true),
    outputs: ['| output | meaning |', '|---|---|', ...outputs].join('\n'),
  }
}

/** The README with its tables as they should be. Throws when a marker is missing. */
export function withTables(readme: string): string {
  let text = readme
  for (const [name, table] of Object.entries(readmeTables())) {
    const [open, close] = [`<!-- ${name} -->`, `<!-- /${name} -->`]
    const start = text.indexOf(open)
    const end = text.indexOf(close)
    if (start < 0 || end < start) throw new Error(`README.md has no ${open} … ${close}`)
    text = `${text.slice(0, start + open.length)}\n${table}\n${text.slice(end)}`
  }
  return text
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const path = (name: string): string => fileURLToPath(new URL(`../${name}`, import.meta.url))
  writeFileSync(path('action.yml'), actionYml())
  if (existsSync(path('README.md'))) writeFileSync(path('README.md'), withTables(readFileSync(path('README.md'), 'utf8')))
}
