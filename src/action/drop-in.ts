/** The spelling of SamKirkland/FTP-Deploy-Action, translated into ours. Nothing else knows of it. */

import { hasControl, type InputReader, quoted } from './input-reader.ts'
import { INPUTS, type InputName } from './input-table.ts'

/** Implicit TLS on any port has no URL scheme of its own; this one is made only here, and the ftp folder takes it. */
export const DROP_IN_SCHEMES: readonly string[] = ['ftps-implicit:']

const SCHEME_OF: Readonly<Record<string, string>> = { ftp: 'ftp', ftps: 'ftps', 'ftps-legacy': 'ftps-implicit' }
const PROTOCOLS = ['ftp', 'ftps', 'ftps-legacy'] as const
const SECURITIES = ['strict', 'loose'] as const

const NAMES: readonly InputName[] = INPUTS.filter((row) => 'dropIn' in row).map((row) => row.name)

export interface Endpoints {
  readonly source: string
  readonly destination: string
  /** The inputs to name in faults. */
  readonly inputs: { readonly source: InputName; readonly destination: InputName }
  readonly tlsVerify: boolean
}

/** Where source and destination come from: typed, or translated. Null when there is nothing to go on with; the faults are with the reader. */
export function endpointsOf(reader: InputReader): Endpoints | null {
  const used = NAMES.filter((name) => reader.raw(name) !== undefined)
  const source = reader.raw('source')
  const destination = reader.text('destination')
  if (used.length === 0) {
    if (source === undefined) reader.fault('source', 'is required, and empty here. Is a variable or secret empty?')
    if (destination === undefined) reader.fault('destination', 'is required, and empty here. Is a variable or secret empty?')
    if (source === undefined || destination === undefined) return null
    return { source, destination, inputs: { source: 'source', destination: 'destination' }, tlsVerify: reader.flag('tls-verify') }
  }
  if (source !== undefined || destination !== undefined) {
    const mixed = [source === undefined ? [] : ['source'], destination === undefined ? [] : ['destination'], used].flat()
    reader.fault(mixed.join(', '), 'these belong to two spellings. Use source and destination alone.')
    return null
  }
  return translate(reader)
}

function translate(reader: InputReader): Endpoints | null {
  const faultsBefore = reader.faults.length
  const host = hostOf(reader)
  const port = reader.integer('port', 1, 65_535)
  const protocol = reader.text('protocol') === undefined ? 'ftp' : reader.choice('protocol', PROTOCOLS)
  const source = localFileOf(reader)
  const directory = serverDirectoryOf(reader)
  const tlsVerify = tlsVerifyOf(reader)
  if (reader.faults.length > faultsBefore) return null
  const authority = port === undefined ? host : `${host}:${port}`
  const destination = `${SCHEME_OF[protocol]}://${authority}/${directory}`
  return { source, destination, inputs: { source: 'local-dir', destination: 'server' }, tlsVerify }
}

function hostOf(reader: InputReader): string {
  const server = reader.text('server')
  if (server === undefined) reader.fault('server', 'is required with the other inputs of this spelling, and empty here.')
  else if (/:\/\//.test(server)) reader.fault('server', 'give the host name alone, or use source and destination with a whole URL.')
  else if (/[\s/\\?#@%]/.test(server) || hasControl(server)) reader.fault('server', `${quoted(server)} is not a host name.`)
  return server !== undefined && server.split(':', 3).length === 3 && /^[0-9a-f.:]*$/i.test(server) ? `[${server}]` : (server ?? '')
}

function localFileOf(reader: InputReader): string {
  const path = reader.text('local-dir') ?? './'
  if (/[/\\]$/.test(path) || /(^|[/\\])\.{1,2}$/.test(path))
    reader.fault('local-dir', 'must name one file: whole directories come in a later release.')
  else if (hasControl(path)) reader.fault('local-dir', 'holds a line break or control character.')
  return path
}

/** A path there is below the login directory unless it begins with a slash; in an FTP URL a second slash says so. */
function serverDirectoryOf(reader: InputReader): string {
  const segments = (reader.text('server-dir') ?? './').split('/')
  const isAbsolute = segments[0] === '' && segments.length > 1
  const named = segments.filter((segment) => segment !== '' && segment !== '.')
  if (named.includes('..')) reader.fault('server-dir', "holds '..', which does not reach the server. Write the path without it.")
  if (named.some(hasControl)) reader.fault('server-dir', 'holds a line break or control character.')
  const path = named.map((segment) => `${encodeURIComponent(segment.toWellFormed())}/`).join('')
  return isAbsolute ? `/${path}` : path
}

function tlsVerifyOf(reader: InputReader): boolean {
  const typed = reader.flag('tls-verify')
  if (reader.text('security') === undefined) return typed
  const isStrict = reader.choice('security', SECURITIES) === 'strict'
  if (isStrict && !typed) reader.fault('security', 'strict contradicts tls-verify: false. Leave one of them out.')
  return isStrict
}
