/** The table of docs/reliability.md, made of test/faults.ts. `node scripts/launch.mjs scripts/write-fault-table.ts` writes it; a test compares. */
import { type Cell, COLUMNS, type FaultRow } from './faults.ts'

export const BEGIN = '<!-- faults -->'
export const END = '<!-- /faults -->'

/** One row a fault; tests by their file and title, grouped by the protocols that they speak for. */
export function faultTable(faults: readonly FaultRow[]): string {
  const rows = faults.map(({ number, what, cells }) => {
    const spoken = new Map<string, string[]>()
    for (const column of COLUMNS) {
      for (const text of textsOf(cells[column])) spoken.set(text, [...(spoken.get(text) ?? []), column])
    }
    const shown = [...spoken].map(([text, columns]) => `*${columns.join(', ')}:* ${text}`)
    return `| ${number} | ${what} | ${shown.join('<br>')} |`
  })
  return ['| # | fault | shown by |', '|---|---|---|', ...rows].join('\n')
}

/** Of what does not apply only the reason that is not about another column. */
function textsOf(cell: Cell): readonly string[] {
  if (typeof cell === 'string') return cell.startsWith('as ') || cell.startsWith('open:') ? [cell] : []
  return cell.map((name) => {
    const [file = '', ...titles] = name.split(' > ')
    return `\`${file.replace(/^test\//, '').replace(/\.test\.ts$/, '')}\`: ${titles.join(' › ').replaceAll('|', '\\|')}`
  })
}

/** The page with the table put between its marks. */
export function withTable(page: string, faults: readonly FaultRow[]): string {
  const begin = page.indexOf(BEGIN)
  const end = page.indexOf(END)
  if (begin < 0 || end < begin) throw new Error(`the page lacks ${BEGIN} … ${END}`)
  return `${page.slice(0, begin + BEGIN.length)}\n${faultTable(faults)}\n${page.slice(end)}`
}
