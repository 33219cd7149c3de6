/** What the account may not do, asked of names that nobody has: nothing is made for it. */
import { randomBytes } from 'node:crypto'
import { joinPath } from '../../core/paths.ts'
import { hasStatus, STATUS, StatusError } from './errors.ts'
import { OPEN, type Requests } from './requests.ts'

/** Said of the request; code 4 may as well mean that there is no such file. */
const FORBIDDEN: readonly number[] = [STATUS.permissionDenied, STATUS.unsupported, STATUS.writeProtect]

/** The refusal, where the account may remove nothing in `directory`; null where it may, or where only a file would tell. */
export async function forbidsRemoving(requests: Requests, directory: string): Promise<StatusError | null> {
  const { habits } = requests
  const earlier = habits.lacks('REMOVE', directory)
  if (earlier !== undefined) return earlier
  if (habits.may('REMOVE')) return null
  const path = freshPath(directory)
  const refusal = await forbidden(requests.remove(path))
  if (refusal === null || !(await tellsMissing(requests, path))) {
    habits.allowed('REMOVE')
    return null
  }
  habits.refusedIn(directory, 'REMOVE', refusal)
  return refusal
}

/** The same of renaming. `posix`: the server announces posix-rename@openssh.com. */
export async function forbidsRenaming(requests: Requests, directory: string, posix: boolean): Promise<StatusError | null> {
  const path = freshPath(directory)
  const renamed = `${path}-renamed`
  if (posix && (await forbidden(requests.posixRename(path, renamed))) === null) return null
  const refusal = await forbidden(requests.rename(path, renamed))
  return refusal !== null && (await tellsMissing(requests, path)) ? refusal : null
}

/** Gateways over object stores answer "permission denied" to every name that is missing: then a refusal is none of the request. */
async function tellsMissing(requests: Requests, path: string): Promise<boolean> {
  try {
    await requests.close(await requests.open(path, OPEN.write))
    return false
  } catch (error) {
    if (error instanceof StatusError) return hasStatus(error, STATUS.noSuchFile, STATUS.noSuchPath)
    throw error
  }
}

async function forbidden(request: Promise<void>): Promise<StatusError | null> {
  try {
    await request
    return null
  } catch (error) {
    if (!(error instanceof StatusError)) throw error
    return FORBIDDEN.includes(error.code) ? error : null
  }
}

function freshPath(directory: string): string {
  return joinPath(directory, `.rt-probe-${randomBytes(8).toString('hex')}`)
}
