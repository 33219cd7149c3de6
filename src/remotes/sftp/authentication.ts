/** Which credential is offered when: each at most once, and only by a method that the server still offers. */
import type { AnyAuthMethod, AuthenticationType, AuthHandlerMiddleware } from 'ssh2'
import { TransferError } from '../../core/errors.ts'
import type { SftpConfig } from './config.ts'

export interface Authentication {
  readonly handler: AuthHandlerMiddleware
  /** What to say when the server accepted nothing. */
  denial(where: string): TransferError
}

export function authentication(config: SftpConfig, debug: (message: string) => void): Authentication {
  const { username, password } = config
  let key = config.key
  let passwordLeft = password !== undefined
  const tried: string[] = []
  let offered: readonly AuthenticationType[] | null = null

  const choose = (): AnyAuthMethod | false => {
    if (key !== undefined && (offered === null || offered.includes('publickey'))) {
      const method = { type: 'publickey', username, key } as const
      key = undefined
      tried.push('the private key')
      return method
    }
    // Without a list of methods the password stays at home: "none" costs a round trip and no attempt, and makes the server tell it.
    if (offered === null) return { type: 'none', username }
    if (password === undefined || !passwordLeft) return false
    if (offered.includes('password')) {
      passwordLeft = false
      tried.push('the password')
      return { type: 'password', username, password }
    }
    if (!offered.includes('keyboard-interactive')) return false
    passwordLeft = false
    tried.push('the password (keyboard-interactive)')
    return { type: 'keyboard-interactive', username, prompt: answering(password) }
  }

  return {
    handler: (methodsLeft: AuthenticationType[] | null, partialSuccess: boolean | null) => {
      offered = methodsLeft
      const method = choose()
      debug(
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
        `${where}: the server refused ${tried.length > 0 ? tried.join(' and ') : 'the login: it takes none of the given credentials'} of ${username}` +
          (offered === null ? '' : `; it accepts ${offered.join(', ') || 'nothing more'}`),
      ),
  }
}

type Prompt = Extract<AnyAuthMethod, { readonly type: 'keyboard-interactive' }>['prompt']

/** Answers the first hidden question with the password, once; anything else (a one-time code, a second round) with nothing. */
function answering(password: string): Prompt {
  let left = true
  return (_name, _instructions, _lang, prompts, finish) => {
    finish(
      prompts.map((prompt) => {
        const answer = left && prompt.echo !== true
        if (answer) left = false
        return answer ? password : ''
      }),
    )
  }
}
