import assert from 'node:assert/strict'
import { digestFor } from '../../src/action/sums.ts'
import { TransferError } from '../../src/core/errors.ts'

/** The digest that a file of checksums has for a file; null when there is none that can only be this file's. */
export function digestIn(text: string | Buffer, path: string, sumsName = 'SHA256SUMS'): string | null {
  try {
    return digestFor(Buffer.from(text), path, sumsName).hex
  } catch (error) {
    assert.ok(error instanceof TransferError && error.kind === 'not-found')
    return null
  }
}
