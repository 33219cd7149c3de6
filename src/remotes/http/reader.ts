/** Looks at files and reads them, and remembers what the server was found to be like. */
import type { TransferError } from '../../core/errors.ts'
import type { ByteRange } from '../../core/ranges.ts'
import type { ReadOptions, RemoteFile, Sink } from '../remote.ts'
import type { Held } from './held.ts'
import { isRefused, type Looking, look, type Properties, UNSEEN } from './look.ts'
import { RangeSupport } from './range-support.ts'
import { read } from './reading.ts'
import type { Session } from './session.ts'

export interface Reader {
  stat(path: string, signal: AbortSignal): Promise<RemoteFile | null>
  read(path: string, range: ByteRange, sink: Sink, options: ReadOptions, signal: AbortSignal): Promise<void>
  /** What was seen of this path no longer counts: it has been written to. */
  forget(path: string): void
}

export interface ReaderOptions {
  /** The server is known to have directories, so a redirect that only adds a slash marks one and no moved file. */
  readonly directories: boolean
  /** How else a file can be looked at: by PROPFIND, where there is WebDAV. */
  readonly properties: Properties | null
  /** Takes what a person should know about this server. */
  note(message: string): void
}

export function openReader(session: Session, { directories, properties, note }: ReaderOptions): Reader {
  const sizes = new Map<string, number>()
  const looked = new Set<string>()
  const refusals = new Map<string, TransferError>()
  const looking: Looking = { session, ranges: new RangeSupport(), directories, properties }
  let held: { readonly path: string; readonly reply: Held } | null = null
  const take = (path: string): Held | null => {
    const taken = held
    held = null
    if (taken?.path === path) return taken.reply
    taken?.reply.drop()
    return null
  }
  return {
    stat: async (path, signal) => {
      take(path)?.drop()
      const refusal = refusals.get(path)
      if (refusal !== undefined) throw refusal
      const found = await look(looking, path, !looked.has(path), signal).catch((error: unknown) => {
        // For a download that may pass. An upload goes on without, and would ask for nothing again.
        if (session.evidence && isRefused(error)) refusals.set(path, error)
        throw error
      })
      looked.add(path)
      const { file } = found
      if (found.held !== null) held = { path, reply: found.held }
      if (file === UNSEEN)
        note(
          'A cache between here and the server answers in its place, so looking at uploaded files proves nothing. Use an address of the server itself.',
        )
      if (file?.size === null || file === null) sizes.delete(path)
      else sizes.set(path, file.size)
      return file
    },
    read: (path, range, sink, options, signal) => {
      const reading = { path, range, sink, options, size: options.size ?? sizes.get(path) ?? null, held: take(path) }
      return read({ session, ranges: looking.ranges, note }, reading, signal)
    },
    forget: (path) => {
      sizes.delete(path)
      refusals.delete(path)
    },
  }
}
