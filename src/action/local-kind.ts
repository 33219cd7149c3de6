/** What a path of the inputs is on this machine. */
import { statSync } from 'node:fs'
import type { LocalKind } from './inputs.ts'

export function localKind(path: string): LocalKind {
  const stat = statSync(path, { throwIfNoEntry: false })
  if (stat === undefined) return 'missing'
  return stat.isFile() ? 'file' : stat.isDirectory() ? 'directory' : 'other'
}
