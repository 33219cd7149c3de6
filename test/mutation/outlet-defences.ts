/** What leaves: secrets are masked, foreign text is escaped. src/core/text.ts, src/action. */
import { contract, type Defence, here, unit } from './defence.ts'

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
    detectors: [unit('host')],
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
    protects: 'from a secret in base64, hex or as part of a URL',
    edits: [
      {
        file: 'src/core/text.ts',
        find: `  for (const text of [secret, \`\${username}:\${secret}\`]) {\n`,
        replace: '  for (const text of [] as string[]) {\n',
      },
    ],
    detectors: [unit('host', 'the canary')],
  },
  {
    name: 'longest-form-first',
    protects: 'from the rest of a secret that a shorter form left behind',
    edits: [{ file: 'src/core/text.ts', find: 'sort((a, b) => b.length - a.length)', replace: 'sort((a, b) => a.length - b.length)' }],
    detectors: [here('gaps', 'a secret that begins another')],
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
