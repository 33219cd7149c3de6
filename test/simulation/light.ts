/**
 * Light stand-ins for what costs a simulated history most and decides nothing in it: SHA-256 and GMAC (here any function that tells contents apart will do) and
 * AbortController (without events). They take the place of the true ones in the whole thread, so only a campaign's worker may call this.
 */
import crypto from 'node:crypto'
import { syncBuiltinESMExports } from 'node:module'

class Mix {
  private a: number
  private b: number

  constructor(seed: number) {
    this.a = seed
    this.b = ~seed
  }

  update(data: string | Uint8Array): this {
    let { a, b } = this
    const { length } = data
    for (let i = 0; i < length; i += 1) {
      const value = typeof data === 'string' ? data.charCodeAt(i) : (data[i] ?? 0)
      a = Math.imul(a ^ value, 0x9e3779b1) + 0x7f4a7c15
      a ^= a >>> 13
      b = Math.imul(b + a, 0x85ebca77) ^ (a >>> 9)
    }
    this.a = a
    this.b = b
    return this
  }

  /** Sixteen hex digits. */
  digest(): string {
    const a = Math.imul(this.a ^ (this.b >>> 16), 0xc2b2ae3d)
    const b = Math.imul(this.b ^ (a >>> 15), 0x27d4eb2f)
    return (a >>> 0).toString(16).padStart(8, '0') + ((b ^ (b >>> 14)) >>> 0).toString(16).padStart(8, '0')
  }
}

class LightHash extends Mix {
  override digest(): string {
    const digest = super.digest()
    return digest + digest + digest + digest
  }
}

class LightMac extends Mix {
  setAAD(bytes: Uint8Array): this {
    return this.update(bytes)
  }

  final(): void {}

  getAuthTag(): { toString(): string } {
    const tag = this.digest()
    return { toString: () => tag + tag }
  }
}

type Listener = () => void

class LightSignal {
  aborted = false
  reason: unknown = undefined
  readonly listeners: Listener[] = []

  addEventListener(_type: string, listener: Listener): void {
    if (!this.aborted) this.listeners.push(listener)
  }

  removeEventListener(_type: string, listener: Listener): void {
    const at = this.listeners.lastIndexOf(listener)
    if (at >= 0) this.listeners.splice(at, 1)
  }
}

class LightAbortController {
  readonly signal = new LightSignal()

  abort(reason: unknown = new Error('aborted')): void {
    const { signal } = this
    if (signal.aborted) return
    signal.aborted = true
    signal.reason = reason
    for (const listener of signal.listeners.splice(0)) listener()
  }
}

export function lighten(): void {
  // Traces of failures that are part of the game.
  Error.stackTraceLimit = 0
  const lightHash = (data: string | Uint8Array): string => new LightHash(1).update(data).digest()
  Object.assign(crypto, {
    createHash: () => new LightHash(1),
    hash: (_algorithm: string, data: string | Uint8Array) => lightHash(data),
    createSecretKey: (key: Uint8Array) => new LightHash(2).update(key),
    createCipheriv: (_algorithm: string, key: LightHash) => new LightMac(Number.parseInt(key.digest().slice(0, 8), 16)),
  })
  syncBuiltinESMExports()
  Object.assign(globalThis, { AbortController: LightAbortController })
}
