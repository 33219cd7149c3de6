import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { formatBytes, formatDuration, formatRate, parseDuration } from '../../src/core/units.ts'

fc.configureGlobal({ seed: 20_260 })

test('parseDuration: what it knows', () => {
  const table: Readonly<Record<string, number>> = {
    '0': 0,
    '1500': 1500,
    '30s': 30_000,
    ' 30 s ': 30_000,
    '5h30m': 19_800_000,
    '5h 30m': 19_800_000,
    '1.5 h': 5_400_000,
    '0.001s': 1,
    '250ms': 250,
    '1d': 86_400_000,
    '2D': 172_800_000,
    '1m1ms': 60_001,
  }
  for (const [text, ms] of Object.entries(table)) assert.equal(parseDuration(text), ms, text)
})

test('parseDuration: what it does not know is null, never a guess', () => {
  for (const text of [
    '',
    ' ',
    '-1',
    '+1',
    '1e3',
    '0x10',
    '1,5h',
    'h',
    '1.',
    '.5s',
    '1.5',
    '5 hours',
    '1w',
    '1s2',
    '1s,2m',
    'NaN',
    'Infinity',
    '٣s',
    '1\n2',
    '999999999d',
  ])
    assert.equal(parseDuration(text), null, JSON.stringify(text))
})

test('parseDuration never throws and gives a safe count or null', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom(...'0123456789.smhd ') })), (text) => {
      const ms = parseDuration(text)
      assert.ok(ms === null || (Number.isSafeInteger(ms) && ms >= 0))
    }),
  )
})

test('formatBytes', () => {
  const table: readonly (readonly [number, string])[] = [
    [0, '0 B'],
    [1023, '1023 B'],
    [1024, '1.00 KiB'],
    [10 * 1024, '10.0 KiB'],
    [1024 ** 2 * 1.5, '1.50 MiB'],
    [5 * 1024 ** 3, '5.00 GiB'],
    [1024 ** 6, '1024.0 PiB'],
  ]
  for (const [bytes, text] of table) assert.equal(formatBytes(bytes), text)
})

test('formatDuration and formatRate', () => {
  assert.equal(formatDuration(0.4), '0 ms')
  assert.equal(formatDuration(999), '999 ms')
  assert.equal(formatDuration(1500), '1.5 s')
  assert.equal(formatDuration(61_000), '1 min 1 s')
  assert.equal(formatDuration(3_599_600), '1 h 0 min')
  assert.equal(formatDuration(7_260_000), '2 h 1 min')
  assert.equal(formatRate(1024, 0), '–')
  assert.equal(formatRate(2048, 1000), '2.00 KiB/s')
})
