/** Which credential is offered when: each at most once, and only by a method that the server still offers. */
import type { AnyAuthMethod, AuthenticationType, AuthHandlerMiddleware } from 'ssh2'
import { TransferError } from '../../core/errors.ts'
import type { RemotePorts } from '../remote.ts'
import type { SftpConfig } from './config.ts'
import { Dialogue, type Stop } from './dialogue.ts'

export interface Authentication {
  readonly handler: AuthHandlerMiddleware
  /** What to say when the server accepted nothing. */
  denial(): TransferError
  /** What to say when it wants a new password. */
  expired(prompt: string): TransferError
  /** The login was taken. */
  taken(): void
  /** The connection ended, as `error` says, before there was a session: while the password was being judged, that may be the verdict. */
  dropped(error: TransferError): TransferError
}

interface Ending {
  readonly where: string
  /** The login is over. */
  fail(error: TransferError): void
}

type Method = 'publickey' | 'password' | 'keyboard-interactive'

const NAMES: Readonly<Record<Method, string>> = {
  publickey: 'the private key',
  password: 'the password',
  'keyboard-interactive': 'the password (keyboard-interactive)',
}

/** More refusals than these are a pattern that servers lock accounts and addresses for. */
const REFUSALS_MAX = 2

/** Passwords that a server hung up on, or never answered, for everybody who connects with the same credentials. */
const unanswered = new WeakMap<SftpConfig, number>()
const PASSWORDS_MAX = 2
/** A password that was right in this run is not what a connection ends for. */
const accepted = new WeakSet<SftpConfig>()

export function authentication(config: SftpConfig, ports: Pick<RemotePorts, 'debug' | 'redact'>, { where, fail }: Ending): Authentication {
  const { username, password, key: given } = config
  const left: Method[] = [
    ...(given === undefined ? [] : ['publickey' as const]),
    ...(password === undefined ? [] : (['password', 'keyboard-interactive'] as const)),
  ]
  const stop = (why: Stop, text: string): void => fail(why === 'new' ? expired(text) : why === 'again' ? denial() : wantsMore())
  const dialogue = new Dialogue(username, password ?? '', stop)
  const tried: Method[] = []
  let offered: readonly AuthenticationType[] | null = null
  let refusals = 0
  let isDrop: boolean | undefined

  const passwordsSent = (): number => tried.filter((one) => one === 'password' || (one === 'keyboard-interactive' && dialogue.given)).length
  const maySend = (): boolean => accepted.has(config) || (unanswered.get(config) ?? 0) + passwordsSent() < PASSWORDS_MAX

  const choose = (): AnyAuthMethod | false => {
    // Without a list of methods the password stays at home: "none" costs a round trip and no attempt, and makes the server tell it.
    if (offered === null && left[0] !== 'publickey') return { type: 'none', username }
    const method = left.find((one) => (offered === null || offered.includes(one)) && (one === 'publickey' || maySend()))
    if (method === undefined || refusals >= REFUSALS_MAX) return false
    left.splice(left.indexOf(method), 1)
    tried.push(method)
    if (method === 'publickey' && given !== undefined) return { type: method, username, key: given }
    if (method === 'keyboard-interactive') return { type: method, username, prompt: dialogue.prompt }
    return { type: 'password', username, password: password ?? '' }
  }

  const denied = (what: string, hint?: string): TransferError =>
    new TransferError('denied', `${where}: ${what}`, hint === undefined ? {} : { hint })
  const denial = (): TransferError =>
    denied(
      `the server refused ${tried.length > 0 ? tried.map((one) => NAMES[one]).join(' and ') : 'the login: it takes none of the given credentials'} of ${username}` +
        (offered === null ? '' : `; it accepts ${offered.join(', ') || 'nothing more'}`) +
        asked(dialogue, ports.redact),
    )
  const expired = (prompt: string): TransferError =>
    denied(
      `the password of ${username} has expired: the server asks for a new one ("${told(ports.redact(prompt))}")`,
      'Log in once by hand and set a new password.',
    )
  const wantsMore = (): TransferError =>
    denied(
      `the password of ${username} is not enough for the server${asked(dialogue, ports.redact)}`,
      'Log in once by hand: it may be a new password that is asked for. One-time codes cannot be given here.',
    )

  return {
    handler: (methodsLeft: AuthenticationType[] | null, partialSuccess: boolean | null) => {
      offered = methodsLeft
      if (partialSuccess !== true && tried.length > 0) refusals += 1
      const method = choose()
      ports.debug(
        method === false
          ? `no credential left for ${(offered ?? []).join(', ')}`
          : `authenticating by ${method.type}${partialSuccess === true ? ' (a further factor)' : ''}`,
      )
      // ssh2 takes the returned method, or false for "give up".
      return method
    },
    denial,
    expired,
    taken: () => {
      unanswered.delete(config)
      accepted.add(config)
    },
    dropped: (error) => {
      const isSent = tried.at(-1) === 'password' || (tried.at(-1) === 'keyboard-interactive' && dialogue.given)
      isDrop ??= error.kind === 'transient' && isSent && !accepted.has(config) && hungUp(config, passwordsSent())
      if (!isDrop) return error
      const message = `${where}: the server was given the password of ${username} twice and did not take it (${error.message})`
      return new TransferError('denied', message, { cause: error })
    },
  }
}

/** A server that hangs up on a password, or falls silent, is asked once more, because the line may have been at fault. A third password may lock the account. */
function hungUp(config: SftpConfig, sent: number): boolean {
  const times = (unanswered.get(config) ?? 0) + sent
  unanswered.set(config, times)
  return times >= PASSWORDS_MAX
}

function asked({ unanswered }: Dialogue, redact: (text: string) => string): string {
  const questions = [...new Set(unanswered.map((question) => told(redact(question))))].filter((question) => question !== '').slice(0, 5)
  if (questions.length === 0) return ''
  return `; it asked ${questions.map((question) => `"${question}"`).join(' and ')}, for which there is no answer here`
}

function told(text: string): string {
  return text.replace(/\s+/g, ' ').trim().slice(0, 300)
}
