/** What an FTP server says: replies cut anywhere, FEAT, facts, listings, ports, digests. */
import assert from 'node:assert/strict'
import net from 'node:net'
import { parseList } from 'basic-ftp'
import fc from 'fast-check'
import { TransferError } from '../../src/core/errors.ts'
import { Control } from '../../src/remotes/ftp/control.ts'
import { digestWay } from '../../src/remotes/ftp/digester.ts'
import { replyError, replyText, socketError } from '../../src/remotes/ftp/errors.ts'
import {
  parseDirectory,
  parseExtendedPassive,
  parseFacts,
  parseFeatures,
  parseMlsd,
  parseMlst,
  parsePassive,
  parseSize,
  parseTime,
} from '../../src/remotes/ftp/features.ts'
import { cuts, damaged, damagedBytes, hostileText, jumble, pieces } from './arbitrary-text.ts'
import { type FuzzTarget, fuzzTarget } from './fuzz-target.ts'

const REPLIES = [
  '229 Entering Extended Passive Mode (|||6446|)',
  '229 ok (!!!6446!)',
  '227 Entering Passive Mode (192,168,1,9,25,46).',
  '257 "/a ""b""" is current',
  '211-Features:\n AUTH TLS\n HASH SHA-256*;SHA-512;MD5\n mlst type*;size*;modify*;\n REST STREAM\n211 End',
  '250-Start\n type=file;size=7;modify=20200102030405.678; /a b; c\n250 End',
  '550 No such file',
  '421 Too many connections',
  '213 20200102030405',
]
const WORDS = [
  'type=',
  'file',
  'dir',
  'OS.unix=slink:',
  ';',
  ' ',
  'size=',
  'modify=',
  '9007199254740993',
  '-1',
  '1e9',
  '20201399',
  '|||',
  '(1,2,3,4,5,6)',
  '256',
  '"',
  '""',
  '211-',
  '211 ',
  '\n',
  'HASH ',
  'SHA-256',
  'XSHA256',
  'max',
  'maximum ',
  'users',
]

const isSize = (value: number | null): boolean => value === null || (Number.isSafeInteger(value) && value >= 0)
const isPort = (value: number | null): boolean => value === null || (Number.isInteger(value) && value > 0 && value < 65_536)

function assertRepliesAreRead(text: string): void {
  assert.ok(isPort(parsePassive(text)) && isPort(parseExtendedPassive(text)))
  assert.ok(isSize(parseSize(text)) && isSize(parseSize(text.slice(4).trim())))
  const time = parseTime(text.slice(4))
  assert.ok(time === null || Number.isSafeInteger(time))
  assert.notEqual(parseDirectory(text), '')
  const features = parseFeatures(text)
  for (const name of features.keys()) assert.ok(name === name.toUpperCase() && !name.includes(' '))
  assert.ok(digestWay(features) === null || features.size > 0)
  assert.equal(parseMlst(text)?.facts.size === 0, false)
}

function assertErrorsAreKinds(code: number, text: string): void {
  const error = replyError({ code, text }, 'STOR x')
  assert.ok(!['internal', 'integrity', 'stopped'].includes(error.kind))
  assert.ok(!replyText({ code, text }).includes('\n'))
  assert.ok(socketError(Object.assign(new Error(text), { code: text }), 'x') instanceof TransferError)
}

const MLSD = ['type=file;size=3; x', 'type=cdir; .', 'Type=dir;perm=el; d', 'type=OS.unix=slink:/x; l', 'size=1;type=file; a b', 'junk']
const UNIX = [
  '-rw-r--r-- 1 u g 12 Jan  1 12:00 a b',
  'drwxr-xr-x 2 u g 4096 Jan  1  2020 d',
  'lrwxrwxrwx 1 u g 1 Jan 1 12:00 l -> ../x',
  'total 3',
]
const DOS = ['01-23-20  03:04PM       <DIR>          d', '01-23-20  03:04PM              1234 a b']

function assertListing(lines: readonly string[]): void {
  for (const { name, kind, size } of parseMlsd(lines)) {
    assert.ok(name !== '.' && name !== '..')
    assert.ok(isSize(size) && (kind === 'file' || size === null))
  }
  for (const line of lines) {
    const facts = parseFacts(line)
    assert.ok(facts === null || [...facts.facts.keys()].every((fact) => fact === fact.toLowerCase()))
  }
  try {
    parseList(lines.join('\n'))
  } catch (error) {
    // What the tree turns into `protocol`.
    assert.ok(error instanceof Error)
  }
}

const line = fc.oneof(damaged([...MLSD, ...UNIX, ...DOS], WORDS), jumble(WORDS, 12), hostileText(20))

const STREAMS = [...REPLIES, '220-a\r\n220 b', '230-230 x\r\n230-\r\n 230 y\r\n230 z', '150 a\r\n226 b'].map((text) =>
  Buffer.from(`${text}\r\n`),
)
/** The client's own limit of waiting; no case should ever need it. */
const WAIT = { signal: new AbortController().signal, timeoutMs: 5000 }

/** Replies of a session that says `bytes`, cut as given, and then leaves; the last word is how it ended. */
async function sessionOf(bytes: Buffer, at: readonly number[]): Promise<readonly string[]> {
  const server = net.createServer((socket) => {
    socket.on('error', () => undefined).resume()
    for (const piece of pieces(bytes, at)) socket.write(piece)
    socket.end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const control = new Control(
    () => undefined,
    (text) => text,
  )
  const said: string[] = []
  try {
    const greeting = await control.connect('127.0.0.1', (server.address() as net.AddressInfo).port, WAIT)
    said.push(greeting.text)
    for (;;) {
      const reply = await control.expect('waiting', WAIT)
      assert.ok(Number.isInteger(reply.code) && reply.text.startsWith(String(reply.code).padStart(3, '0')))
      said.push(reply.text)
    }
  } catch (error) {
    assert.ok(error instanceof TransferError && error.kind !== 'internal', String(error))
    return [...said, error.kind]
  } finally {
    control.close()
    await new Promise((resolve) => server.close(resolve))
  }
}

export const FTP_TARGETS: readonly FuzzTarget[] = [
  fuzzTarget('ftp-reply', 3000, fc.oneof(damaged(REPLIES, WORDS), jumble(WORDS), hostileText()), assertRepliesAreRead),
  fuzzTarget(
    'ftp-refusal',
    2000,
    fc.tuple(fc.integer({ min: -1, max: 999 }), fc.oneof(damaged(REPLIES, WORDS), hostileText())),
    ([code, text]) => assertErrorsAreKinds(code, text),
  ),
  fuzzTarget('ftp-listing', 2000, fc.array(line, { maxLength: 8 }), assertListing),
  fuzzTarget('ftp-session', 100, fc.tuple(fc.oneof(damagedBytes(STREAMS), fc.uint8Array().map(Buffer.from)), cuts), async ([bytes, at]) => {
    const said = await sessionOf(bytes, at)
    assert.ok(said.length >= 1)
  }),
]
