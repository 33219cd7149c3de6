/** Which credential is offered when: each at most once, and only by a method that the server still offers. */
import type { AnyAuthMethod, AuthenticationType, AuthHandlerMiddleware } from 'ssh2'
import { TransferError } from '../../core/errors.ts'
import type { RemotePorts } from '../remote.ts'
import type { SftpConfig } from './config.ts'

export interface Authentication {
  readonly handler: AuthHandlerMiddleware
  /** What to say when the server accepted nothing. */
  denial(where: string): TransferError
  /** What to say when it wants a new password. */
  expired(where: string, prompt: string): TransferError
  /** The login was taken. */
  taken(): void
  /** The connection ended, as `error` says, before there was a session: while the password was being judged, that may be the verdict. */
  dropped(where: string, error: TransferError): TransferError
}

type Method = 'publickey' | 'password' | 'keyboard-interactive'

const NAMES: Readonly<Record<Method, string>> = {
  publickey: 'the private key',
  password: 'the password',
  'keyboard-interactive': 'the password (keyboard-interactive)',
}

/** More refusals than these are a pattern that servers lock accounts and addresses for. */
const REFUSALS_MAX = 2

/** Passwords that a server hung up on, for everybody who connects with the same credentials. */
const unanswered = new WeakMap<SftpConfig, number>()
const PASSWORDS_MAX = 2
/** A password that was right in this run is not what a connection ends for. */
const accepted = new WeakSet<SftpConfig>()

export function authentication(config: SftpConfig, ports: Pick<RemotePorts, 'debug' | 'redact'>): Authentication {
  const { username, password, key: given } = config
  const left: Method[] = [
    ...(given === undefined ? [] : ['publickey' as const]),
    ...(password === undefined ? [] : (['password', 'keyboard-interactive'] as const)),
  ]
  const dialogue = new Dialogue(username, password ?? '')
  const tried: Method[] = []
  let offered: readonly AuthenticationType[] | null = null
  let refusals = 0
  let isDrop: boolean | undefined

  const choose = (): AnyAuthMethod | false => {
    // Without a list of methods the password stays at home: "none" costs a round trip and no attempt, and makes the server tell it.
    if (offered === null && left[0] !== 'publickey') return { type: 'none', username }
    const method = left.find((one) => offered === null || offered.includes(one))
    if (method === undefined || refusals >= REFUSALS_MAX) return false
    left.splice(left.indexOf(method), 1)
    tried.push(method)
    if (method === 'publickey' && given !== undefined) return { type: method, username, key: given }
    if (method === 'keyboard-interactive') return { type: method, username, prompt: dialogue.prompt }
    return { type: 'password', username, password: password ?? '' }
  }

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
    denial: (where) =>
      new TransferError(
        'denied',
        `${where}: the server refused ${tried.length > 0 ? tried.map((one) => NAMES[one]).join(' and ') : 'the login: it takes none of the given credentials'} of ${username}` +
          (offered === null ? '' : `; it accepts ${offered.join(', ') || 'nothing more'}`) +
          asked(dialogue, ports.redact),
      ),
    expired: (where, prompt) =>
      new TransferError(
        'denied',
        `${where}: the password of ${username} has expired: the server asks for a new one ("${told(ports.redact(prompt))}")`,
        {
          hint: 'Log in once by hand and set a new password.',
        },
      ),
    taken: () => {
      unanswered.delete(config)
      accepted.add(config)
    },
    dropped: (where, error) => {
      const sent = tried.filter((one) => one === 'password' || (one === 'keyboard-interactive' && dialogue.given))
      const isJudging = error.kind === 'transient' && sent.length > 0 && sent.at(-1) === tried.at(-1)
      isDrop ??= isJudging && !accepted.has(config) && hungUp(config, sent.length)
      if (!isDrop) return error
      return new TransferError('denied', `${where}: the server ended the connection each time it had the password of ${username}`, {
        cause: error,
      })
    },
  }
}

/** A server that hangs up on a password is asked once more, because the line may have been at fault. A third password may lock the account. */
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
  return text.replace(/\s+/g, ' ').trim().slice(0, 200)
}

type Prompt = Extract<AnyAuthMethod, { readonly type: 'keyboard-interactive' }>['prompt']

const FOR_PASSWORD = /pass(?:word|phrase|wort)|kennwort|mot de passe|contrase/i
const FOR_NEW = /\b(?:new|neues?|retype|again|change)\b/i
const FOR_NAME = /\b(?:user(?: ?name)?|login|account)\b[^?]*:?\s*$/i
const FOR_CODE = /code|token|otp|one-?time|factor|verif|authenticator|duo\b|yubi|challenge|pin\b/i

/** Answers the one question that is for the password, once; a one-time code, a second round, a new password with nothing. */
class Dialogue {
  readonly unanswered: string[] = []
  given = false
  readonly #username: string
  readonly #password: string

  constructor(username: string, password: string) {
    this.#username = username
    this.#password = password
  }

  readonly prompt: Prompt = (_name, instructions, _lang, prompts, finish) => {
    const questions = prompts.map(({ prompt, echo }) => ({ text: prompt, echo: echo === true }))
    const chosen = this.given ? undefined : forPassword(questions)
    // Such as "Your password has expired".
    if (chosen === undefined) this.unanswered.push(instructions)
    finish(
      questions.map((question) => {
        if (question === chosen) {
          this.given = true
          return this.#password
        }
        if (question.echo && FOR_NAME.test(question.text) && !FOR_CODE.test(question.text)) return this.#username
        this.unanswered.push(question.text)
        return ''
      }),
    )
  }
}

interface Question {
  readonly text: string
  readonly echo: boolean
}

/** A question by its words; else the first hidden one; else, some servers show everything that is typed, the only one. */
function forPassword(questions: readonly Question[]): Question | undefined {
  const open = questions.filter(({ text }) => !FOR_NEW.test(text))
  const named = open.find(({ text }) => FOR_PASSWORD.test(text) && !/one-?time/i.test(text))
  if (named !== undefined) return named
  const plain = open.filter(({ text, echo }) => !FOR_CODE.test(text) && !(echo && FOR_NAME.test(text)))
  return plain.find(({ echo }) => !echo) ?? (questions.length === 1 ? plain[0] : undefined)
}
