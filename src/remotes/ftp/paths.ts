import type { Connection } from './connection.ts'

/** A path as commands take it. Leading white space would be eaten, a leading dash read as an option, a leading tilde as a home; the empty path is the login directory. */
export function wirePath(path: string, connection: Connection): string {
  if (path === '') return connection.home ?? '.'
  return /^[\s~-]/.test(path) ? `./${path}` : path
}
