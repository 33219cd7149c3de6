import { baseName, directoryName } from '../../core/paths.ts'
import type { Spelling } from './ways.ts'

/** Where to be (`''`: the login directory), and what to say there. */
export interface Address {
  readonly directory: string
  readonly name: string
}

/** A path as commands take it. The empty path is the login directory. */
export function nameFor(path: string, spelling: Spelling, home: string | null): Address {
  if (path === '') return { directory: '', name: home ?? '.' }
  const directory = directoryName(path)
  const bare = baseName(path)
  if (spelling === 'bare' && directory !== '' && bare !== '') return { directory, name: safe(bare) }
  if (spelling === 'absolute' && home !== null && !path.startsWith('/'))
    return { directory: '', name: `${home.replace(/\/$/, '')}/${path}` }
  return { directory: '', name: safe(path) }
}

/** The spellings that differ from how the path comes, in the order in which they are tried. */
export function otherSpellings(path: string, home: string | null): readonly Spelling[] {
  const given = nameFor(path, 'given', home)
  const differs = (spelling: Spelling): boolean => {
    const other = nameFor(path, spelling, home)
    return other.directory !== given.directory || other.name !== given.name
  }
  return (['bare', 'absolute'] as const).filter(differs)
}

/** Leading white space would be eaten, a leading dash read as an option, a leading tilde as a home. */
function safe(name: string): string {
  return /^[\s~-]/.test(name) ? `./${name}` : name
}
