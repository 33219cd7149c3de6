/** What leaves: secrets are masked, foreign text is escaped. src/core/text.ts, src/action. */
import { contract, type Defence, type Detector, here, unit } from './defence.ts'

function echo(part: string): Detector {
  return { file: 'test/hostile/echoes.test.ts', pattern: `redacted where it enters.*${part}|^${part}$` }
}

export const OUTLET_DEFENCES: readonly Defence[] = [
  {
    name: 'control-characters-are-escaped',
    protects: 'from a name or banner that moves the cursor, hides text or starts a line',
    edits: [{ file: 'src/core/text.ts', find: '    .replace(UNPRINTABLE, (c) =>', replace: '    .replace(/\\u0000/g, (c) =>' }],
    detectors: [unit('text', 'printable: examples'), unit('host', 'no name and no banner')],
  },
  {
    name: 'runner-commands-are-broken',
    protects: 'from a name that is a command to the runner',
    edits: [{ file: 'src/core/text.ts', find: "    .replace(/:(?=:)/g, ':\\u2009')\n", replace: '' }],
    detectors: [unit('text', 'printable: examples'), unit('host', 'no name and no banner')],
  },
  {
    name: 'old-runner-commands-are-broken',
    protects: 'from a name that is a command in the older spelling',
    edits: [{ file: 'src/core/text.ts', find: "    .replaceAll('##[', '#\\u2009#[')\n", replace: '' }],
    detectors: [unit('text', 'printable: examples')],
  },
  {
    name: 'code-spans-are-closed',
    protects: 'from a name that leaves its cell in the summary',
    edits: [{ file: 'src/core/text.ts', find: ".replaceAll('`', \"'\")", replace: '' }],
    detectors: [unit('text', 'markdownCode')],
  },
  {
    name: 'markdown-is-escaped',
    protects: 'from a message that becomes a link or markup in the summary',
    edits: [
      { file: 'src/action/summary.ts', find: `> ⚠️ \${markdownCode(warning, WARNING_LENGTH_MAX)}`, replace: `> ⚠️ \${printable(warning)}` },
    ],
    detectors: [unit('summary', 'hostile names')],
  },
  {
    name: 'secrets-are-masked-at-the-runner',
    protects: 'from a secret in the log of this or a later step',
    edits: [
      {
        file: 'src/action/host.ts',
        find: 'for (const form of forms) if (!/[\\r\\n]/.test(form)) sink.mask(form)',
        replace: 'for (const form of forms) if (form === "") sink.mask(form)',
      },
    ],
    detectors: [here('gaps', 'every form of every secret')],
  },
  {
    name: 'lines-are-redacted',
    protects: 'from a secret in what is printed',
    edits: [{ file: 'src/action/host.ts', find: 'redact(printable(redact(text), lengthMax))', replace: 'printable(text, lengthMax)' }],
    detectors: [unit('host', 'the canary')],
  },
  {
    name: 'redacted-before-it-is-cut',
    protects: 'from half a secret, or one that escaping made unrecognisable',
    edits: [
      { file: 'src/action/host.ts', find: 'redact(printable(redact(text), lengthMax))', replace: 'redact(printable(text, lengthMax))' },
    ],
    detectors: [unit('host', 'a short secret is gone before')],
  },
  {
    name: 'summary-is-redacted',
    protects: 'from a secret in the job summary',
    edits: [{ file: 'src/action/host.ts', find: 'await sink.summary(redact(markdown))', replace: 'await sink.summary(markdown)' }],
    detectors: [unit('host', 'the canary')],
  },
  {
    name: 'outputs-are-redacted',
    protects: 'from a secret in an output',
    edits: [{ file: 'src/action/host.ts', find: 'isOpen(name) ? redact(value) : value', replace: 'value' }],
    detectors: [unit('host', 'the canary')],
  },
  {
    name: 'every-form-of-a-secret',
    protects: 'from a secret in base64 or hex in the log of a later step',
    edits: [
      {
        file: 'src/core/secret-forms.ts',
        find: `  for (const text of [secret, \`\${username}:\${secret}\`]) {\n`,
        replace: '  for (const text of [] as string[]) {\n',
      },
    ],
    detectors: [unit('text', 'secretForms: as given')],
  },
  {
    name: 'pieces-of-a-secret',
    protects: 'from what a cut leaves of a secret, whoever cut',
    edits: [
      {
        file: 'src/core/redact.ts',
        find: '(ends[end - 1] ?? 0) - (starts[at] ?? 0) >= pieceLength\n',
        replace: '(ends[end - 1] ?? 0) - (starts[at] ?? 0) >= Math.max(pieceLength, ends.at(-1) ?? 0)\n',
      },
    ],
    detectors: [unit('redact', 'spelled and cut anywhere: as it is'), unit('redact', 'our own cuts leave')],
  },
  {
    name: 'escapes-are-read',
    protects: 'from a secret of which any characters are escaped',
    edits: [{ file: 'src/core/redact.ts', find: '    view = unescaped(view)\n', replace: '    view = null\n' }],
    detectors: [
      unit('redact', 'spelled and cut anywhere: percent-encoding of any characters'),
      unit('redact', 'spelled and cut anywhere: JSON'),
      unit('redact', 'spelled and cut anywhere: HTML'),
    ],
  },
  {
    name: 'escapes-are-read-as-often-as-they-were-written',
    protects: 'from a secret in JSON in a page, or in a URL in JSON',
    edits: [{ file: 'src/core/redact.ts', find: 'const LEVELS = 4\n', replace: 'const LEVELS = 1\n' }],
    detectors: [unit('redact', 'spelled and cut anywhere: JSON in a page'), unit('redact', 'spelled and cut anywhere: JSON twice')],
  },
  {
    name: 'a-piece-is-shorter-where-escapes-are-read',
    protects: 'from an eighth character whose escape seems to go on behind the cut',
    edits: [{ file: 'src/core/redact.ts', find: 'piecesOf(needles.values(), 1)', replace: 'piecesOf(needles.values(), 0)' }],
    detectors: [unit('redact', 'the first half of an escape')],
  },
  {
    name: 'white-space-does-not-count',
    protects: 'from a secret whose lines or spaces were folded or wrapped',
    edits: [{ file: 'src/core/redact.ts', find: '    if (joined !== view) yield', replace: '    if (joined === null) yield' }],
    detectors: [unit('redact', 'wrapped, folded'), unit('redact', 'however its lines are broken')],
  },
  {
    name: 'case-does-not-count',
    protects: 'from a secret that came back as the name of a host',
    edits: [{ file: 'src/core/redact.ts', find: '    const lower = exact.toLowerCase()\n', replace: '    const lower = exact\n' }],
    detectors: [unit('redact', 'upper and lower case are one')],
  },
  {
    name: 'encoded-at-any-place',
    protects: 'from a secret in the middle of something that was encoded as a whole',
    edits: [{ file: 'src/core/secret-forms.ts', find: '...[0, 1, 2].map((before) => base64Within(bytes, before))', replace: '' }],
    detectors: [unit('redact', 'spelled and cut anywhere: Base64')],
  },
  {
    name: 'public-parts-of-a-key-stay',
    protects: 'from a line for known-hosts that nobody can paste',
    edits: [
      {
        file: 'src/core/key-parts.ts',
        find: '  if (!text.includes(OPENSSH_BEGIN)) return [own]\n',
        replace: "  if (own !== '') return [own]\n",
      },
    ],
    detectors: [unit('redact', 'a line of known_hosts comes out whole: ed25519'), unit('redact', 'an upload without known-hosts')],
  },
  {
    name: 'short-lines-of-a-key-are-no-secret',
    protects: 'from a line for known-hosts that lost its last characters',
    edits: [
      { file: 'src/core/secret-forms.ts', find: 'secretPartsOf(secret) === null ? LENGTH_MIN : PIECE_LENGTH', replace: 'LENGTH_MIN' },
    ],
    detectors: [unit('redact', 'the short last line of a key')],
  },
  {
    name: 'http-words-are-redacted-first',
    protects: 'from a secret that holds what looks like markup, or two spaces',
    edits: [{ file: 'src/remotes/http/excerpt.ts', find: '  return redact(text)\n', replace: '  return text\n' }],
    detectors: [echo('HTTP')],
  },
  {
    name: 'ftp-words-are-redacted-first',
    protects: 'from a secret whose white space was folded',
    edits: [{ file: 'src/remotes/ftp/errors.ts', find: '(reply.shown ?? reply.text)', replace: 'reply.text' }],
    detectors: [echo('FTP')],
  },
  {
    name: 'sftp-words-are-redacted-first',
    protects: 'from a secret in the words of a status',
    edits: [
      {
        file: 'src/remotes/sftp/requests.ts',
        find: 'new StatusError(code, this.#ports.redact(error.message))',
        replace: 'new StatusError(code, error.message)',
      },
    ],
    detectors: [echo('SFTP')],
  },
  {
    name: 'http-tells-when-it-presents-credentials',
    protects: 'from the sentence that none was sent when some were',
    edits: [{ file: 'src/remotes/http/connection.ts', find: 'presenting?.()', replace: 'void presenting' }],
    detectors: [unit('presenting', 'a redirect leads to where nobody may follow')],
  },
  {
    name: 'ftp-tells-when-it-presents-credentials',
    protects: 'from the sentence that none was sent when some were',
    edits: [{ file: 'src/remotes/ftp/login.ts', find: '  ports.presenting?.()\n', replace: '  void ports\n' }],
    detectors: [unit('presenting', 'the data connections turn out to be in the clear')],
  },
  {
    name: 'sftp-tells-when-it-presents-credentials',
    protects: 'from the sentence that none was sent when some were',
    edits: [{ file: 'src/remotes/sftp/attempt.ts', find: '      this.#ports.presenting?.()\n', replace: '' }],
    detectors: [unit('presenting', 'another one at the second connection')],
  },
  {
    name: 'no-credential-was-sent-is-true',
    protects: 'from the sentence that none was sent when some were',
    edits: [{ file: 'src/action/failure-text.ts', find: 'return setting.presented ?', replace: 'return setting.host === null ?' }],
    detectors: [unit('summary')],
  },
  {
    name: 'secrets-in-urls',
    protects: 'from a password that was given inside a URL',
    edits: [
      {
        file: 'src/action/secrets.ts',
        find: "(inputs.get(name) ?? '').split(/\\s+/).flatMap(inUrl)",
        replace: "(inputs.get(name) ?? '').slice(0, 0).split(/\\s+/).flatMap(inUrl)",
      },
    ],
    detectors: [unit('host', 'the canary')],
  },
  {
    name: 'cache-errors-are-redacted',
    protects: "from the runner's token or a signed URL in a warning",
    edits: [
      {
        file: 'src/action/cache-service.ts',
        find: "printable(redact(text).replace(/\\?\\S*/g, '?…'), 300)",
        replace: 'printable(text, 300 + redact("").length)',
      },
    ],
    detectors: [contract('cache-service', 'does not get it into the message')],
  },
]
