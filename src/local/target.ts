import { constants } from 'node:fs'
import { lstat, mkdir, open } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { TransferError } from '../core/errors.ts'
import { localError } from './errors.ts'
import type { LocalFile, LocalPartial, LocalTarget } from './local.ts'
import { openedPartial } from './partial.ts'
import { openPlace, removePlace, sweep } from './partial-place.ts'
import { digestOf, readRange } from './reading.ts'

/** The places of the downloads of one step: a directory is tidied up once, when the first of them uses it. */
export function localTargets(): (path: string) => LocalTarget {
  const swept = new Set<string>()
  return (path) => {
    const directory = dirname(path)
    return {
      finalSize: async () => {
        const stat = await lstatOrNull(path)
        if (stat?.isDirectory() === true) {
          throw new TransferError('conflict', `the target is a directory: ${path}`, {
            hint: 'End `destination` with a slash to download into it.',
          })
        }
        return stat?.isFile() === true ? stat.size : null
      },
      digestFinal: async (algorithm, signal) => {
        const final = await openFinal(path)
        try {
          return await final.digest(algorithm, signal)
        } finally {
          await final.close()
        }
      },
      openFinal: () => openFinal(path),
      openPartial: async (tag) => {
        await mkdir(directory, { recursive: true }).catch(localError(`create the directory ${directory}`))
        return openPartial(path, tag, swept)
      },
      removePartial: (tag) => removePlace(directory, basename(path), tag),
    }
  }
}

/** The place of one download. Nothing is touched until a partial is opened. */
export function localTarget(path: string): LocalTarget {
  return localTargets()(path)
}

async function openPartial(final: string, tag: string, swept: Set<string>): Promise<LocalPartial> {
  const directory = dirname(final)
  const place = await openPlace(directory, basename(final), tag)
  if (!swept.has(directory)) {
    swept.add(directory)
    await sweep(place)
  }
  return openedPartial(place, final)
}

async function lstatOrNull(path: string) {
  return lstat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return null
    return localError(`look at ${path}`)(error)
  })
}

async function openFinal(path: string): Promise<LocalFile> {
  const handle = await open(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0)).catch(localError(`open ${path}`))
  return {
    size: async () => (await handle.stat()).size,
    read: (range, sink, signal) => readRange(handle, range, sink, signal, path),
    digest: (algorithm, signal) => digestOf(handle, algorithm, signal),
    close: () => handle.close(),
  }
}
