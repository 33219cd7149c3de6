/** Bytes of an open file in order, and their digest. */
import type { FileHandle } from 'node:fs/promises'
import { TransferError, throwIfAborted } from '../core/errors.ts'
import type { ByteRange } from '../core/ranges.ts'
import type { DigestAlgorithm, Sink } from '../remotes/remote.ts'
import { localError } from './errors.ts'
import { fileDigester } from './file-digester.ts'

const READ_BYTES = 1024 * 1024

export async function digestOf(handle: FileHandle, algorithm: DigestAlgorithm, signal: AbortSignal): Promise<string> {
  const { size } = await handle.stat()
  const running = fileDigester(handle.fd, { algorithm })
  try {
    return await running.finish(size, signal)
  } finally {
    await running.stop()
  }
}

export async function readRange(handle: FileHandle, range: ByteRange, sink: Sink, signal: AbortSignal, path: string): Promise<void> {
  const buffer = Buffer.allocUnsafeSlow(Math.min(READ_BYTES, Math.max(1, range.end - range.start)))
  for (let at = range.start; at < range.end; ) {
    throwIfAborted(signal)
    const { bytesRead } = await handle.read(buffer, 0, Math.min(buffer.length, range.end - at), at).catch(localError(`read ${path}`))
    if (bytesRead === 0) throw new TransferError('conflict', `the file became shorter while it was read: ${path}`)
    await sink(buffer.subarray(0, bytesRead))
    at += bytesRead
  }
}
