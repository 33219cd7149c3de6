/** Which secrets the inputs hold, and every form in which each may turn up. Works on raw text, so that malformed inputs are masked too. */
import { type Secret, secretForms } from '../core/secret-forms.ts'
import { printable } from '../core/text.ts'
import { INPUT_ROWS } from './input-table.ts'

const URL_INPUTS = ['source', 'destination', 'checksum', 'server'] as const
/** X-Amz-SignedHeaders is a list of names of headers. */
const SECRET_PARAMETER = /sig(?!nedheaders)|token|key|secret|pass|credential|auth/i
/** Common to all keys; masking it would only hide error messages. */
const PEM_FRAME = /^-----(BEGIN|END) [A-Z0-9 ]+-----$/

/** From two slashes, whatever is before them, to the last @: people forget to encode one inside a password. */
function userinfoIn(word: string): string {
  const start = word.indexOf('//') + 2
  return start < 2 ? '' : word.slice(start, Math.max(start, word.lastIndexOf('@')))
}

/** A word that may be a URL: a line can hold a path as well, with slashes and question marks of its own. */
function inUrl(word: string): readonly Secret[] {
  const secrets: Secret[] = []
  const userinfo = userinfoIn(word)
  const cut = userinfo.indexOf(':')
  const password = userinfo.slice(cut + 1)
  // Encoded as a whole (Base64, hex) it is the decoded one.
  if (cut >= 0) for (const text of [password, decoded(password)]) secrets.push({ text, username: decoded(userinfo.slice(0, cut)) })
  const query = /\?([^#]+)/.exec(word)?.[1] ?? ''
  for (const pair of query.split('&')) {
    const [[name, value] = ['', '']] = new URLSearchParams(pair)
    if (!SECRET_PARAMETER.test(name) || value === '') continue
    for (const text of [value, pair.slice(pair.indexOf('=') + 1)]) secrets.push({ text: /credential/i.test(name) ? keyId(text) : text })
  }
  return secrets
}

/** X-Amz-Credential and its like: behind the key's name come date, region and service, which are part of the host's name as well. */
function keyId(credential: string): string {
  return credential.split(/\/|%2f/i, 1)[0] ?? ''
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** What the inputs hold, for `redactor`. */
export function secretsOf(inputs: ReadonlyMap<string, string>): readonly Secret[] {
  const username = inputs.get('username')?.trim() ?? ''
  const secrets: Secret[] = []
  for (const row of INPUT_ROWS) {
    const text = inputs.get(row.name)
    if (row.secret === undefined || text === undefined || text.trim() === '') continue
    if (row.name === 'headers') secrets.push(...text.split(/\r?\n/).flatMap(inHeader))
    else for (const one of [text, text.trim()]) secrets.push({ text: one, username })
  }
  const urls = URL_INPUTS.flatMap((name) => (inputs.get(name) ?? '').split(/\s+/).flatMap(inUrl))
  return [...secrets, ...urls]
}

/** The value of a header, without the name; of `Authorization: Bearer x` the word after the scheme too, and of Basic what is encoded there. */
function inHeader(line: string): readonly Secret[] {
  const value = line.slice(line.indexOf(':') + 1).trim()
  const word = value.slice(value.indexOf(' ') + 1).trim()
  const pair = /^basic\s/i.test(value) ? Buffer.from(word, 'base64').toString() : ''
  const username = pair.slice(0, Math.max(0, pair.indexOf(':')))
  return [{ text: value }, { text: word }, { text: pair.slice(pair.indexOf(':') + 1), username }].filter(({ text }) => text !== '')
}

/** As the URL parser writes it into userinfo, which is not quite `encodeURIComponent`. */
function asUserinfo(text: string): string {
  const url = new URL('sftp://host')
  url.password = text
  return url.password
}

/** Every form of every secret in the inputs, for the runner to mask; none shorter than four characters. */
export function secretFormsOf(inputs: ReadonlyMap<string, string>): readonly string[] {
  const forms = new Set<string>()
  for (const { text, username } of secretsOf(inputs)) {
    const once = decoded(text)
    for (const variant of new Set([text, once])) {
      const given = secretForms(variant, username)
      for (const form of given) forms.add(form)
      if (given.length > 0 && variant.trim().length >= 4) for (const form of [asUserinfo(variant), printable(variant)]) forms.add(form)
    }
  }
  return [...forms].filter((form) => form.trim().length >= 4 && !PEM_FRAME.test(form))
}
