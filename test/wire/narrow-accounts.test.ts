/**
 * Accounts of real SFTP servers that may not do everything, in the forms that administrators write. What such an account cannot have is refused before it costs
 * anything, the file that was there stays, and what it can have is right.
 */
import assert from 'node:assert/strict'
import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { TransferError } from '../../src/core/errors.ts'
import type { ProofLevel, TransferEvent, TransferResult } from '../../src/engine/ports.ts'
import { type Site, sftpSite } from '../e2e/sites.ts'
import { serverOrSkip } from '../servers/debian.ts'
import { mysecureshellOptions } from '../servers/mysecureshell.ts'
import type { OpensshOptions } from '../servers/openssh.ts'
import { seededBytes } from '../support/prng.ts'
import { type AttemptOptions, BLOCK, createRig, putStored, type Rig, SIZE } from './rig.ts'

const NEW = Buffer.from(seededBytes(71, SIZE))
const OLD = Buffer.from(seededBytes(72, 5 * BLOCK + 3))
const ALWAYS: AttemptOptions = { policy: { publishWithoutRename: 'always' } }

/** How well it was proven, or what its one plain line says. */
type Ending = ProofLevel | RegExp

interface Form {
  readonly options: () => OpensshOptions
  readonly folder?: string
  /** A file to a name that is free. */
  readonly fresh: Ending
  /** A file over an older one; again with `publish-without-rename: always` where that is to make a difference. */
  readonly over: Ending
  readonly always?: Ending
  readonly fetched: Ending
  /** What an attempt that was stopped leaves to the next one. */
  readonly continued?: 'kept' | 'sent again' | RegExp
}

const sftp = (sftpArgs: string) => (): OpensshOptions => ({ sftpArgs })
const LACKS_RENAME = /the account lacks the right to rename here/
const IN_THE_WAY = /cannot remove what stands in the place of wire\.bin.*Permission denied/
const ADVISED: readonly Ending[] = [LACKS_RENAME, IN_THE_WAY]
const CANNOT_READ = /cannot read wire\.bin: the server answered "Permission denied"/

const FORMS: Readonly<Record<string, Form>> = {
  'a drop box: -P remove,rmdir,rename,posix-rename': {
    options: sftp('-P remove,rmdir,rename,posix-rename'),
    fresh: 'read-back',
    over: LACKS_RENAME,
    always: IN_THE_WAY,
    fetched: 'size',
    continued: IN_THE_WAY,
  },
  'a drop box in a chroot, whose attributes nobody sets': {
    options: () => ({ mode: 'chroot', sftpArgs: '-d /up -P remove,rmdir,rename,posix-rename,setstat,fsetstat' }),
    folder: 'up',
    fresh: 'read-back',
    over: LACKS_RENAME,
    fetched: 'size',
  },
  'nothing goes: -P remove,rmdir': {
    options: sftp('-P remove,rmdir'),
    fresh: 'size',
    over: 'size',
    fetched: 'size',
    continued: 'sent again',
  },
  'names stay: -P rename,posix-rename': {
    options: sftp('-P rename,posix-rename'),
    fresh: 'read-back',
    over: LACKS_RENAME,
    always: 'read-back',
    fetched: 'size',
    continued: 'sent again',
  },
  'no extension is on the list: -p realpath,stat,lstat,fstat,opendir,readdir,open,close,read,write,mkdir,remove,rename': {
    options: sftp('-p realpath,stat,lstat,fstat,opendir,readdir,open,close,read,write,mkdir,remove,rename'),
    fresh: 'size',
    over: 'size',
    fetched: 'size',
  },
  'nothing is fetched: -P read,opendir,readdir': {
    options: sftp('-P read,opendir,readdir'),
    fresh: 'size',
    over: 'size',
    fetched: CANNOT_READ,
    continued: 'sent again',
  },
  'nothing is looked at: -P stat,lstat,fstat,opendir,readdir': {
    options: sftp('-P stat,lstat,fstat,opendir,readdir'),
    fresh: 'read-back',
    over: 'read-back',
    fetched: 'size',
  },
  'a mailbox: -p open,close,write,realpath,fstat': {
    options: sftp('-p open,close,write,realpath,fstat'),
    fresh: 'acknowledged',
    over: LACKS_RENAME,
    fetched: CANNOT_READ,
  },
  'uploads that get a name: -p realpath,stat,lstat,fstat,opendir,readdir,open,close,write,mkdir,rename': {
    options: sftp('-p realpath,stat,lstat,fstat,opendir,readdir,open,close,write,mkdir,rename'),
    fresh: 'size',
    over: 'size',
    fetched: CANNOT_READ,
  },
  'downloads: -R': {
    options: sftp('-R'),
    fresh: /cannot create .*Permission denied/,
    over: /cannot create .*Permission denied/,
    fetched: 'size',
  },
  'downloads: -p realpath,stat,open,close,read': {
    options: sftp('-p realpath,stat,open,close,read'),
    fresh: /cannot write wire\.bin: the server answered "Permission denied"/,
    over: LACKS_RENAME,
    fetched: 'size',
  },
  'MySecureShell, DisableRename': {
    options: () => mysecureshellOptions(['DisableRename true']),
    fresh: 'read-back',
    over: LACKS_RENAME,
    always: 'read-back',
    fetched: 'size',
  },
  'MySecureShell, DisableOverwrite': {
    options: () => mysecureshellOptions(['DisableOverwrite true']),
    fresh: 'size',
    over: 'size',
    fetched: 'size',
    continued: 'kept',
  },
  'MySecureShell, DisableRemoveFile': {
    options: () => mysecureshellOptions(['DisableRemoveFile true']),
    fresh: 'size',
    over: 'size',
    fetched: 'size',
  },
  'MySecureShell, one connection an account': {
    options: () => mysecureshellOptions(['LimitConnectionByUser 1']),
    fresh: 'size',
    over: 'size',
    fetched: 'size',
  },
}

function emptied(site: Site, { folder = '' }: Form): void {
  const path = join(site.server.root, folder)
  for (const name of readdirSync(path)) rmSync(join(path, name), { recursive: true, force: true })
}

function assertEnding(result: TransferResult, ending: Ending, what: string): void {
  const said = `${what}: ${result.status}, ${result.proof}: ${result.failure?.message}`
  if (typeof ending === 'string') assert.deepEqual([result.status, result.proof], ['complete', ending], said)
  else {
    assert.deepEqual([result.status, result.failure?.kind], ['failed', 'refused'], said)
    assert.match(result.failure?.message ?? '', ending, said)
    if (ADVISED.includes(ending)) assert.match(result.failure?.hint ?? '', /remove|rename files/, `${what}: no advice`)
  }
}

/** The new file, or the old one as it was, for which nothing was sent in vain. */
function assertStored(rig: Rig, result: TransferResult, before: Buffer | null, what: string): void {
  const there = rig.stored()
  if (result.status === 'complete') assert.ok(there?.equals(NEW), `${what}: wrong bytes`)
  else if (before === null) assert.ok(there === null || there.length === 0, `${what}: there are ${there?.length} bytes`)
  else {
    assert.ok(there?.equals(before), `${what}: the old file is another one`)
    assert.equal(result.bytesTransferred, 0, `${what}: bytes travelled for nothing`)
  }
}

/** Stopped at half. */
function stopped(rig: Rig): Promise<TransferResult> {
  const stop = new AbortController()
  let phase = ''
  const on = (event: TransferEvent): void => {
    if (event.kind === 'phase') phase = event.phase
    if (event.kind === 'progress' && phase === 'transferring' && event.done >= SIZE / 2) stop.abort(new TransferError('stopped', 'enough'))
  }
  return rig.upload({ on, signal: stop.signal })
}

async function assertContinued(rig: Rig, expected: NonNullable<Form['continued']>): Promise<void> {
  assert.equal((await stopped(rig)).status, 'incomplete')
  const next = await rig.upload()
  if (expected instanceof RegExp) {
    assertEnding(next, expected, 'continued')
    // The server may have had bytes of the first attempt still to write.
    const there = rig.stored() ?? Buffer.alloc(0)
    assert.ok(NEW.subarray(0, there.length).equals(there), 'continued: wrong bytes')
  } else {
    assert.equal(next.status, 'complete', next.failure?.message)
    assertStored(rig, next, null, 'continued')
    assert.equal(next.bytesReused > 0, expected === 'kept')
  }
}

for (const [name, form] of Object.entries(FORMS))
  test(name, async (t) => {
    if (name.startsWith('MySecureShell') && serverOrSkip(t, 'mysecureshell') === null) return
    const site = await sftpSite(t, form.options())
    if (site === null) return
    const begin = (stored: Buffer | null): Rig => {
      emptied(site, form)
      const rig = createRig(t, site, NEW, { folder: form.folder })
      if (stored !== null) putStored(rig, stored)
      return rig
    }
    const upload = async (what: string, before: Buffer | null, ending: Ending, options: AttemptOptions = {}): Promise<void> => {
      const rig = begin(before)
      const result = await rig.upload(options)
      assertEnding(result, ending, what)
      assertStored(rig, result, before, what)
    }
    await upload('fresh', null, form.fresh)
    await upload('over', OLD, form.over)
    if (form.always !== undefined) await upload('always', OLD, form.always, ALWAYS)
    if (form.continued !== undefined) await assertContinued(begin(null), form.continued)
    const rig = begin(NEW)
    const fetched = await rig.download()
    assertEnding(fetched, form.fetched, 'fetched')
    assert.ok(fetched.status === 'complete' ? rig.received()?.equals(NEW) : rig.received() === null, 'fetched: wrong bytes')
  })
