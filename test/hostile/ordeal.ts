/** What every case of this folder has to show whatever the server does: it ends, as the right kind of failure, and no secret was told. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import type net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { type FailureKind, TransferError } from '../../src/core/errors.ts'
import { secretForms } from '../../src/core/secret-forms.ts'
import type { Body, Credentials, RemotePorts, WriteObserver } from '../../src/remotes/remote.ts'
import { makeCertificate } from '../servers/certificate.ts'
import type { ScriptedOptions } from '../servers/scripted-ftp.ts'

/** Far beyond every limit that the cases set: only a hang comes here. */
const GUARD_MS = 10_000
/** What the kernels of both sides may hold of an endless reply, and some room: more than this is being read by us. */
export const TAKEN_BYTES_MAX = 24 * 1024 * 1024

export const never = new AbortController().signal
export const silent: WriteObserver = { sent: () => undefined, acknowledged: () => undefined }

const USERNAME = 'tester'
const SECRETS = ['canary-password-5d17', 'canary-token-8b2e', 'canary-header-c43a'] as const
const FORMS = SECRETS.flatMap((secret) => secretForms(secret, USERNAME))

export const LOGIN: Credentials = { username: USERNAME, password: SECRETS[0], headers: new Map(), fingerprints: [], tlsVerify: true }
export const BEARER: Credentials = { token: SECRETS[1], headers: new Map([['X-Api-Key', SECRETS[2]]]), fingerprints: [], tlsVerify: true }
/** No login: for what a server must not even ask about. */
export const NOBODY: Credentials = { headers: new Map(), fingerprints: [], tlsVerify: true }

/** How a case of FTP is put: in clear text, or with TLS on both connections. */
export interface Layer {
  readonly scheme: 'ftp' | 'ftps'
  readonly options: ScriptedOptions
  readonly login: Credentials
}

export const CLEAR: Layer = { scheme: 'ftp', options: {}, login: LOGIN }

export function secured(): Layer {
  const directory = mkdtempSync(join(tmpdir(), 'rt-hostile-layer-'))
  const { keyFile, certificateFile, pem } = makeCertificate(directory)
  const tls = { key: readFileSync(keyFile), cert: readFileSync(certificateFile) }
  rmSync(directory, { recursive: true })
  return { scheme: 'ftps', options: { tls, protects: true }, login: { ...LOGIN, tlsCa: pem } }
}

export interface Witness extends RemotePorts {
  /** Everything that was said on the side. */
  readonly heard: readonly string[]
}

export function witness(timeoutMs: number): Witness {
  const heard: string[] = []
  return {
    timeoutMs,
    direction: 'upload',
    redact: (text) => text,
    heard,
    debug: (line) => void heard.push(line),
    warn: (line) => void heard.push(line),
  }
}

/** Fails when `action` is still running after the guard; otherwise as it ends itself. */
export async function ends<T>(action: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const hung = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new assert.AssertionError({ message: `still running after ${GUARD_MS} ms` })), GUARD_MS)
  })
  try {
    return await Promise.race([action, hung])
  } finally {
    clearTimeout(timer)
  }
}

export function assertSilent(...told: readonly unknown[]): void {
  const text = told.map((one) => (typeof one === 'string' ? one : inspect(one, { depth: 12, maxStringLength: null }))).join('\n')
  for (const form of FORMS) assert.ok(!text.includes(form), `'${form.slice(0, 10)}…' was told`)
}

/** How `action` ended, null for success. Only a TransferError is an answer; anything else is a defect of ours. */
export async function failureOf(action: Promise<unknown>, who: Witness): Promise<TransferError | null> {
  const error = await ends(
    action.then(
      () => null,
      (reason: unknown) => reason,
    ),
  )
  assertSilent(error, ...who.heard)
  if (error === null) return null
  if (!(error instanceof TransferError)) throw error
  return error
}

export async function fails(kinds: FailureKind | readonly FailureKind[], action: Promise<unknown>, who: Witness): Promise<TransferError> {
  const error = await failureOf(action, who)
  assert.ok(error !== null, 'should have failed')
  const allowed: readonly FailureKind[] = typeof kinds === 'string' ? [kinds] : kinds
  assert.ok(allowed.includes(error.kind), `${error.kind} instead of ${allowed.join(' or ')}: ${error.message}`)
  return error
}

export async function* body(bytes: Uint8Array, chunk = 64 * 1024): Body {
  for (let at = 0; at < bytes.length; at += chunk) yield bytes.subarray(at, at + chunk)
}

export function absent(): never {
  assert.fail('the server was found unable')
}

/** Sends `piece` for ever, as fast as it is taken; tells how many bytes were. */
export function flood(socket: net.Socket, piece: string): () => number {
  const pour = (): void => {
    while (socket.writable && socket.write(piece));
  }
  socket.on('drain', pour)
  pour()
  return () => socket.bytesWritten - socket.writableLength
}

/** Sends `piece` again and again, slowly enough to look alive for ever. */
export function drip(socket: net.Socket, piece: string, everyMs = 25): void {
  const timer = setInterval(() => {
    if (socket.writable) socket.write(piece)
  }, everyMs)
  socket.on('close', () => clearInterval(timer))
}
