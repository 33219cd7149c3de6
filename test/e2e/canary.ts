/** Searches everything that a run left behind for secrets, in every spelling in which they could have slipped through. */
import assert from 'node:assert/strict'
import type { CacheService } from '../support/cache-service.ts'
import type { ActionRun, PhaseRun } from '../support/runner.ts'

/** Shorter lines, such as the frame of a key, are no secret. */
const SECRET_LENGTH_MIN = 8
const KEY_FRAME = /^-----(BEGIN|END) [A-Z ]+-----$/

/** Every line of a secret: plain, base64 (at each of the three places where it can begin), URL-encoded, hex. */
export function spellings(secret: string): readonly string[] {
  const lines = secret.split('\n').filter((line) => line.length >= SECRET_LENGTH_MIN && !KEY_FRAME.test(line))
  return lines.flatMap((line) => {
    const hex = Buffer.from(line).toString('hex')
    return [line, encodeURIComponent(line), hex, hex.toUpperCase(), ...[0, 1, 2].map((shift) => base64Core(line, shift))]
  })
}

/** The letters of base64 that depend on `text` alone when `shift` other bytes come before it and any after it. */
function base64Core(text: string, shift: number): string {
  const bytes = Buffer.from('x'.repeat(shift) + text)
  const whole = bytes.toString('base64').replace(/=+$/, '')
  const foreign = shift === 0 ? 0 : shift + 1
  return whole.slice(foreign, Math.floor((bytes.length * 8) / 6))
}

/** The commands that tell the runner what to hide must name it. */
function written(phase: PhaseRun): Readonly<Record<string, string>> {
  const { log, summary, outputs, annotations, state, environment } = phase
  const rawLog = phase.rawLog
    .split('\n')
    .filter((line) => !line.startsWith('::add-mask::'))
    .join('\n')
  return {
    log,
    rawLog,
    summary,
    outputs: text(outputs),
    annotations: text(annotations),
    state: text(state),
    environment: text(environment),
  }
}

function text(value: unknown): string {
  return JSON.stringify(value)
}

/** Fails when a secret, or a token or signature of the cache service, is found in what the run wrote or saved. State must not tell a host either. */
export function assertNothingLeaked(run: ActionRun, secrets: readonly string[], cache: CacheService): void {
  const forms = new Set([...secrets, ...cache.secrets].flatMap(spellings))
  for (const [phase, name] of [
    [run, 'main'],
    [run.post, 'post'],
  ] as const) {
    if (phase === null) continue
    for (const [place, content] of Object.entries(written(phase)))
      for (const form of forms) assert.ok(!content.includes(form), `${name}: '${form.slice(0, 12)}…' is in the ${place}`)
  }
  for (const { key, bytes } of cache.entries()) {
    const content = Buffer.from(bytes).toString('latin1')
    for (const form of forms) assert.ok(!content.includes(form) && !key.includes(form), 'a secret is in the saved state')
    for (const clear of ['127.0.0.', 'localhost', '.bin', '://']) assert.ok(!content.includes(clear), `'${clear}' is in the saved state`)
  }
}
