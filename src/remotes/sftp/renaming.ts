/** Gives a file another name and removes nothing: what becomes of a file in the way is for the engine to decide. */
import { TransferError } from '../../core/errors.ts'
import { hasStatus, STATUS, StatusError } from './errors.ts'
import type { Requests } from './requests.ts'
import { explained, stands } from './stat.ts'

/** Servers that announce posix-rename refuse it in these ways, over an existing file or always. */
const REFUSALS: readonly number[] = [STATUS.unsupported, STATUS.failure, STATUS.permissionDenied]

export class Renaming {
  #replaces: boolean

  /** `replaces`: the server announces posix-rename@openssh.com. */
  constructor(replaces: boolean) {
    this.#replaces = replaces
  }

  /** Whether a file under the new name is replaced in one step, as far as this session knows. */
  get replaces(): boolean {
    return this.#replaces
  }

  async rename(requests: Requests, from: string, to: string): Promise<void> {
    let refusal: StatusError | null = null
    if (this.#replaces) {
      refusal = await refusalOf(requests.posixRename(from, to))
      if (refusal === null) return
      if (refusal.code === STATUS.unsupported) this.#replaces = false
    }
    if (refusal === null || REFUSALS.includes(refusal.code)) {
      const plain = await refusalOf(requests.rename(from, to))
      if (plain === null) {
        this.#replaces = false
        return
      }
      refusal = refusal === null ? plain : moreTelling(refusal, plain)
    }
    throw await failure(requests, refusal, from, to)
  }
}

async function refusalOf(request: Promise<void>): Promise<StatusError | null> {
  try {
    await request
    return null
  } catch (error) {
    if (error instanceof StatusError) return error
    throw error
  }
}

/** The first, unless it only says "no" and the second says why. */
function moreTelling(first: StatusError, second: StatusError): StatusError {
  if (first.code === STATUS.permissionDenied) return first
  return first.code === STATUS.failure && second.code === STATUS.unsupported ? first : second
}

async function failure(requests: Requests, refusal: StatusError, from: string, to: string): Promise<unknown> {
  const doing = `rename ${from} to ${to}`
  const answered = `the server answered "${refusal.message}" (code ${refusal.code})`
  const there = await stands(requests, from).catch(() => null)
  if (there === false) return new TransferError('not-found', `cannot ${doing}: there is no ${from}; ${answered}`, { cause: refusal })
  // The same code is used for a directory that is missing.
  if (there === true && hasStatus(refusal, STATUS.noSuchFile, STATUS.noSuchPath))
    return new TransferError('refused', `cannot ${doing}: ${answered}`, { cause: refusal })
  return await explained(requests, refusal, to, doing, true)
}
