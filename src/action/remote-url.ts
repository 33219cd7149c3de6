/** URLs as people type them: what the WHATWG parser would silently drop, move or encode is a fault here. */
import { domainToASCII } from 'node:url'
import { SCHEMES } from '../remotes/registry.ts'
import { DROP_IN_SCHEMES } from './drop-in.ts'
import { type Fault, hasControl, quoted } from './input-reader.ts'
import { didYouMean } from './suggest.ts'

export interface TypedUrl {
  /** Without userinfo. */
  readonly url: URL
  /** Decoded once. */
  readonly username: string | undefined
  readonly password: string | undefined
}

/** For people; the drop-in's own scheme is not for typing. */
const NAMES = SCHEMES.filter((scheme) => !DROP_IN_SCHEMES.includes(scheme)).map((scheme) => scheme.slice(0, -1))
const ADVICE: Readonly<Record<string, string>> = {
  scp: 'Use sftp://, which every OpenSSH server has.',
  ssh: 'Use sftp://.',
  rsync: 'Use sftp://.',
  ftpes: 'Use ftps://.',
  ftpse: 'Use ftps://.',
  s3: 'Object stores come in a later release.',
  gs: 'Object stores come in a later release.',
  az: 'Object stores come in a later release.',
  webdav: 'Use http:// for WebDAV.',
  webdavs: 'Use https:// for WebDAV.',
  file: 'Write a local path as it is, without file:.',
}

const REMOTE = /^([a-z][a-z0-9+.-]+):\/\//i
const SLASHES_MISSING = new RegExp(`^(${[...NAMES, 'scp', 'ssh'].join('|')}):(?!//)`, 'i')
const SCP_LIKE = /^[^/\\\s@:]+@[^/\\\s@:]+:/

/** Whether a line is meant as a URL. A Windows drive letter is not a scheme. */
export function looksRemote(text: string): boolean {
  return REMOTE.test(text) || SLASHES_MISSING.test(text)
}

export function looksLikeScp(text: string): boolean {
  return SCP_LIKE.test(text)
}

/** The user, decoded or as it is; null and a fault when it cannot be used. */
function userinfoPart(part: string, what: string, input: string, fault: Fault): string | undefined {
  if (part === '') return undefined
  try {
    const decoded = decodeURIComponent(part)
    if (!/[\r\n\0]/.test(decoded)) return decoded
    fault(input, `the ${what} in the URL holds a line break or NUL.`)
  } catch {
    fault(input, `the ${what} in the URL is badly percent-encoded: write %25 for a percent sign, or use the input '${what}'.`)
  }
  return undefined
}

function checkScheme(text: string, input: string, fault: Fault): string | null {
  const missing = SLASHES_MISSING.exec(text)
  const scheme = (missing ?? REMOTE.exec(text))?.[1]?.toLowerCase() ?? ''
  if (SCHEMES.includes(`${scheme}:`)) {
    if (missing === null) return scheme
    fault(input, `write ${scheme}://host/path, with two slashes.`)
    return null
  }
  const advice = ADVICE[scheme] ?? didYouMean(scheme, NAMES).trim()
  fault(input, `the scheme ${quoted(`${scheme}:`)} is not one of ${NAMES.join(', ')}. ${advice}`.trim())
  return null
}

/** Characters that a URL parser would take for something else than the name they are meant to be in. */
function checkSpelling(text: string, isHttp: boolean, input: string, fault: Fault): boolean {
  const problems: string[] = []
  if (hasControl(text)) problems.push('the URL holds a control character.')
  const authority = /^[^:]+:\/\/([^/?#\\]*)/.exec(text)?.[1] ?? ''
  if (/^(:|$)/.test(authority.slice(authority.lastIndexOf('@') + 1))) problems.push('the URL names no host. Is a variable or secret empty?')
  const rest = text.replace(/^[^:]+:\/\/[^/?#\\]*/, '')
  if (rest.includes('#')) problems.push('the URL holds a #, and what follows would be cut off. Write %23 if it belongs to the name.')
  if (rest.includes('\\')) problems.push('the path holds a backslash. Write / between directories, %5C for the character itself.')
  if (!isHttp && rest.includes('?')) problems.push('the path holds a ?. Write %3F if it belongs to the name.')
  if (!isHttp && rest.split('/').some((segment) => /^(\.|%2e){2}$/i.test(segment)))
    problems.push("the path holds '..', which does not reach the server. Write the path without it.")
  for (const problem of problems) fault(input, problem)
  return problems.length === 0
}

function checkPath(url: URL, input: string, fault: Fault): boolean {
  try {
    if (!hasControl(decodeURIComponent(url.pathname))) return true
    fault(input, 'the path holds an encoded control character.')
  } catch {
    fault(input, 'the path is badly percent-encoded. Write %25 for a percent sign.')
  }
  return false
}

/** Schemes that the WHATWG parser does not know keep a host as it was typed; servers and certificates want it in lower-case ASCII. */
function normaliseHost(url: URL): void {
  const host = url.hostname
  if (host.startsWith('[') || !/[A-Z%]/.test(host)) return
  const ascii = domainToASCII(decodeURIComponent(host))
  if (ascii !== '') url.hostname = ascii
}

/** Parses one URL; every fault is reported under `input`, none of them repeats the URL, because it may hold a password. */
export function parseTypedUrl(text: string, input: string, fault: Fault): TypedUrl | null {
  const scheme = checkScheme(text, input, fault)
  if (scheme === null || !checkSpelling(text, scheme.startsWith('http'), input, fault)) return null
  let url: URL
  try {
    url = new URL(text)
    normaliseHost(url)
  } catch {
    const hint =
      "Check host and port (1 to 65535), and give user name and password as inputs, or percent-encode ':', '/', '@', '#' and '%' in them."
    fault(input, `the ${scheme} URL is malformed. ${hint}`)
    return null
  }
  if (url.port === '0') {
    fault(input, 'the port is 0; it must be from 1 to 65535.')
    return null
  }
  const username = userinfoPart(url.username, 'username', input, fault)
  const password = userinfoPart(url.password, 'password', input, fault)
  url.username = ''
  url.password = ''
  return checkPath(url, input, fault) ? { url, username, password } : null
}
