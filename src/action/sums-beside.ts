/** What stands beside the digests in a file of checksums: frames and headings that name nothing, names of files, and headings that speak of another algorithm. */

/** Algorithms whose digests are as long as ours. */
const OTHER =
  'blake-?(?:[23](?:[bsx]p?)?(?:[-_]?\\d{3})?|\\d{3})|sha-?3(?:[-_]?\\d{3})?|sha-?512[-_/t](?:224|256)|sm3|shake-?\\d{3}|keccak(?:[-_]?\\d{3})?' +
  '|skein(?:[-_]?\\d{3,4})?|k12|streebog(?:[-_]?\\d{3})?|gost(?:[-_]?\\d{2,4})?|whirlpool|ripemd-?\\d{3}'
const SUMS = '(?:[._-]?(?:check)?sums?|[._-](?:hash(?:es)?|digests?))?'
const OTHER_FILE = new RegExp(`(?:^|[._-])(?:${OTHER})${SUMS}(?:\\.(?:txt|text|md|asc))?$`, 'i')
/** `b3` may also be a third beta. */
const SHORT_FILE = new RegExp(`(?:^|\\.|(?:sums?|hash|hashes|digests?)[_-])b[23]${SUMS}(?:\\.(?:txt|text|md|asc))?$`, 'i')

/** Only the name of the file says that its digests are others. */
export function isOfOtherKind(sumsName: string): boolean {
  return OTHER_FILE.test(sumsName) || SHORT_FILE.test(sumsName)
}

const SECTION =
  /^[#*=[\s-]*(?:checksums?[- ])?([a-z][a-z0-9]*(?:[-_/]\d+)?)(?:[- ]?(?:checksums?|sums?|hash(?:es)?|digests?))?[\]*:=\s-]*$/i
const OTHER_SECTION = new RegExp(`^(?:${OTHER}|b[23])(?:sums?)?$`, 'i')
const OUR_SECTION = /^(?:md5|sha-?(?:1|224|256|384|512)|sha2-(?:256|512))(?:sums?)?$/i

/** A heading that has the name of an algorithm: whether what follows is of another one than ours. Null: it is no such heading. */
export function sectionOf(line: string): 'ours' | 'other' | null {
  const words = /^##|:$/.test(line) ? wordsOf(line) : [SECTION.exec(line)?.[1] ?? '']
  if (words.some((word) => OTHER_SECTION.test(word))) return 'other'
  return words.some((word) => OUR_SECTION.test(word)) ? 'ours' : null
}

const OTHER_WORD = new RegExp(`^(?:${OTHER}|b[23])(?:sum)?[ \\t]*[\\s:(=]`, 'i')

/** The digest of a shorter algorithm, without a name. */
const SHORTER = /^(?:MD5|SHA-?(?:1|224|384)|CRC-?32)(?:sum)? ?[:=] ?[0-9a-f][0-9a-f ]*$/i

const NAMELESS: readonly RegExp[] = [
  SHORTER,
  /^-----BEGIN PGP SIGNED MESSAGE-----$/,
  /^(?:Hash|Algorithm) *:(?: *SHA-?(?:1|224|256|384|512),?)*$/i,
  /^CertUtil: -hashfile/i,
  /^"?Algorithm"?[ ,;]+"?Hash"?(?:[ ,;]+"?Path"?)?$/i,
  /^[-= ]+$/,
  /^(?:the )?SHA-?(?:256|512)(?:[ -](?:hash|checksum|digest|sum))?(?: is)?:$/i,
]

/** Whether a line that is no digest names nothing: frames, heads of tables, and comments of several words none of which is like the name of a file. */
export function isNameless(line: string): boolean {
  if (OUR_SECTION.test(SECTION.exec(line)?.[1] ?? '') || NAMELESS.some((form) => form.test(line))) return true
  const comment = /^(?:#(?!#)|;|\/\/)/.test(line) ? wordsOf(line, `${MARKS}/`) : null
  return comment !== null && comment.length !== 1 && !comment.some(isLikeFile)
}

export function isShorterDigest(line: string): boolean {
  return SHORTER.test(line)
}

/** `Size: 12`, which says more about the file of its block and names no other. */
export function isField(line: string): boolean {
  const [, key = '', value = ''] = /^([a-z][\w-]{0,40}) *: +(\S.*)$/i.exec(line) ?? []
  if (value === '' || /^(?:(?:file|asset|archive|artifact)?name|url|asset|archive|artifact|title)$/i.test(key)) return false
  return /^version$/i.test(key) || /\s/.test(value) || !isLikeFile(value)
}

/** Whether the line is the file's own name and nothing else, perhaps as a heading or behind a key. */
export function isNameOf(line: string, name: string): boolean {
  const left = withoutName(line, name)
  return left !== null && wordsOf(left, '').every((word) => /^\w{1,20}[:=]["'`]?$|[/\\]$|^\W+$/.test(word))
}

/** Whether a name of another file is in the line. */
export function namesAnother(line: string, name: string): boolean {
  return wordsOf(withoutName(line, name) ?? line).some(isLikeFile)
}

/** `other.zip, see x/app.bin` and `BLAKE3 x/app.bin`: a path behind something else. Folders are seldom called so. */
export function isMoreThanPath(text: string): boolean {
  const first = /^([^/\\]*)[/\\]/.exec(text)?.[1] ?? ''
  const words = /\s$/.test(first.slice(-1)) ? wordsOf(first) : wordsOf(first).slice(0, -1)
  return OTHER_WORD.test(first) || words.some(isLikeFile)
}

const MARKS = '#;:*`"\'()[]{}<>,.|=!?'

function withoutName(line: string, name: string): string | null {
  const bare = trimmed(line, MARKS.replace('.', ''))
  const left = bare.endsWith(name) ? bare.slice(0, bare.length - name.length) : null
  return left === null || left === '' || /[\s/\\"'`*=:(]$/.test(left.slice(-1)) ? left : null
}

function wordsOf(text: string, marks = MARKS): readonly string[] {
  return text
    .split(/\s+/)
    .map((word) => trimmed(word, marks))
    .filter((word) => word !== '')
}

/** A regular expression would look from every place to the end. */
function trimmed(text: string, marks = MARKS): string {
  let from = 0
  let to = text.length
  while (from < to && isOneOf(marks, text.charAt(from))) from += 1
  while (to > from && isOneOf(marks, text.charAt(to - 1))) to -= 1
  return text.slice(from, to)
}

function isOneOf(marks: string, letter: string): boolean {
  return letter === ' ' || letter === '\t' || marks.includes(letter)
}

/** It ends as files do; a server alone, `https://example.com`, is none. */
function isLikeFile(word: string): boolean {
  const dot = word.lastIndexOf('.')
  return dot > 0 && /^[a-z0-9]*[a-z][a-z0-9]*$/i.test(word.slice(dot + 1)) && !/^[a-z]+:\/\/[^/]+$/i.test(word)
}
