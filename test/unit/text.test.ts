/** Nothing that a server or a file name says may command the runner, hide itself or tell a secret. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { secretForms } from '../../src/core/secret-forms.ts'
import { markdownCode, printable } from '../../src/core/text.ts'

fc.configureGlobal({ seed: 20_260 })

const hostile = fc.string({
  unit: fc.oneof(
    fc.constantFrom(
      ':',
      '::',
      '#',
      '##[',
      '[',
      ']',
      '%',
      '\n',
      '\r',
      '\t',
      ' ',
      '\u0000',
      '\u001b[31m',
      '\u202e',
      '\u200b',
      '\u2028',
      '\ufeff',
      '\ud800',
      'a',
    ),
    fc.string({ unit: 'binary', maxLength: 2 }),
  ),
  maxLength: 80,
})

test('printable: one line, no runner command anywhere, no control or direction character', () => {
  fc.assert(
    fc.property(hostile, fc.integer({ min: 20, max: 200 }), (text, lengthMax) => {
      const line = printable(text, lengthMax)
      assert.ok(!line.includes('::'), JSON.stringify(line))
      assert.ok(!line.includes('##['), JSON.stringify(line))
      assert.ok(!/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069\u200b-\u200f\u061c\ufeff]/u.test(line), JSON.stringify(line))
      assert.ok(line.length <= lengthMax)
      assert.equal(printable(line, lengthMax), line, 'a second time changes nothing')
    }),
    { numRuns: 500 },
  )
})

test('printable: examples', () => {
  const table: readonly (readonly [string, string])[] = [
    ['plain text: fine', 'plain text: fine'],
    ['::error::x', ':\u2009:error:\u2009:x'],
    [':::set-output', ':\u2009:\u2009:set-output'],
    ['##[error]x', '#\u2009#[error]x'],
    ['###[group]', '##\u2009#[group]'],
    ['a\tb', 'a b'],
    ['a\r\n::stop', 'a\\u{d}\\u{a}:\u2009:stop'],
    [':\u200b:x', ':\\u{200b}:x'],
    ['\u061cx', '\\u{61c}x'],
    ['\ud800', '\ufffd'],
  ]
  for (const [text, line] of table) assert.equal(printable(text), line)
})

test('printable cuts in the middle, beginning and end stay', () => {
  const line = printable(`begin${'x'.repeat(5000)}end`)
  assert.ok(line.length <= 2000 && line.startsWith('begin') && line.endsWith('end') && line.includes(' … '))
})

test('markdownCode cannot be left', () => {
  fc.assert(
    fc.property(fc.oneof(hostile, fc.string({ unit: fc.constantFrom('`', '|', '<', '>', '\n', 'a') })), (text) => {
      const inner = markdownCode(text).slice(1, -1)
      assert.ok(!/[`|<>\n]/.test(inner))
    }),
  )
})

test('secretForms: as given, line by line, encoded for URLs and JSON, base64 and hex, with the user name', () => {
  const secret = 'p@ss "w/rd"\nzweite Zeile'
  const forms = secretForms(secret, 'bob')
  for (const form of [
    secret,
    'p@ss "w/rd"',
    'zweite Zeile',
    encodeURIComponent(secret),
    encodeURI(secret),
    JSON.stringify(secret).slice(1, -1),
    Buffer.from(secret).toString('base64').replace(/=+$/, ''),
    Buffer.from(secret).toString('base64url'),
    Buffer.from(secret).toString('hex'),
    Buffer.from(`bob:${secret}`).toString('base64').replace(/=+$/, ''),
  ])
    assert.ok(forms.includes(form), JSON.stringify(form))
  assert.ok(secretForms('a%20secret').includes('a secret'), 'decoded')
})

test('secretForms: nothing so short that it would blot out ordinary text; a damaged secret does not throw', () => {
  for (const form of secretForms('abc')) assert.ok(form.trim().length >= 4)
  assert.deepEqual(
    secretForms('   ').filter((form) => form.trim() === ''),
    [],
  )
  assert.doesNotThrow(() => secretForms('100%\ud800'))
})
