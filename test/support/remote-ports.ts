import type { RemotePorts } from '../../src/remotes/remote.ts'

/** Ports that hear and hide nothing. */
export function remotePorts(timeoutMs: number, more: Partial<RemotePorts> = {}): RemotePorts {
  return { timeoutMs, direction: 'upload', redact: (text) => text, debug: () => undefined, warn: () => undefined, ...more }
}
