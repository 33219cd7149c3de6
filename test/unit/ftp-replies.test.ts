import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type FailureKind, TransferError } from '../../src/core/errors.ts'
import { digestWay } from '../../src/remotes/ftp/digester.ts'
import { replyError, socketError } from '../../src/remotes/ftp/errors.ts'
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
import { parseLines } from '../../src/remotes/ftp/list-lines.ts'
import { sizeIn } from '../../src/remotes/ftp/size-reply.ts'

/** Replies as real servers gave them. */
const REPLIES: readonly (readonly [number, string, FailureKind])[] = [
  [421, 'Timeout.', 'transient'],
  [421, '8 users (the maximum) are already logged in, sorry', 'transient'],
  [421, 'There are too many connections from your internet address.', 'transient'],
  [425, 'Unable to build data connection: Operation not permitted', 'transient'],
  [426, 'Failure reading network stream.', 'transient'],
  [450, "Can't REST (file busy)", 'transient'],
  [451, 'x: Append/Restart not permitted, try again', 'transient'],
  [451, 'Input/output error', 'transient'],
  [451, 'No space left on device', 'no-space'],
  [451, 'Failure writing to local file.', 'no-space'],
  [452, 'Transfer aborted. No space left on device', 'no-space'],
  [500, "Unknown command 'XYZ'", 'refused'],
  [522, 'SSL connection failed; session reuse required: see require_ssl_reuse option in vsftpd.conf man page', 'transient'],
  [530, 'Login incorrect.', 'denied'],
  [530, 'Sorry, the maximum number of clients (2) for this user are already connected', 'transient'],
  [530, 'Non-anonymous sessions must use encryption.', 'denied'],
  [550, 'SSL/TLS required on the control channel', 'denied'],
  [550, 'Permission denied.', 'refused'],
  [550, 'ENOSPC: no space left on device, write', 'no-space'],
  [552, "Quota exceeded: [x] won't be saved", 'no-space'],
  [552, 'Transfer aborted. Disk quota exceeded', 'no-space'],
  [553, 'Could not create file.', 'refused'],
  [332, 'Need account for login.', 'denied'],
  [227, 'Entering Passive Mode', 'protocol'],
]

describe('FTP replies', () => {
  test('code and text together say what happened', () => {
    for (const [code, words, kind] of REPLIES) {
      const error = replyError({ code, text: `${code} ${words}` }, 'STOR x')
      assert.equal(error.kind, kind, `${code} ${words}`)
      assert.ok(error.message.includes(words), 'the server is quoted')
    }
  })

  test('a plain login to a server that wants TLS, and a full server, come with advice', () => {
    assert.match(replyError({ code: 530, text: '530 Non-anonymous sessions must use encryption.' }, 'x').hint ?? '', /ftps/)
    assert.match(replyError({ code: 421, text: '421 Too many connections' }, 'x').hint ?? '', /other sessions/)
  })

  test('replies of many lines become one line', () => {
    assert.equal(
      replyError({ code: 550, text: '550-no\n550 really no' }, 'DELE x').message,
      'DELE x: the server answered 550-no 550 really no',
    )
  })

  test('socket errors by code; what is a TransferError already passes', () => {
    const kinds: [string, FailureKind][] = [
      ['ENOTFOUND', 'invalid-input'],
      ['EAI_AGAIN', 'transient'],
      ['ECONNREFUSED', 'transient'],
      ['ECONNRESET', 'transient'],
      ['EPIPE', 'transient'],
      ['ETIMEDOUT', 'transient'],
      ['EHOSTUNREACH', 'transient'],
      ['DEPTH_ZERO_SELF_SIGNED_CERT', 'untrusted'],
      ['CERT_HAS_EXPIRED', 'untrusted'],
      ['ERR_TLS_CERT_ALTNAME_INVALID', 'untrusted'],
      ['ERR_SSL_WRONG_VERSION_NUMBER', 'untrusted'],
    ]
    for (const [code, kind] of kinds) assert.equal(socketError(Object.assign(new Error('x'), { code }), 'a').kind, kind, code)
    assert.equal(socketError(new Error('FTP control response exceeded maximum allowed size'), 'a').kind, 'protocol')
    const own = new TransferError('stopped', 'x')
    assert.equal(socketError(own, 'a'), own)
  })
})

describe('what FTP servers tell in lines', () => {
  test('FEAT in the styles of different servers', () => {
    const text = '211-Features:\n AUTH TLS\n HASH SHA-256*;SHA-512;MD5\n mlst type*;size*;modify*;\n211-SIZE\n  REST STREAM\n211 End'
    const features = parseFeatures(text)
    assert.equal(features.get('HASH'), 'SHA-256*;SHA-512;MD5')
    assert.equal(features.get('REST'), 'STREAM')
    assert.ok(features.has('MLST') && features.has('SIZE'))
    assert.equal(features.get('AUTH'), 'TLS')
    assert.equal(parseFeatures('211 no features').size, 0)
  })

  test('facts of MLST and MLSD', () => {
    const mlst = parseMlst('250-Start\n type=file;size=7;modify=20200102030405.678; /a b; c\n250 End')
    assert.equal(mlst?.name, '/a b; c')
    assert.equal(mlst?.facts.get('size'), '7')
    assert.equal(parseTime(mlst?.facts.get('modify')), Date.UTC(2020, 0, 2, 3, 4, 5, 678))
    assert.equal(parseFacts('no facts'), null)
    const lines = [
      'type=cdir; .',
      'type=pdir; ..',
      'Type=File;Size=3; x',
      'type=dir; d',
      'type=OS.unix=slink:/x; l',
      'type=file;size=-1; bad',
      'junk',
    ]
    assert.deepEqual(parseMlsd(lines), [
      { name: 'x', kind: 'file', size: 3 },
      { name: 'd', kind: 'directory', size: null },
      { name: 'l', kind: 'other', size: null },
      { name: 'bad', kind: 'file', size: null },
    ])
  })

  test('sizes and times that are no numbers of ours are null', () => {
    assert.equal(parseSize('9007199254740991'), Number.MAX_SAFE_INTEGER)
    for (const bad of ['9007199254740992', '-1', '1e3', '', undefined, '99999999999999999999'])
      assert.equal(parseSize(bad), null, String(bad))
    assert.equal(parseTime('20200102'), null)
  })

  test('what SIZE says: rightly read, or not at all', () => {
    const said: readonly (readonly [string, number | null, string?])[] = [
      ['213 7', 7],
      ['213   3000000  \t', 3_000_000],
      ['213 0000000007', 7],
      ['213-size\r\n213-7 bytes\r\n213 ', 7],
      ['213 size 7', 7],
      ['213 The file has 7 bytes.', 7],
      ['213 size=(7)', null],
      ['213 (7)', 7],
      ['213 7 octets in all', 7],
      ['213 a.bin 7', 7],
      ['213 7 d/a.bin', 7],
      ['213 "d/a.bin": 7', 7],
      ['213 12 7', 7, '12'],
      ['213 7 12', 7, '12'],
      ['213 12', 12, '12'],
      ['213 3,000,000', 3_000_000],
      ["213 3'000'000 bytes", 3_000_000],
      ['213 3.000.000', 3_000_000],
      ['213 File status', 0],
      // One group alone may be a fraction, and blanks may part two numbers.
      ['213 3,000', null],
      ['213 3.000', null],
      ['213 3 000 000', null],
      ['213 3,00,000', null],
      ['213 3,000.000', null],
      ['213 7, 8', null],
      ['213 3 MB', null],
      ['213 3 MB in bytes', null],
      ['213 3M', null],
      ['213 3000 KiB', null],
      ['213 5860 blocks', null],
      ['213 7 total', null],
      ['213 7 of 3000000 bytes', null],
      ['213 7 bytes of 3000000', null],
      ['213 3000000 (2.9 MB)', null],
      ['213 7 bytes, 512-byte sectors', null],
      ['213 +7', null],
      ['213 -7', null],
      ['213 0x7', null],
      ['213 7e3', null],
      ['213 7.5', null],
      ['213 ok', null],
      ['213', null],
      ['213 99999999999999999999', null],
    ]
    for (const [reply, size, path = 'd/a.bin'] of said) assert.equal(sizeIn(reply, path), size, JSON.stringify(reply))
  })

  test('sizes in listings with separators: rightly read, or not at all', () => {
    const sizes: readonly (readonly [string, number | null])[] = [
      ['-rw-r--r--   1 ftp ftp 3,000,000 Jan 02  2024 f', 3_000_000],
      ['-rw-r--r--   1 ftp ftp 3.000.000 Jan 02 03:04 f', 3_000_000],
      ['-rw-r--r--   1 ftp ftp 3,000 Jan 02  2024 f', null],
      ['-rw-r--r--   1 ftp ftp 3 000 000 Jan 02  2024 f', null],
      ['-rw-r--r--   1 ftp ftp 3 123 456 Jan 02  2024 f', null],
      ['-rw-r--r--   1 ftp 3 000 Jan 02  2024 f', null],
      ['-rw-r--r--   1 1001 100 512 Jan 02  2024 f', 512],
      ['-rw-r--r--   1 ftp domain users 512 Jan 02  2024 f', 512],
      ['-rw-r--r--   1 ftp ftp 512 Jan 02  2024 f', 512],
      ['-rw-r--r--   1 ftp ftp 7 Jan 02  2024 x 3,000,000 Jan 02  2024 f', 7],
      ['01-02-24  03:04AM  3,000,000 f', 3_000_000],
      ['01-02-24  03:04AM  3,000 f', null],
      ['01-02-24  03:04AM  7 1,000,000 f', 7],
    ]
    for (const [line, size] of sizes) assert.deepEqual([parseLines([line])[0]?.size, line.endsWith('f')], [size, true], line)
    assert.equal(parseLines(['-rw-r--r--   1 ftp ftp 7 Jan 02  2024 x 3,000,000 f'])[0]?.name, 'x 3,000,000 f')
  })

  test('ports of EPSV and PASV; the address of PASV is not even returned', () => {
    assert.equal(parseExtendedPassive('229 Entering Extended Passive Mode (|||6446|)'), 6446)
    assert.equal(parseExtendedPassive('229 ok (!!!6446!)'), 6446)
    assert.equal(parsePassive('227 Entering Passive Mode (192,168,1,9,25,46).'), 25 * 256 + 46)
    for (const bad of ['229 (|||0|)', '229 (|||70000|)', '229 nothing']) assert.equal(parseExtendedPassive(bad), null, bad)
    for (const bad of ['227 (1,2,3,4,256,1)', '227 (1,2,3,4,0,0)', '227 nothing']) assert.equal(parsePassive(bad), null, bad)
  })

  test('PWD with doubled quotes', () => {
    assert.equal(parseDirectory('257 "/a ""b""" is current'), '/a "b"')
    assert.equal(parseDirectory('257 here'), null)
  })

  test('the strongest digest that is offered', () => {
    const way = (lines: string): string => {
      const found = digestWay(parseFeatures(`211-x\n${lines}\n211 x`))
      return found === null ? 'none' : `${found.algorithm} ${found.command}`
    }
    assert.equal(way(' XCRC\n XSHA256\n XMD5'), 'sha256 XSHA256')
    assert.equal(way(' XCRC\n HASH CRC32;MD5;SHA-1*;SHA-256;SHA-512'), 'sha256 HASH')
    assert.equal(way(' HASH SHA-512*'), 'sha512 HASH')
    assert.equal(way(' XCRC'), 'crc32 XCRC')
    assert.equal(way(' SIZE'), 'none')
  })
})
