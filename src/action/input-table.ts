/**
 * The inputs and outputs of this release, as data. action.yml, the README's tables, the command line's flags and the parser are all made of it.
 */
export interface InputRow {
  readonly name: string
  /** What action.yml gives when nothing is typed; null for nothing. An expression (`${{ … }}`) is worked out by the runner. */
  readonly default: string | null
  /** Unless the drop-in spelling is used; that is why action.yml, which cannot say "unless", says false everywhere. */
  readonly required?: true
  readonly description: string
  /** Masked in every form before anything else happens; may also come from the environment on the command line. */
  readonly secret?: true
  /** One value a line; on the command line the flag may be repeated. */
  readonly lines?: true
  /** The closed set of values, where there is one. */
  readonly values?: readonly string[]
  /** Belongs to the spelling of SamKirkland/FTP-Deploy-Action; drop-in.ts translates it. */
  readonly dropIn?: true
}

const BOOLEAN = ['true', 'false'] as const

export const INPUTS = [
  {
    name: 'source',
    default: null,
    required: true,
    lines: true,
    description: 'Upload: local files, one per line. Download: URLs, one per line. `a => b` on a line gives that file its own target.',
  },
  {
    name: 'destination',
    default: null,
    required: true,
    description: 'Upload: one URL (sftp, ftps, ftp, https, http). Download: one local path. Ends in / when it is a directory.',
  },
  { name: 'username', default: null, description: 'User name, also for HTTP basic authentication. Default: the one in the URL.' },
  {
    name: 'password',
    default: null,
    secret: true,
    description: 'Password, also for HTTP basic authentication. Default: the one in the URL.',
  },
  { name: 'private-key', default: null, secret: true, description: 'SSH private key (OpenSSH or PEM text).' },
  { name: 'passphrase', default: null, secret: true, description: 'Passphrase of the private key.' },
  { name: 'token', default: null, secret: true, description: 'HTTP bearer token. Never sent to another origin.' },
  {
    name: 'headers',
    default: null,
    secret: true,
    lines: true,
    description: 'Extra HTTP headers, one `Name: value` a line. Never sent to another origin.',
  },
  {
    name: 'known-hosts',
    default: null,
    lines: true,
    description: 'Lines of a known_hosts file. SFTP needs this or a fingerprint.',
  },
  {
    name: 'fingerprint',
    default: null,
    lines: true,
    description: 'Pins, one per line: `SHA256:…` of an SSH host key, or the SHA-256 of a TLS certificate (hex or base64).',
  },
  { name: 'tls-ca', default: null, description: 'PEM certificates to trust in addition to the system roots.' },
  { name: 'tls-verify', default: 'true', values: BOOLEAN, description: 'Check the TLS certificate. `false` prints a warning.' },
  {
    name: 'resume',
    default: 'auto',
    values: ['auto', 'never'],
    description: '`auto` continues whatever can be proven; `never` starts over.',
  },
  {
    name: 'verify',
    default: 'auto',
    values: ['auto', 'full', 'size'],
    description:
      '`auto`: the strongest proof that costs no second transfer; `full`: end-to-end content proof, reading back if needed; `size`.',
  },
  {
    name: 'server-digests',
    default: 'auto',
    values: ['auto', 'never'],
    description:
      "SFTP uploads: `auto` lets the account's own shell, where it has one, compute digests of what is stored; `never` runs no command on the server.",
  },
  {
    name: 'checksum',
    default: null,
    description: 'Expected digest of a downloaded file: `sha256:…`, `sha512:…`, or the https URL of a SHA256SUMS file.',
  },
  {
    name: 'on-change',
    default: 'restart',
    values: ['restart', 'fail'],
    description: 'The source changed since the partial was written: `restart` (an upload keeps blocks that still match) or `fail`.',
  },
  {
    name: 'publish-without-rename',
    default: 'auto',
    values: ['auto', 'always', 'never'],
    description:
      'On servers that let nobody rename: `auto` writes under the final name when nothing is there yet, and otherwise refuses before sending; `always`; `never`.',
  },
  {
    name: 'state',
    default: 'auto',
    description:
      'Where resume state is kept: `auto` (Actions cache; tool cache on self-hosted runners), `cache`, `tool-cache`, a directory, or `none`.',
  },
  { name: 'state-name', default: null, description: 'Extra word that tells the state of this step from others.' },
  {
    name: 'timeout',
    default: '30s',
    description: 'No progress for this long ends an exchange, which is then retried. A bare number is milliseconds.',
  },
  { name: 'retries', default: '10', description: 'Consecutive failures without progress before giving up.' },
  {
    name: 'log-level',
    default: 'standard',
    values: ['minimal', 'standard', 'verbose'],
    description: '`minimal`, `standard` or `verbose`.',
  },
  { name: 'summary', default: 'true', values: BOOLEAN, description: 'Write the job summary.' },
  // biome-ignore lint/suspicious/noTemplateCurlyInString: an expression of the runner
  { name: 'matrix', default: '${{ toJSON(matrix) }}', description: 'Part of the identity of the state; not for users.' },
  {
    name: 'server',
    default: null,
    dropIn: true,
    description: 'Drop-in spelling: host name of the FTP server. Use source and destination instead.',
  },
  {
    name: 'protocol',
    default: null,
    dropIn: true,
    values: ['ftp', 'ftps', 'ftps-legacy'],
    description: 'Drop-in spelling: `ftp` (default), `ftps` or `ftps-legacy` (implicit TLS).',
  },
  { name: 'port', default: null, dropIn: true, description: 'Drop-in spelling: port of the FTP server.' },
  { name: 'local-dir', default: null, dropIn: true, description: 'Drop-in spelling: the local file to upload.' },
  {
    name: 'server-dir',
    default: null,
    dropIn: true,
    description: 'Drop-in spelling: directory on the server. Default: the login directory.',
  },
  {
    name: 'security',
    default: null,
    dropIn: true,
    values: ['strict', 'loose'],
    description: 'Drop-in spelling: `strict` (default) checks the TLS certificate, `loose` does not and warns.',
  },
] as const satisfies readonly InputRow[]

export type InputName = (typeof INPUTS)[number]['name']

export const INPUT_ROWS: readonly InputRow[] = INPUTS
export const INPUT_NAMES: readonly string[] = INPUTS.map((row) => row.name)

const ROWS_BY_NAME: ReadonlyMap<string, InputRow> = new Map(INPUT_ROWS.map((row) => [row.name, row]))

export function inputRow(name: string): InputRow | undefined {
  return ROWS_BY_NAME.get(name)
}

/** What an input has when nothing is typed and no runner works out expressions. */
export function plainDefault(name: InputName): string {
  const value = inputRow(name)?.default ?? ''
  return value.startsWith('${{') ? '' : value
}

/** Inputs of the interface that this release does not have yet; the value that asks for nothing is let through. */
export const NOT_BUILT: ReadonlyMap<string, string> = new Map([
  ['include', ''],
  ['exclude', ''],
  ['delete', 'false'],
  ['protect', ''],
  ['max-delete', ''],
  ['if-no-files-found', 'error'],
  ['symlinks', ''],
  ['permissions', ''],
  ['mtime', ''],
  ['dry-run', 'false'],
  ['keep-partial-downloads', ''],
  ['concurrency', ''],
  ['segments', ''],
  ['limit-rate', ''],
  ['stop-after', ''],
  ['on-incomplete', 'fail'],
  ['tool-name', ''],
  ['tool-version', ''],
  ['dangerous-clean-slate', 'false'],
])

/** What other actions call the same thing, for "did you mean". */
export const FOREIGN_NAMES: Readonly<Record<string, InputName>> = {
  host: 'destination',
  hostname: 'destination',
  'remote-host': 'destination',
  url: 'destination',
  target: 'destination',
  'remote-path': 'destination',
  'remote-dir': 'destination',
  path: 'source',
  file: 'source',
  files: 'source',
  'local-path': 'source',
  user: 'username',
  'remote-user': 'username',
  pass: 'password',
  key: 'private-key',
  'ssh-private-key': 'private-key',
  'ssh-passphrase': 'passphrase',
  'ssl-verify-certificate': 'tls-verify',
  debug: 'log-level',
}

export interface OutputRow {
  readonly name: string
  readonly description: string
  /** Its value is text from outside rather than one of a closed set of words, numbers and digests. */
  readonly open?: true
}

export const OUTPUTS = [
  { name: 'status', description: '`complete`, `unchanged`, `incomplete` or `failed`.' },
  { name: 'complete', description: '`true` when every file is in place and proven.' },
  { name: 'resumed', description: '`true` when bytes of an earlier attempt were kept.' },
  {
    name: 'proof',
    description: 'The weakest proof given for any file: `digest`, `read-back`, `size`, or `acknowledged` where nothing could be looked at.',
  },
  { name: 'digest', description: '`sha256:…` of the file, when there is one file and its digest is known.' },
  { name: 'path', open: true, description: 'The local path of a single download.' },
  { name: 'bytes-total', description: 'Size of all files together.' },
  { name: 'bytes-transferred', description: 'Bytes that travelled in this attempt.' },
  { name: 'bytes-reused', description: 'Bytes that were there already, proven, and not sent again.' },
  { name: 'files-total', description: 'Number of files.' },
  { name: 'files-transferred', description: 'Files that were brought into place by this attempt.' },
  { name: 'files-unchanged', description: 'Files that were in place already.' },
  { name: 'error-kind', description: 'Why it failed, one word; empty when it did not. See docs/errors.md.' },
] as const satisfies readonly OutputRow[]

export type OutputName = (typeof OUTPUTS)[number]['name']

export const OUTPUT_ROWS: readonly OutputRow[] = OUTPUTS
