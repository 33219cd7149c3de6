/** A green step means success, and a stop is heard: src/action/outputs.ts, finish.ts, and whoever waits under a signal. */
import { contract, type Defence, simulated, unit } from './defence.ts'

const OUTPUTS = 'src/action/outputs.ts'

export const GREEN_DEFENCES: readonly Defence[] = [
  {
    name: 'success-needs-a-proof',
    protects: 'from a green step for a file that nothing vouches for',
    edits: [
      {
        file: OUTPUTS,
        find: "return result.proof === null ? { kind: 'internal',",
        replace: "return result.name === null ? { kind: 'internal',",
      },
    ],
    detectors: [unit('summary', 'no way to be green')],
  },
  {
    name: 'every-file-has-a-result',
    protects: 'from a green step with files that were never looked at',
    edits: [
      {
        file: OUTPUTS,
        find: '(job === null || results.length < job.entries.length || results.length === 0))',
        replace: '(job === null && results.length > 99))',
      },
    ],
    detectors: [unit('summary', 'no way to be green')],
  },
  {
    name: 'any-failure-fails-the-step',
    protects: 'from a green step although something failed beside the files',
    edits: [
      {
        file: OUTPUTS,
        find: 'if (error !== null && error !== undefined) failures.push(failureOf(error))',
        replace: 'if (error === 0) failures.push(failureOf(error))',
      },
    ],
    detectors: [unit('summary', 'no way to be green')],
  },
  {
    name: 'worst-failure-decides',
    protects: 'from "try again" as the answer to a file that is wrong',
    edits: [{ file: OUTPUTS, find: '.toSorted((a, b) => SEVERITY.indexOf(a.kind) - SEVERITY.indexOf(b.kind))[0]', replace: '[0]' }],
    detectors: [unit('summary', 'the worst failure decides')],
  },
  {
    name: 'weakest-proof-is-told',
    protects: 'from claiming for all files what is true of one',
    edits: [
      {
        file: OUTPUTS,
        find: "['acknowledged', 'size', 'read-back', 'digest']",
        replace: "['digest', 'read-back', 'size', 'acknowledged']",
      },
    ],
    detectors: [unit('summary', 'the weakest proof counts')],
  },
  {
    name: 'post-saves-only-a-journal',
    protects: 'from a damaged file in the place of the last good state',
    edits: [
      {
        file: 'src/action/finish.ts',
        find: 'if (state === null || journal === null || !isWorthKeeping(journal)) return',
        replace: 'if (state === null || (journal !== null && !isWorthKeeping(journal))) return',
      },
    ],
    detectors: [unit('finish', 'one that is damaged is not saved')],
  },
  {
    name: 'state-is-of-this-identity',
    protects: "from the state of a step whose identity begins like this one's",
    edits: [{ file: 'src/action/cache-service.ts', find: 'identity.id}-`', replace: 'identity.id}`' }],
    detectors: [contract('cache-service', 'does not find it')],
  },
  {
    name: 'upload-journal-holds-what-was-confirmed',
    protects: 'from a journal that claims bytes which were only sent',
    edits: [
      {
        file: 'src/engine/upload-exchange.ts',
        find: '        session.sentBytes = sentBefore + total\n',
        replace:
          '        session.sentBytes = sentBefore + total\n        session.acknowledge(union(session.acknowledged, rangeSet([{ start: segment.start, end: segment.start + total }])))\n        session.record()\n',
      },
    ],
    detectors: [simulated('upload', 'openssh')],
    maskedBy: {
      name: 'kept-bytes-are-proven',
      why: 'an upload proves every byte it finds; what the journal says was confirmed decides nothing',
    },
  },
  {
    name: 'exchange-hears-a-stop',
    protects: 'from a stop that has to wait for the server',
    edits: [{ file: 'src/engine/exchange.ts', find: "  signal.addEventListener('abort', onAbort, { once: true })\n", replace: '' }],
    detectors: [{ ...unit('exchange', 'an abort from outside'), byLimit: true }],
  },
  {
    name: 'http-hears-a-stop',
    protects: 'from a stop that has to wait for the server',
    edits: [
      {
        file: 'src/remotes/http/exchange.ts',
        find: "    this.#signal.addEventListener('abort', this.#onAbort, { once: true })\n",
        replace: '',
      },
    ],
    detectors: [{ ...unit('http-waits', 'an abort settles'), byLimit: true }],
  },
  {
    name: 'sftp-hears-a-stop',
    protects: 'from a stop that has to wait for the server',
    edits: [
      { file: 'src/remotes/sftp/waiting.ts', find: "    else signal.addEventListener('abort', abort, { once: true })\n", replace: '' },
    ],
    detectors: [{ ...unit('sftp-faults', 'an abort settles although'), byLimit: true }],
  },
  {
    name: 'ftp-hears-a-stop',
    protects: 'from a stop that has to wait for the server',
    edits: [
      {
        file: 'src/remotes/ftp/deadline.ts',
        find: "    signal.addEventListener('abort', onAbort, { once: true })\n    work.then(",
        replace: '    work.then(',
      },
    ],
    detectors: [{ ...unit('ftp-hostile', 'an abort does not wait for an answer'), byLimit: true }],
  },
]
