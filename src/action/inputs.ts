/** From the inputs as typed to a Job, with every fault told at once. */
import { TransferError } from '../core/errors.ts'
import { credentialsOf } from './credentials.ts'
import { endpointsOf } from './drop-in.ts'
import { entriesOf, type InputWorld } from './entries.ts'
import { createInputReader, hasControl, type InputReader, quoted } from './input-reader.ts'
import { FOREIGN_NAMES, INPUT_NAMES, NOT_BUILT } from './input-table.ts'
import type { ExpectedChecksum, Job, StatePlace } from './job.ts'
import { looksRemote, parseTypedUrl } from './remote-url.ts'
import { didYouMean } from './suggest.ts'

export type { InputWorld, LocalKind } from './entries.ts'

/** Inputs by name from the runner's environment (`INPUT_NAME`), undeclared ones too. */
export function inputsFromEnvironment(environment: Readonly<Record<string, string | undefined>>): ReadonlyMap<string, string> {
  const inputs = new Map<string, string>()
  for (const [key, value] of Object.entries(environment))
    if (/^INPUT_./i.test(key) && value !== undefined) inputs.set(key.slice('INPUT_'.length).toLowerCase(), value)
  return inputs
}

/** One line for every input that is not declared. */
export function unknownInputs(inputs: ReadonlyMap<string, string>): readonly string[] {
  const lines: string[] = []
  for (const [name, value] of inputs) {
    const nothing = NOT_BUILT.get(name)
    if (INPUT_NAMES.includes(name)) continue
    if (nothing === undefined) lines.push(`${quoted(name)}: there is no such input.${suggestion(name)}`)
    else if (value.trim() !== '' && value.trim() !== nothing) lines.push(`${name}: is not in this release. Leave it out.`)
  }
  return lines
}

function suggestion(name: string): string {
  const foreign = FOREIGN_NAMES[name.replaceAll('_', '-')]
  return foreign === undefined ? didYouMean(name, [...INPUT_NAMES, ...NOT_BUILT.keys()]) : ` Did you mean '${foreign}'?`
}

const TIMEOUT_MIN_MS = 1000
const TIMEOUT_MAX_MS = 3_600_000
const RETRIES_MAX = 1000

/** Throws one TransferError `invalid-input` whose message has one line for each fault. Reads nothing but what `world` answers. */
export function parseInputs(raw: ReadonlyMap<string, string>, world: InputWorld): Job {
  const reader = createInputReader(raw)
  reader.faults.push(...unknownInputs(raw))
  const endpoints = endpointsOf(reader)
  const endings = endpoints === null ? null : entriesOf(endpoints, world, reader.fault)
  const job: Job = {
    direction: endings?.direction ?? 'upload',
    entries: endings?.entries ?? [],
    credentials: credentialsOf(reader, endings?.typed ?? [], endpoints?.tlsVerify ?? true),
    policy: {
      resume: reader.choice('resume', ['auto', 'never']),
      verify: reader.choice('verify', ['auto', 'full', 'size']),
      onChange: reader.choice('on-change', ['restart', 'fail']),
      publishWithoutRename: reader.choice('publish-without-rename', ['auto', 'always', 'never']),
      serverDigests: reader.choice('server-digests', ['auto', 'never']),
      checksum: checksumOf(reader, endings?.direction ?? 'download', endings?.entries.length ?? 1),
    },
    pace: {
      timeoutMs: reader.durationMs('timeout', TIMEOUT_MIN_MS, TIMEOUT_MAX_MS),
      retries: reader.integer('retries', 0, RETRIES_MAX) ?? 0,
    },
    state: stateOf(reader),
    logLevel: reader.choice('log-level', ['minimal', 'standard', 'verbose']),
    summary: reader.flag('summary'),
    matrix: reader.text('matrix') ?? '',
    warnings: reader.warnings,
  }
  if (reader.faults.length > 0) throw new TransferError('invalid-input', reader.faults.join('\n'))
  return job
}

/** By their bits. */
const DIGESTS = { 256: 'sha256', 512: 'sha512' } as const

function checksumOf(reader: InputReader, direction: 'upload' | 'download', files: number): ExpectedChecksum | null {
  const text = reader.text('checksum')
  if (text === undefined) return null
  if (direction === 'upload') {
    reader.fault('checksum', 'is for downloads. Leave it out of an upload.')
    return null
  }
  if (looksRemote(text)) return sumsFile(text, reader)
  const [, label, hex = ''] = /^(?:sha-?(256|512)\s*[:=]\s*|)([0-9a-f]+)$/i.exec(text) ?? []
  const bits = label ?? Object.keys(DIGESTS).find((known) => hex.length * 4 === Number(known))
  if (bits !== '256' && bits !== '512') {
    reader.fault('checksum', `${quoted(text)} is neither sha256:<hex>, sha512:<hex> nor the https URL of a SHA256SUMS file.`)
    return null
  }
  const algorithm = DIGESTS[bits]
  if (hex.length * 4 !== Number(bits))
    reader.fault('checksum', `a ${algorithm} digest has ${Number(bits) / 4} hex digits, this one has ${hex.length}.`)
  if (files > 1) reader.fault('checksum', 'one digest cannot be that of several files. Give the URL of a SHA256SUMS file.')
  return { kind: 'digest', algorithm, hex: hex.toLowerCase() }
}

function sumsFile(text: string, reader: InputReader): ExpectedChecksum | null {
  const typed = parseTypedUrl(text, 'checksum', reader.fault)
  if (typed === null) return null
  if (typed.url.protocol !== 'https:') reader.fault('checksum', 'the URL of a SHA256SUMS file must be https.')
  if (typed.username !== undefined || typed.password !== undefined) reader.fault('checksum', 'the URL must not hold user name or password.')
  return { kind: 'sums', url: typed.url }
}

const STATE_KINDS = ['auto', 'cache', 'tool-cache', 'none'] as const
const STATE_NAME_MAX = 100

function stateOf(reader: InputReader): StatePlace {
  const place = reader.text('state') ?? 'auto'
  const name = reader.text('state-name') ?? ''
  if (hasControl(name) || name.length > STATE_NAME_MAX)
    reader.fault('state-name', `must be one line of at most ${STATE_NAME_MAX} characters.`)
  const kind = STATE_KINDS.find((candidate) => candidate === place.toLowerCase())
  if (kind !== undefined) return { kind, name }
  // A bare word is more likely a slip than a directory.
  if (hasControl(place) || looksRemote(place)) reader.fault('state', `${quoted(place)} is not a local directory.`)
  else if (!/^\.|[/\\]/.test(place))
    reader.fault(
      'state',
      `${quoted(place)} is none of ${STATE_KINDS.join(', ')}.${didYouMean(place, STATE_KINDS)} For a directory write ./${place}.`,
    )
  return { kind: 'directory', directory: place, name }
}
