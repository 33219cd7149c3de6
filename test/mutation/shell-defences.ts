/** src/remotes/sftp/shell-*. */
import { type Defence, type Detector, unit } from './defence.ts'

const AT = 'src/remotes/sftp'

function wire(pattern: string): Detector {
  return { file: 'test/wire/shell-digests.test.ts', pattern }
}

export const SHELL_DEFENCES: readonly Defence[] = [
  {
    name: 'shell-is-believed-after-the-scratch-file',
    protects: 'from taking the digest of another file for that of the one that was sent',
    edits: [{ file: `${AT}/shell-digester.ts`, find: 'if (answer.digest !== digest) return', replace: "if (digest === '') return" }],
    detectors: [wire('with a shell that tells the digest of another file')],
  },
  {
    name: 'shell-is-tried-in-every-way-of-asking',
    protects: 'from proving kept bytes with a tool that reads other ranges than it is asked',
    edits: [{ file: `${AT}/shell-digester.ts`, find: 'of asked) {', replace: 'of asked.slice(0, 1)) {' }],
    detectors: [wire('right about whole files only')],
  },
  {
    name: 'shell-path-is-told-back',
    protects: 'from the digest of a file whose name is what a shell made of the right one',
    edits: [{ file: `${AT}/shell-script.ts`, find: 'digest === undefined || told !==', replace: 'digest === undefined || told ===' }],
    detectors: [unit('sftp-shell-script', 'is nothing with a path that was trimmed')],
  },
  {
    name: 'shell-answer-is-nothing-else',
    protects: 'from believing what a start-up file or a menu prints',
    edits: [
      {
        file: `${AT}/shell-script.ts`,
        find: 'return rest.length === wanted.length && rest',
        replace: 'return wanted.every((line) => rest.includes(String(line))) || rest',
      },
    ],
    detectors: [unit('sftp-shell-script', 'is nothing with a farewell after it')],
  },
  {
    name: 'shell-reading-has-a-status',
    protects: 'from the digest of what a reading that failed left over',
    edits: [{ file: `${AT}/shell-script.ts`, find: "? [] : ['read 0']", replace: "? [] : [rest[0] ?? '']" }],
    detectors: [unit('sftp-shell-script', 'of a part is nothing without the status')],
  },
  {
    name: 'shell-complaints-count',
    protects: 'from believing a command of which a part failed',
    edits: [{ file: `${AT}/shell-command.ts`, find: "if (this.#words !== '') this.end", replace: "if (this.#words === '-') this.end" }],
    detectors: [wire('with a start-up file that complains')],
  },
  {
    name: 'shell-names-are-input',
    protects: 'from running what a file is called',
    edits: [{ file: `${AT}/shell-script.ts`, find: `all) $t <"$p"; echo`, replace: `all) eval "$t <$p"; echo` }],
    detectors: [wire('no name is read by a shell')],
  },
  {
    name: 'shell-names-are-read-as-they-are',
    protects: 'from digesting the file whose name has no blanks or backslashes',
    edits: [{ file: `${AT}/shell-script.ts`, find: 'IFS= read -r p; read', replace: 'read p; read' }],
    detectors: [wire('no name is read by a shell')],
  },
  {
    name: 'shell-line-breaks-are-refused',
    protects: 'from asking for another file than was meant',
    edits: [{ file: `${AT}/shell-script.ts`, find: 'if (/[\\r\\n\\0]/.test(path)) throw', replace: "if (path === '\\n') throw" }],
    detectors: [unit('sftp-shell-script', 'a name with a line break is refused')],
  },
  {
    name: 'shell-is-bounded-in-time',
    protects: 'from waiting for a shell that never answers',
    edits: [
      {
        file: `${AT}/shell-digester.ts`,
        find: 'AbortSignal.timeout(Math.min(PROBE_MS, this.#ports.timeoutMs / 2))',
        replace: 'AbortSignal.timeout(PROBE_MS * 1000)',
      },
      { file: `${AT}/shell-command.ts`, find: 'command.limitMs)', replace: 'command.limitMs * 1000)' },
    ],
    detectors: [{ ...wire('with a menu that waits'), byLimit: true }],
  },
  {
    name: 'shell-is-bounded-in-words',
    protects: 'from a shell that fills the memory',
    edits: [
      {
        file: `${AT}/shell-command.ts`,
        find: 'if (this.#said > this.#command.outputMax) this.end',
        replace: 'if (this.#said < 0) this.end',
      },
    ],
    detectors: [wire('with a shell that talks without end')],
  },
  {
    name: 'shell-is-asked-once',
    protects: 'from asking a server again and again what it has refused',
    edits: [{ file: `${AT}/shell-digester.ts`, find: 'if (this.#refusal !== null) return\n    this.#refusal = why\n', replace: '' }],
    detectors: [wire('with no shell')],
  },
  {
    name: 'shell-command-ends-with-the-exchange',
    protects: 'from digests that nobody waits for going on for hours on the server',
    edits: [{ file: `${AT}/shell-command.ts`, find: "protocol.signal.call(protocol, outgoing?.id, 'KILL')", replace: 'void protocol' }],
    detectors: [{ ...wire('an abort ends the command'), byLimit: true }],
  },
  {
    name: 'shell-scratch-file-is-removed',
    protects: 'from leaving files on the server',
    edits: [
      { file: `${AT}/shell-scratch.ts`, find: 'await remove(ports, path, signal.aborted', replace: 'void (ports, path, signal.aborted' },
    ],
    detectors: [wire('the shell of the account tells digests: /bin/sh')],
  },
]
