/** Writes the table of faults of docs/reliability.md from test/faults.ts. */
import { readFileSync, writeFileSync } from 'node:fs'
import { withTable } from '../test/fault-page.ts'
import { FAULTS } from '../test/faults.ts'

const page = new URL('../docs/reliability.md', import.meta.url)
writeFileSync(page, withTable(readFileSync(page, 'utf8'), FAULTS))
