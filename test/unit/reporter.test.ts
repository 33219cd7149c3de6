import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Host } from '../../src/action/host.ts'
import type { LogLevel } from '../../src/action/job.ts'
import { createReporter } from '../../src/action/reporter.ts'
import { createTerminal } from '../../src/action/terminal.ts'
import { createTerminalReporter } from '../../src/action/terminal-reporter.ts'
import type { Clock, TransferResult } from '../../src/engine/ports.ts'

const MIB = 1024 * 1024

interface Ticking extends Clock {
  advance(ms: number): void
  readonly pending: () => number
}

function ticking(): Ticking {
  let now = 0
  let timers: { at: number; action: () => void }[] = []
  return {
    nowMs: () => now,
    sleep: () => Promise.reject(new Error('not here')),
    after(ms, action) {
      const timer = { at: now + ms, action }
      timers.push(timer)
      return () => {
        timers = timers.filter((other) => other !== timer)
      }
    },
    advance(ms) {
      const end = now + ms
      for (;;) {
        const next = timers.filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at)[0]
        if (next === undefined) break
        timers = timers.filter((timer) => timer !== next)
        now = next.at
        next.action()
      }
      now = end
    },
    pending: () => timers.length,
  }
}

function result(more: Partial<TransferResult> = {}): TransferResult {
  return {
    name: 'a.bin',
    status: 'complete',
    size: 100 * MIB,
    bytesTransferred: 60 * MIB,
    bytesReused: 40 * MIB,
    resumedFrom: 40 * MIB,
    proof: 'digest',
    proofDetail: 'sha256 by the server',
    digest: null,
    durationMs: 30_000,
    ...more,
  }
}

function logged(level: LogLevel = 'standard') {
  const out: string[] = []
  const clock = ticking()
  const lines = {
    info: (line: string) => out.push(line),
    warning: (line: string) => out.push(`! ${line}`),
    startGroup: (title: string) => out.push(`> ${title}`),
    endGroup: () => out.push('<'),
  }
  return { out, clock, reporter: createReporter(lines as unknown as Host, clock, { level, heartbeat: true }) }
}

test('one group a file, one progress line every ten seconds, the result outside the group', () => {
  const { out, clock, reporter } = logged()
  const name = 'a.bin'
  reporter.report({ kind: 'started', name, size: 100 * MIB })
  reporter.report({ kind: 'phase', name, phase: 'hashing', total: 100 * MIB })
  clock.advance(3000)
  reporter.report({ kind: 'progress', name, done: 50 * MIB, reused: 0 })
  clock.advance(7000)
  reporter.report({ kind: 'planned', name, decision: 'resume at 40.0 MiB' })
  reporter.report({ kind: 'phase', name, phase: 'transferring', total: 100 * MIB })
  reporter.report({ kind: 'progress', name, done: 40 * MIB, reused: 40 * MIB })
  for (let i = 1; i <= 30; i += 1) {
    clock.advance(1000)
    reporter.report({ kind: 'progress', name, done: (40 + 2 * i) * MIB, reused: 40 * MIB })
  }
  reporter.report({ kind: 'finished', name, result: result() })
  assert.deepEqual(out, [
    '> a.bin (100.0 MiB)',
    'hashing the source: 50.0 MiB of 100.0 MiB (50 %), 5.00 MiB/s, 10.0 s left',
    'resume at 40.0 MiB',
    'transferring: 58.0 MiB of 100.0 MiB (58 %), 1.80 MiB/s, 23.3 s left, 40.0 MiB reused',
    'transferring: 78.0 MiB of 100.0 MiB (78 %), 2.00 MiB/s, 11.6 s left, 40.0 MiB reused',
    'transferring: 98.0 MiB of 100.0 MiB (98 %), 2.00 MiB/s, 1.0 s left, 40.0 MiB reused',
    '<',
    'a.bin: complete, 60.0 MiB in 30.0 s (2.00 MiB/s), 40.0 MiB kept from before, proven by digest (sha256 by the server)',
  ])
  assert.equal(clock.pending(), 0, 'no timer keeps the process alive')
})

test('it is never silent: connecting, and a transfer without a byte', () => {
  const { out, clock, reporter } = logged()
  reporter.report({ kind: 'started', name: 'a', size: null })
  reporter.report({ kind: 'phase', name: 'a', phase: 'connecting', total: null })
  clock.advance(10_000)
  reporter.report({ kind: 'phase', name: 'a', phase: 'transferring', total: 10 * MIB })
  reporter.report({ kind: 'progress', name: 'a', done: 5 * MIB, reused: 0 })
  clock.advance(20_000)
  reporter.report({ kind: 'retrying', name: 'a', message: 'no byte for 30 s', delayMs: 500, failuresLeft: 9 })
  assert.deepEqual(out.slice(1), [
    'connecting … 10.0 s',
    'transferring: 5.00 MiB of 10.0 MiB (50 %), 512.0 KiB/s, 10.0 s left, no byte for 10.0 s',
    'transferring: 5.00 MiB of 10.0 MiB (50 %), 0 B/s, 20.0 s left, no byte for 20.0 s',
    'no byte for 30 s; trying again in 500 ms (9 more without progress before giving up)',
  ])
  reporter.close()
  assert.equal(clock.pending(), 0)
  assert.equal(out.at(-1), '<')
})

test('levels', () => {
  const seen = (level: LogLevel): string => {
    const { out, clock, reporter } = logged(level)
    reporter.report({ kind: 'started', name: 'a', size: 1 })
    reporter.report({ kind: 'phase', name: 'a', phase: 'connecting', total: null })
    reporter.report({ kind: 'planned', name: 'a', decision: 'PLAN' })
    reporter.report({ kind: 'note', name: 'a', message: 'NOTE' })
    reporter.report({ kind: 'warning', name: 'a', message: 'WARN' })
    reporter.report({ kind: 'warning', name: 'a', message: 'WARN' })
    clock.advance(10_000)
    reporter.report({
      kind: 'finished',
      name: 'a',
      result: result({ name: 'a', status: 'failed', failure: { kind: 'refused', message: '550 no' } }),
    })
    assert.deepEqual(reporter.warnings(), ['WARN'])
    return out.join('|')
  }
  const last = 'a: failed after 60.0 MiB in 30.0 s, 40.0 MiB kept from before: 550 no'
  assert.equal(seen('minimal'), `! a: WARN|${last}`)
  assert.equal(seen('standard'), `> a (1 B)|PLAN|NOTE|! a: WARN|connecting … 10.0 s|<|${last}`)
  assert.equal(seen('verbose'), `> a (1 B)|connecting|PLAN|NOTE|! a: WARN|connecting … 10.0 s|<|${last}`)
})

test('files side by side say which one speaks', () => {
  const { out, reporter } = logged()
  reporter.report({ kind: 'started', name: 'a', size: 1 })
  reporter.report({ kind: 'started', name: 'b', size: 1 })
  reporter.report({ kind: 'note', name: 'b', message: 'x' })
  reporter.report({ kind: 'note', name: '', message: 'of the whole step' })
  reporter.report({ kind: 'finished', name: 'a', result: result({ name: 'a' }) })
  reporter.report({ kind: 'progress', name: 'a', done: 1, reused: 0 })
  reporter.report({ kind: 'note', name: 'b', message: 'y' })
  reporter.report({ kind: 'finished', name: 'b', result: result({ name: 'b', status: 'unchanged' }) })
  assert.deepEqual(
    out.filter((line) => !line.includes('complete')),
    ['> a (1 B)', 'b: x', 'of the whole step', '<', 'y', 'b: unchanged, proven by digest (sha256 by the server)'],
  )
})

function terminal(isTTY: boolean, columns = 60) {
  const writes: string[] = []
  const clock = ticking()
  const screen = createTerminal({ isTTY, columns, write: (text) => writes.push(text) })
  const host = {
    info: (line: string) => screen.line(line),
    warning: (line: string) => screen.line(line),
    startGroup: (line: string) => screen.line(line),
    endGroup: () => {},
    redact: (text: string) => text.replaceAll('canary', '***'),
  } as unknown as Host
  return { writes, clock, screen, reporter: createTerminalReporter(host, screen, clock, 'standard') }
}

test('the live line: within the width, at most five times a second, gone at the end', () => {
  const { writes, clock, reporter } = terminal(true)
  const name = 'canary\u001b[2J.bin'
  reporter.report({ kind: 'started', name, size: 100 * MIB })
  reporter.report({ kind: 'phase', name, phase: 'transferring', total: 100 * MIB })
  const before = writes.length
  for (let i = 0; i < 1000; i += 1) {
    clock.advance(1)
    reporter.report({ kind: 'progress', name, done: i * 100, reused: 0 })
  }
  assert.ok(writes.length - before <= 7, `${writes.length - before} draws in a second`)
  for (const text of writes.slice(before)) {
    assert.ok(text.replace('\r\u001b[K', '').length <= 59, text)
    assert.ok(!text.includes('canary') && !text.includes('\u001b[2J'))
  }
  reporter.report({ kind: 'note', name, message: 'stays' })
  assert.match(writes.at(-1) ?? '', /^\r\u001b\[Kstays\n\*\*\*/)
  reporter.report({ kind: 'finished', name, result: result({ name: 'x' }) })
  assert.equal(writes.at(-2), '\r\u001b[K')
  assert.match(writes.at(-1) ?? '', /^x: complete/)
  assert.equal(clock.pending(), 0)
})

test('a stalled live line still ticks', () => {
  const { writes, clock, reporter } = terminal(true, 200)
  reporter.report({ kind: 'started', name: 'a', size: 1 })
  reporter.report({ kind: 'phase', name: 'a', phase: 'transferring', total: 100 })
  reporter.report({ kind: 'progress', name: 'a', done: 1, reused: 0 })
  clock.advance(15_000)
  assert.match(writes.at(-1) ?? '', /no byte for 15\.0 s/)
  reporter.close()
  assert.equal(clock.pending(), 0)
})

test('without a terminal it is the log of the action', () => {
  const { writes, clock, reporter } = terminal(false)
  reporter.report({ kind: 'started', name: 'a', size: 1 })
  reporter.report({ kind: 'phase', name: 'a', phase: 'connecting', total: null })
  clock.advance(10_000)
  assert.deepEqual(writes, ['a (1 B)\n', 'connecting … 10.0 s\n'])
  reporter.close()
})
