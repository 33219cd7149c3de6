/** Whose a file or folder of the state is. What somebody else can write is no state: it would vouch for bytes that this user never received. */
import { stat } from 'node:fs/promises'

const WRITABLE_BY_OTHERS = 0o022

/** Why it is not this user's alone, or null when it is. On Windows the access lists of the user's own folders have to do. */
export function strangerTo(about: { readonly uid: number; readonly mode: number }): string | null {
  const user = process.geteuid?.()
  if (user === undefined) return null
  if (about.uid !== user) return `belongs to user ${about.uid}, and this is user ${user}`
  if ((about.mode & WRITABLE_BY_OTHERS) !== 0)
    return `may be written by other users (mode ${(about.mode & 0o7777).toString(8).padStart(4, '0')})`
  return null
}

/** Why the folder cannot hold this user's state, or null when it can or is not there yet. A folder that cannot be looked at is found out when it is used. */
export async function strangerToFolder(directory: string): Promise<string | null> {
  const about = await stat(directory).catch(() => null)
  const why = about === null ? null : strangerTo(about)
  return why === null ? null : `${directory} ${why}`
}
