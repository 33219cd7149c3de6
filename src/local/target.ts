import { constants } from 'node:fs'
import { type FileHandle, lstat, mkdir, open, rename, unlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { TransferError, throwIfAborted } from '../core/errors.ts'
import { partialName } from '../core/paths.ts'
import type { ByteRange } from '../core/ranges.ts'
import type { DigestAlgorithm, Sink } from '../remotes/remote.ts'
import { localError } from './errors.ts'
import { type FileDigester, fileDigester } from './file-digester.ts'
import type { LocalFile, LocalPartial, LocalTarget } from './local.ts'

const READ_BYTES = 1024 * 1024
const NO_FOLLOW = constants.O_NOFOLLOW ?? 0

/** The place of a download. Nothing is touched until a partial is opened. */
export function localTarget(path: string): LocalTarget {
  const directory = dirname(path)
  const partialPath = (tag: string): string => join(directory, partialName(basename(path), tag))
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
      return openPartial(partialPath(tag), path)
    },
    removePartial: async (tag) => {
      await unlink(partialPath(tag)).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOENT') localError(`remove ${partialPath(tag)}`)(error)
      })
    },
  }
}

async function lstatOrNull(path: string) {
  return lstat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return null
    return localError(`look at ${path}`)(error)
  })
}

async function syncDirectory(directory: string): Promise<void> {
  if (process.platform === 'win32') return // directories cannot be opened there; NTFS journals renames
  // The rename has happened: a directory that may not be read, or a file system that refuses, must not make it a failure.
  const handle = await open(directory, constants.O_RDONLY).catch(() => null)
  await handle?.sync().catch(() => {})
  await handle?.close()
}

async function digestOf(handle: FileHandle, algorithm: DigestAlgorithm, signal: AbortSignal): Promise<string> {
  const { size } = await handle.stat()
  const running = fileDigester(handle.fd, { algorithm })
  try {
    return await running.finish(size, signal)
  } finally {
    await running.stop()
  }
}

async function openFinal(path: string): Promise<LocalFile> {
  const handle = await open(path, constants.O_RDONLY | NO_FOLLOW).catch(localError(`open ${path}`))
  return {
    size: async () => (await handle.stat()).size,
    read: (range, sink, signal) => readRange(handle, range, sink, signal, path),
    digest: (algorithm, signal) => digestOf(handle, algorithm, signal),
    close: () => handle.close(),
  }
}

async function openPartial(path: string, final: string): Promise<LocalPartial> {
  const handle = await open(path, constants.O_RDWR | constants.O_CREAT | NO_FOLLOW, 0o644).catch(localError(`open ${path}`))
  const opened = await handle.stat()
  if (!opened.isFile() || opened.nlink !== 1) {
    await handle.close()
    throw new TransferError('conflict', `the partial is not a plain file of its own: ${path}`, { hint: 'Remove it.' })
  }
  let alongside: FileDigester | null = null
  const stopAlongside = async (): Promise<void> => {
    await alongside?.stop()
    alongside = null
  }
  return {
    size: async () => (await handle.stat()).size,
    write: (position, bytes) => writeAll(handle, position, bytes, path),
    read: (range, sink, signal) => readRange(handle, range, sink, signal, path),
    settled: (end) => {
      alongside ??= fileDigester(handle.fd)
      alongside.extend(end)
    },
    digest: async (algorithm, signal) => {
      if (algorithm !== 'sha256' || alongside === null) return digestOf(handle, algorithm, signal)
      try {
        return await alongside.finish((await handle.stat()).size, signal)
      } finally {
        await stopAlongside()
      }
    },
    truncate: async (size) => {
      await stopAlongside()
      await handle.truncate(size).catch(localError(`truncate ${path}`))
    },
    publish: async () => {
      await handle.sync().catch(localError(`write ${path} to the disk`))
      await stopAlongside()
      await handle.close()
      await rename(path, final).catch(localError(`rename the finished download to ${final}`))
      await syncDirectory(dirname(final))
    },
    close: async () => {
      await stopAlongside()
      await handle.close()
    },
  }
}

async function writeAll(handle: FileHandle, position: number, bytes: Uint8Array, path: string): Promise<void> {
  for (let written = 0; written < bytes.length; ) {
    const { bytesWritten } = await handle
      .write(bytes, written, bytes.length - written, position + written)
      .catch(localError(`write ${path}`))
    written += bytesWritten
  }
}

async function readRange(handle: FileHandle, range: ByteRange, sink: Sink, signal: AbortSignal, path: string): Promise<void> {
  const buffer = Buffer.allocUnsafeSlow(Math.min(READ_BYTES, Math.max(1, range.end - range.start)))
  for (let at = range.start; at < range.end; ) {
    throwIfAborted(signal)
    const { bytesRead } = await handle.read(buffer, 0, Math.min(buffer.length, range.end - at), at).catch(localError(`read ${path}`))
    if (bytesRead === 0) throw new TransferError('conflict', `the file became shorter while it was read: ${path}`)
    await sink(buffer.subarray(0, bytesRead))
    at += bytesRead
  }
}
