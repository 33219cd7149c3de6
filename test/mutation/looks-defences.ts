/** A look that fails is not knowledge, and takes nothing back: src/engine/{look,published,publish,upload-proof,upload,staging}.ts, src/engine/download*.ts. */
import { type Defence, type Detector, here } from './defence.ts'

/** The histories that once went wrong. */
const PAST: Detector = { file: 'test/simulation/simulation.test.ts', pattern: 'what once went wrong', histories: 1 }
const looks = (part: string): ReturnType<typeof here> => here('looks', part)

export const LOOKS_DEFENCES: readonly Defence[] = [
  {
    name: 'a-refused-look-is-no-answer',
    protects: 'from ending a transfer that would succeed because a look at it is refused',
    edits: [
      {
        file: 'src/engine/look.ts',
        find: "    if (!isUntold(error)) throw error\n    return { is: 'unknown', why: error }",
        replace: '    throw error',
      },
    ],
    detectors: [looks('every look is answered refused'), looks('every look at a download is answered protocol')],
  },
  {
    name: 'unseen-is-not-size',
    protects: 'from claiming a length that nobody told',
    edits: [
      { file: 'src/engine/upload-proof.ts', find: "return sized ? 'size' : 'acknowledged'", replace: "return sized ? 'size' : 'size'" },
    ],
    detectors: [looks('never shows is done')],
  },
  {
    name: 'full-is-not-acknowledged',
    protects: 'from green with verify: full where nothing could be read',
    edits: [
      {
        file: 'src/engine/upload-proof.ts',
        find: "if (policy.verify === 'full') throw isGone",
        replace: "if (policy.resume === 'never') throw isGone",
      },
    ],
    detectors: [looks('every look is answered refused'), looks('never shows is done')],
  },
  {
    name: 'unseen-after-the-rename-is-said',
    protects: 'from a proof by length of a file that nobody saw under its name',
    edits: [
      {
        file: 'src/engine/upload.ts',
        find: "  if (final.is !== 'there') return 'acknowledged'\n",
        replace: "  if (final.is !== 'there') return proof\n",
      },
    ],
    detectors: [looks('as soon as it has its name')],
  },
  {
    name: 'the-old-file-is-not-removed-unseen',
    protects: 'from removing the old file when nobody has seen the new one in its place',
    edits: [
      {
        file: 'src/engine/publish.ts',
        find: 'session.aside !== null && isSeen',
        replace: "session.aside !== null && final.is !== 'missing'",
      },
    ],
    detectors: [looks('never removed unseen')],
  },
  {
    name: 'nothing-is-written-over-unseen',
    protects: 'from writing over a file that the account may not look at',
    edits: [
      {
        file: 'src/engine/upload-session.ts',
        find: "this.nothingThere = final.is === 'missing'",
        replace: "this.nothingThere = final.is !== 'there'",
      },
    ],
    detectors: [looks('nothing is sent, however small')],
  },
  {
    name: 'missing-is-no-knowledge-where-nothing-shows',
    protects: 'from writing over an old file that the server says is missing, as it says of everything',
    edits: [
      {
        file: 'src/engine/staging.ts',
        find: "  if ((await look(from))?.is !== 'missing') return false\n",
        replace: "  if ((await look(from))?.is !== 'there') return false\n",
      },
    ],
    detectors: [looks('is not written to unseen')],
  },
  {
    name: 'the-right-to-rename-before-a-blind-byte',
    protects: 'from sending bytes that cannot be published',
    edits: [{ file: 'src/engine/staging.ts', find: "session.finalBefore?.is !== 'unknown' && session.policy", replace: 'session.policy' }],
    detectors: [looks('nothing is sent, however small')],
  },
  {
    name: 'a-mailbox-gets-it-once',
    protects: 'from sending again what the server has taken',
    edits: [
      {
        file: 'src/engine/published.ts',
        find: 'const isMoved = await movedAway(session, remote, signal)',
        replace: "const isMoved = final.is === 'missing'",
      },
    ],
    detectors: [looks('as soon as it has its name')],
  },
  {
    name: 'a-mailbox-is-known-before-the-bytes-travel',
    protects: 'from delivering a file under a temporary name',
    edits: [
      {
        file: 'src/engine/staging.ts',
        find: "const refusal = empty === 'gone' ?",
        replace: "const refusal = empty === 'gone' && session.renames ?",
      },
    ],
    detectors: [looks('gets the file once, under its own name'), looks('and verify: full')],
  },
  {
    name: 'an-empty-file-is-no-mailbox',
    protects: 'from writing to the final name where only empty files are removed',
    edits: [{ file: 'src/engine/scratch.ts', find: 'filled ? SOMETHING : NOTHING', replace: 'filled ? NOTHING : NOTHING' }],
    detectors: [looks('removes empty files')],
  },
  {
    name: 'what-was-taken-is-not-continued',
    protects: 'from the advice to continue what the server has taken away',
    edits: [{ file: 'src/engine/refusal.ts', find: '  session.begun = false\n', replace: '' }],
    detectors: [looks('nothing is said of continuing')],
  },
  {
    name: 'what-shows-late-is-waited-for',
    protects: 'from a weaker proof, or none, where an index lags',
    edits: [{ file: 'src/engine/upload-session.ts', find: 'const LOOKS_MAX = 5', replace: 'const LOOKS_MAX = 1' }],
    detectors: [looks('shows a moment after its rename')],
  },
  {
    name: 'what-is-taken-is-not-sent-again',
    protects: 'from delivering a file three times to a server that takes it under its temporary name',
    edits: [
      {
        file: 'src/engine/publish.ts',
        find: 'if (await twinTurnsUp(session, remote, signal)) return partialGone(cause)',
        replace: 'if (!(await twinTurnsUp(session, remote, signal))) return partialGone(cause)',
      },
    ],
    detectors: [looks('under its temporary name gets it once')],
  },
  {
    name: 'an-older-file-is-no-twin',
    protects: 'from taking what was under the final name before for the work of another run, and sending again and again',
    edits: [{ file: 'src/engine/twin.ts', find: ' && mayBeTheirs(session, final.file)', replace: '' }],
    detectors: [looks('no sign of another run')],
  },
  {
    name: 'what-is-confirmed-stays',
    protects: 'from failing, or sending again, because the server cannot be asked after it confirmed everything',
    edits: [
      { file: 'src/engine/upload.ts', find: 'if (!published.confirmed || !isPassing', replace: 'if (published.confirmed || !isPassing' },
    ],
    detectors: [looks('cannot be asked any more'), looks('503 for ever after')],
  },
  {
    name: 'what-is-confirmed-is-compared-after-a-loss',
    protects: 'from believing a server that went down after it had confirmed',
    edits: [
      { file: 'src/engine/published.ts', find: "if (verdict === 'unknown') return 'acknowledged'", replace: "return 'acknowledged'" },
    ],
    detectors: [looks('503 for ever after')],
  },
  {
    name: 'a-length-after-no-look',
    protects: 'from taking an older file of the same size for the one that was sent',
    edits: [
      { file: 'src/engine/upload-proof.ts', find: "(tree === undefined && finalBefore?.is !== 'unknown')", replace: 'tree === undefined' },
    ],
    detectors: [looks('a length afterwards is no proof')],
  },
  {
    name: 'a-given-digest-is-the-last-word',
    protects: 'from throwing away what is proven because a later look fails',
    edits: [{ file: 'src/engine/download.ts', find: 'if (given === null) await confirmIdentity', replace: 'await confirmIdentity' }],
    detectors: [looks('outweighs every look')],
  },
  {
    name: 'the-same-again-is-enough',
    protects: 'from fetching a file a third time for a digest that belongs to another one',
    edits: [{ file: 'src/engine/scheduler.ts', find: ' || how.isSettled?.() === true', replace: '' }],
    detectors: [looks('second identical digest')],
  },
  {
    name: 'gone-is-not-changed',
    protects: 'from throwing a whole download away because its link works once',
    edits: [
      {
        file: 'src/engine/download.ts',
        find: "  if (look.is !== 'there') {",
        replace: "  if (look.is === 'missing') throw new TransferError('source-changed', 'gone')\n  if (look.is !== 'there') {",
      },
    ],
    detectors: [looks('gone after its last byte')],
  },
  {
    name: 'a-look-at-the-end-is-tried-again',
    protects: 'from passing over two names of one file because a connection broke',
    edits: [
      {
        file: 'src/engine/targets.ts',
        find: 'await session.persevere({ downgrade: () => false }, looking.signal, look).catch',
        replace: 'await look().catch',
      },
    ],
    detectors: [{ file: 'test/unit/targets.test.ts', pattern: 'breaks off is tried again' }],
  },
  {
    name: 'a-look-for-another-run-that-is-cut-off-ends-the-attempt',
    protects: 'from publishing what the server lost when it restarted under that look',
    edits: [
      {
        file: 'src/engine/twin.ts',
        find: '  const final = await session.stat(remote, path, signal)\n  return showsFile(final) && (final',
        replace:
          "  const final = await session.stat(remote, path, signal).catch(() => ({ is: 'missing' }) as const)\n  return showsFile(final) && (final",
      },
    ],
    detectors: [PAST],
  },
  {
    name: 'what-is-seen-to-differ-is-not-confirmed',
    protects: 'from calling it stored when the next look fails',
    edits: [
      {
        file: 'src/engine/upload.ts',
        find: "error.kind === 'integrity') published.confirmed = false",
        replace: "error.kind === 'integrity') session.begun = true",
      },
    ],
    detectors: [PAST],
  },
  {
    name: 'what-can-be-read-is-there',
    protects: 'from publishing what was seen to differ, because the server says that it is not there',
    edits: [
      {
        file: 'src/engine/upload-proof.ts',
        find: 'isDoubtful ? await ifReadable(context, signal) : first',
        replace: "isDoubtful ? { verdict: 'unknown' as const, method: first.method } : first",
      },
    ],
    detectors: [PAST],
  },
  {
    name: 'a-late-old-file-is-no-new-one',
    protects: 'from a rename over it that is confirmed and not done',
    edits: [
      {
        file: 'src/engine/published.ts',
        find: 'before.file.size !== final.file.size) return this.isMoved(remote, final, signal)',
        replace: 'before.file.size !== final.file.size) return final',
      },
    ],
    detectors: [PAST],
  },
  {
    name: 'own-leftovers-are-no-other-run',
    protects: 'from waiting for oneself until it is too late',
    edits: [
      {
        file: 'src/engine/twin-signs.ts',
        find: 'if (this.#ours.has(name)) return false',
        replace: 'if (this.#ours.size < 0) return false',
      },
    ],
    detectors: [PAST],
  },
  {
    name: 'giving-way-is-no-disagreement',
    protects: 'from ending red because another run with the same file gets on',
    edits: [{ file: 'src/engine/upload.ts', find: ' session.giveWay()\n', replace: ' session.contested = true\n' }],
    detectors: [PAST],
  },
]
