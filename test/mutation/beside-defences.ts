/** Proof beside sending: src/engine/upload-beside.ts, ground.ts, read-back-choice.ts. */
import { type Defence, here, simulated, unit } from './defence.ts'

export const BESIDE_DEFENCES: readonly Defence[] = [
  {
    name: 'first-block-is-ours',
    protects: "from writing into somebody else's file that has the partial's name",
    edits: [
      {
        file: 'src/engine/upload-plan.ts',
        find: 'return totalBytes(proven) === totalBytes(first)',
        replace: 'return totalBytes(proven) >= 0',
      },
    ],
    detectors: [here('beside', 'nothing is written to a file')],
  },
  {
    name: 'wrong-kept-block-is-sent',
    protects: 'from leaving a kept block that was read back wrong in the file, because the rest is on its way already',
    edits: [
      {
        file: 'src/engine/ground.ts',
        find: 'if (same) this.#proven = union(this.#proven, [piece])',
        replace: 'if (same || piece.end > 0) this.#proven = union(this.#proven, [piece])',
      },
    ],
    detectors: [simulated('upload', 'openssh'), here('beside', 'a kept block that turns out wrong'), unit('ground')],
  },
  {
    name: 'sender-waits-for-the-reader',
    protects: 'from publishing while kept bytes are still being read back',
    edits: [
      {
        file: 'src/engine/upload-beside.ts',
        find: 'if (this.#readerDone && ground.toSend === 0) return',
        replace: 'if (ground.toSend === 0) return',
      },
      { file: 'src/engine/upload-beside.ts', find: 'await Promise.all([', replace: 'await Promise.race([' },
      {
        file: 'src/engine/upload-beside.ts',
        find: 'if (!place.ground.covers(session.expected.size)) throw',
        replace: 'if (there < 0) throw',
      },
    ],
    detectors: [here('beside', 'nothing is published before'), simulated('upload', 'openssh')],
  },
  {
    name: 'unread-kept-bytes-are-sent',
    protects: 'from keeping what a server did not let be read back',
    edits: [
      {
        file: 'src/engine/upload-beside.ts',
        find: "if (end === 'refused' || end === 'denied') ground.sendUnproven()",
        replace: "if (end === 'refused' || end === 'denied') ground.judged({ start: 0, end: session.expected.size }, true)",
      },
    ],
    detectors: [here('beside', 'lets no more than the first block be read')],
  },
  {
    name: 'undigested-kept-bytes-are-sent',
    protects: 'from keeping what a digest did not prove',
    edits: [
      {
        file: 'src/engine/upload-beside.ts',
        find: 'for (const range of proof.proven) {',
        replace: 'for (const range of [...ground.toProve]) {',
      },
    ],
    detectors: [here('beside', 'a kept block that the digest does not prove')],
  },
  {
    name: 'sent-again-is-sent',
    protects: 'from taking bytes that were left to the sender, because reading is slow, for proven',
    edits: [
      {
        file: 'src/engine/ground.ts',
        find: '      this.#toSend = union(this.#toSend, taken)\n',
        replace: '      this.#sent = union(this.#sent, taken)\n',
      },
    ],
    detectors: [unit('ground')],
  },
  {
    name: 'reading-that-failed-voids-the-attempt',
    protects: 'from building on bytes that were sent before a server restarted under the reading',
    edits: [
      {
        file: 'src/engine/upload-beside.ts',
        find: '      throw signal.aborted || read > 0 ? error : this.#whileSending(error)\n',
        replace: '      await this.#readRange(range)\n',
      },
    ],
    detectors: [here('beside', 'a server that restarts under the reading')],
  },
  {
    name: 'slow-reading-gives-way',
    protects: 'from reading back for longer than sending again would take',
    edits: [
      {
        file: 'src/engine/read-back-choice.ts',
        find: 'return read < send * READING_ENOUGH ? (unproven * send) / (send + read) : 0',
        replace: 'return read > send * READING_ENOUGH ? (unproven * send) / (send + read) : 0',
      },
    ],
    detectors: [here('beside', 'reading that is slower than sending'), unit('read-back-choice')],
  },
  {
    name: 'slow-reading-gives-way-in-a-new-process',
    protects: 'from reading back for longer than starting over would take, because the process that knew how fast sending is has ended',
    edits: [
      {
        file: 'src/engine/pace.ts',
        find: 'sendAlone: rate(this.#sending, this.#sending.sent) ?? remembered,',
        replace: 'sendAlone: rate(this.#sending, this.#sending.sent) ?? (remembered === 0 ? remembered : null),',
      },
    ],
    detectors: [here('remembered-rate', 'append: slow reading'), here('remembered-rate', 'rewind: slow reading'), unit('pace')],
  },
  {
    name: 'a-rate-that-was-made-up-does-not-last',
    protects: 'from a memory that makes every later run choose wrongly',
    edits: [
      {
        file: 'src/engine/pace.ts',
        find: 'const measured = rate(this.#sending, this.#sending.sent)',
        replace: 'const measured = known === null ? rate(this.#sending, this.#sending.sent) : null',
      },
    ],
    detectors: [here('remembered-rate', 'append: a rate that was made up'), unit('pace')],
  },
  {
    name: 'what-was-given-up-once-is-read',
    protects:
      'from giving kept bytes up for speed at every attempt, each of which is cut at the same place, so that no file is ever finished',
    edits: [
      {
        file: 'src/engine/upload-plan.ts',
        find: 'return kept > leftUnread ? pace.rates : UNMEASURED',
        replace: 'return kept > leftUnread ? pace.rates : (pace.rates ?? UNMEASURED)',
      },
    ],
    detectors: [here('remembered-rate', 'what was given up for speed')],
  },
  {
    name: 'both-sides-end-together',
    protects: 'from an exchange that goes on when the other one has failed',
    edits: [{ file: 'src/engine/upload-beside.ts', find: '    this.#stop.abort(error)\n', replace: '' }],
    detectors: [{ ...here('beside', 'when the sending breaks'), byLimit: true }],
  },
]
