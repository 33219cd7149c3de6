/** Whatever a server, a file name or an error says, it stays text: in the log, in annotations, in the summary and in the runner's command files. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import * as core from '@actions/core'
import fc from 'fast-check'
import { failureLines } from '../../src/action/failure-text.ts'
import { createHost, type HostSink } from '../../src/action/host.ts'
import { createReporter } from '../../src/action/reporter.ts'
import { summaryMarkdown } from '../../src/action/summary.ts'
import { markdownCode, printable } from '../../src/core/text.ts'
import type { TransferFailure, TransferResult } from '../../src/engine/ports.ts'
import { hostileText, MEANINGFUL } from '../fuzz/arbitrary-text.ts'
import { VirtualClock } from '../simulation/world.ts'
import { logReader, parseCommand, parseKeyValueFile } from '../support/runner-commands.ts'

const SEED = 20_262
/** Controls, what changes the direction, what takes no room, half of a character. */
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Default_Ignorable_Code_Point}]/u

/** Letters that only foreign text holds, so that it is found again wherever it went. */
const MARK = 'Ωψ'
const foreign = fc.tuple(hostileText(), hostileText()).map(([before, behind]) => `${before}${MARK}${behind}`)

const folder = mkdtempSync(join(tmpdir(), 'hostile-text-'))
after(() => rmSync(folder, { recursive: true, force: true }))

/** What the toolkit writes for a host's sink, as lines of the log. */
function recording(): { readonly sink: HostSink; readonly lines: () => readonly string[] } {
  const out: string[] = []
  const command = (name: string, text: string): void => {
    // As @actions/core escapes the data of a command.
    out.push(`::${name}::${text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A')}`)
  }
  const sink: HostSink = {
    kind: 'actions',
    mask: () => {},
    line: (text) => out.push(text),
    debug: (text) => command('debug', text),
    annotation: command,
    startGroup: (title) => command('group', title),
    endGroup: () => command('endgroup', ''),
    output: () => {},
    saveState: () => {},
    getState: () => '',
    summary: async () => {},
    exitCode: () => {},
    close: () => {},
  }
  return { sink, lines: () => out.flatMap((text) => text.split(/\r\n|[\n\r]/)) }
}

function resultOf(text: string): TransferResult {
  const failure: TransferFailure = { kind: 'refused', message: text, hint: text }
  return {
    name: text,
    status: 'failed',
    failure,
    size: 1,
    bytesTransferred: 1,
    bytesReused: 0,
    resumedFrom: 0,
    proof: 'size',
    proofDetail: text,
    digest: null,
    durationMs: 1,
  }
}

const OURS: readonly string[] = ['debug', 'group', 'endgroup', 'error', 'warning', 'notice']

test('log and annotations: no command but ours, nothing invisible, no line of its own', () => {
  fc.assert(
    fc.property(foreign, fc.constantFrom('minimal', 'standard', 'verbose'), (text, level) => {
      const { sink, lines } = recording()
      const host = createHost(sink, { inputs: new Map(), environment: {} })
      const reporter = createReporter(host, new VirtualClock(), { level, heartbeat: false })
      reporter.report({ kind: 'started', name: text, size: 1 })
      reporter.report({ kind: 'planned', name: text, decision: text })
      reporter.report({ kind: 'note', name: text, message: text })
      reporter.report({ kind: 'warning', name: text, message: text })
      reporter.report({ kind: 'retrying', name: text, message: text, delayMs: 1, failuresLeft: 1 })
      reporter.report({ kind: 'finished', name: text, result: resultOf(text) })
      reporter.close()
      host.debug(text)
      host.notice(text)
      host.error(
        failureLines({ kind: 'refused', message: text, hint: text }, [resultOf(text)], {
          host: 'actions',
          keeps: 'server',
          presented: true,
        }),
      )
      const reader = logReader()
      for (const line of lines()) {
        assert.doesNotMatch(line, INVISIBLE, JSON.stringify(line))
        const command = parseCommand(line)
        if (command !== null) assert.ok(OURS.includes(command.name) && line.startsWith(`::${command.name}::`), JSON.stringify(line))
        reader.line(line)
      }
      assert.deepEqual(
        reader.annotations.map(({ level: shown }) => shown),
        ['warning', 'notice', 'error'],
      )
      assert.deepEqual(reader.masks, [])
      for (const { message } of reader.annotations) assert.ok(message.split('\n').every((line) => parseCommand(line) === null))
    }),
    { seed: SEED, numRuns: 600 },
  )
})

/** Markdown without its code: fences first, then spans of one backtick, which is all that we write. */
function outsideCode(markdown: string): string {
  return markdown.replace(/^```text\n[\s\S]*?\n```$/gm, '').replaceAll(/`[^`\n]*`/g, '')
}

test('summary: foreign text is only inside of code, so nothing of it is Markdown, HTML, a link or a mention', () => {
  fc.assert(
    fc.property(fc.array(foreign, { minLength: 1, maxLength: 3 }), (texts) => {
      const markdown = summaryMarkdown({ direction: 'upload', results: texts.map(resultOf), warnings: texts, failure: texts })
      const rest = outsideCode(markdown)
      assert.ok(!rest.includes('Ω') && !rest.includes('ψ'), rest)
      assert.doesNotMatch(rest, /[`<\\]|\]\(|https?:|www\.|@|#\d/)
      assert.equal((rest.match(/^#/gm) ?? []).length, 1)
      assert.ok(
        markdown
          .replaceAll('⚠️', '')
          .split('\n')
          .every((line) => !INVISIBLE.test(line)),
      )
      const rows = markdown.split('\n').filter((line) => line.startsWith('| `'))
      assert.equal(rows.length, texts.length)
      for (const row of rows) assert.equal(row.split('|').length, 11, row)
      assert.equal((markdown.match(/^```/gm) ?? []).length, 2)
    }),
    { seed: SEED, numRuns: 600 },
  )
})

test('outputs: what is given comes back as exactly one value, and no other output arises', () => {
  const path = join(folder, 'output')
  const before = process.env.GITHUB_OUTPUT
  process.env.GITHUB_OUTPUT = path
  try {
    fc.assert(
      fc.property(foreign, foreign, (first, second) => {
        writeFileSync(path, '')
        core.setOutput('path', first)
        core.setOutput('digest', second)
        const values = parseKeyValueFile(readFileSync(path, 'utf8'))
        assert.deepEqual([...values.keys()], ['path', 'digest'])
        // The runner reads lines: it makes CR LF to LF, and UTF-8 has no half characters.
        const read = (text: string): string => `${text.toWellFormed()}\n`.replaceAll('\r\n', '\n').slice(0, -1)
        assert.deepEqual([...values.values()], [read(first), read(second)])
      }),
      { seed: SEED, numRuns: 300 },
    )
  } finally {
    if (before === undefined) delete process.env.GITHUB_OUTPUT
    else process.env.GITHUB_OUTPUT = before
  }
})

test('every meaningful word, alone and 100 KB of it', () => {
  for (const word of MEANINGFUL)
    for (const text of [word, word.repeat(Math.ceil(100_000 / word.length))]) {
      const line = printable(text)
      assert.ok(line.length <= 2000 && !INVISIBLE.test(line) && parseCommand(line) === null, JSON.stringify(line.slice(0, 80)))
      assert.match(markdownCode(text), /^`[^`|<>\n]*`$/)
      const markdown = summaryMarkdown({ direction: null, results: [resultOf(text)], warnings: [text], failure: [text] })
      assert.ok(markdown.length < 10_000)
    }
})
