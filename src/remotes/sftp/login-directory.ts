/**
 * Servers are only sure to understand absolute names: some take others from the root, or refuse them. So the login directory is asked for once, as curl and OpenSSH's
 * sftp do; one that does not tell it gets the names as they are.
 */
import { joinPath } from '../../core/paths.ts'
import type { Habits } from './habits.ts'

export const LOGIN_DIRECTORY = '.'

/** `tell`: asks the server for the login directory. The empty path is that directory. */
export async function spelt(path: string, habits: Habits, tell: () => Promise<string>): Promise<string> {
  if (path.startsWith('/')) return path
  const home = await habits.home(tell)
  if (home === null) return path || LOGIN_DIRECTORY
  return path === '' ? home : joinPath(home, path)
}
