/** What ssh2 1.17.0 passes on is held against what was asked: an answer of another kind than the request asks for is none. */
import { TransferError } from '../../core/errors.ts'
import { HANDLE_MAX } from './raw-channel.ts'

export type Done<T> = (error: Error | null | undefined, value: T) => void

/** Rejects with `protocol` what does not fit. */
export function only<T>(fits: (value: unknown) => boolean, done: Done<T>): Done<T> {
  return (error, value) => {
    if (error || fits(value)) done(error, value)
    else done(new TransferError('protocol', 'the server answered an SFTP request with something that is no answer to it'), value)
  }
}

export type Callback = (error?: Error | null) => void

export const isNothing = (value: unknown): boolean => value === undefined
export const isHandle = (value: unknown): boolean => Buffer.isBuffer(value) && value.length <= HANDLE_MAX
export const isAttributes = (value: unknown): boolean => typeof value === 'object' && value !== null && 'mtime' in value
export const isText = (value: unknown): boolean => typeof value === 'string'
