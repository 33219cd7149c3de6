/** Keyboard-interactive: the one question that is for the password is answered, once. A question for a new password is answered with nothing at all. */
import type { AnyAuthMethod } from 'ssh2'

type Prompt = Extract<AnyAuthMethod, { readonly type: 'keyboard-interactive' }>['prompt']

const PASSWORD =
  'pass(?:word|phrase|wort|code)|kennwort|mot de passe|contrase[ñn]a|senha|wachtwoord|lösenord|adgangskode|passord|has[łl]o|парол|密码|密碼|パスワード|암호'
const FOR_PASSWORD = new RegExp(PASSWORD, 'i')
/** `Enter new password:`, `New (UNIX) password:`, `Nouveau mot de passe :`, `Contraseña nueva:`; not `Password for me@new.example.com:`. */
const NEW = 'new|neue[sn]?|nouveau|nueva|nuova|nova|nieuwe?|nytt|nyt|nowe|новый|新'
/** What stands between: `New Kerberos password:`. Other words are a name: `New York server password:`. */
const OF_WHAT = 'unix|linux|nis|ldap|kerberos|smb|samba|nt|windows|ad|active directory|domain|network|system|login|account'
const FOR_NEW = new RegExp(
  `(?:^|[^\\p{L}])(?:${NEW})[\\s(]*(?:(?:${OF_WHAT})[)\\s-]+){0,2}(?:${PASSWORD}|pin\\b)|(?:${PASSWORD})\\s*\\(?(?:${NEW})\\)?\\s*:?\\s*$`,
  'iu',
)
/** The second of the two that a new password is asked for by. */
const FOR_AGAIN =
  /retype|re-?enter|(?:again|repeat|confirm)\b|wiederhol|bestätig|noch ?mal|retapez|confirmez|vuelva|repita|reimmet|herhaal|powtórz|повторите/i
const FOR_CHANGE = /\bchange\b/i
const FOR_NAME = /\b(?:user(?: ?name)?|login|account)\b[^?]*:?\s*$/i
const FOR_CODE = /code|token|otp|one-?time|factor|verif|authenticator|duo\b|yubi|challenge|pin\b/i

const EXPIRED = /expired|expiré|abgelaufen|caducad|scadut|verlopen|(?:required|must|have|need) (?:to )?change|password change required/i

/**
 * Why there is no answer. `new`: a new password is asked for. `again`: the same question, so that the first answer was wrong. `more`: something else that is not shown
 * as it is typed, a code or, in a language that is not known here, a new password.
 */
export type Stop = 'new' | 'again' | 'more'

export class Dialogue {
  /** Questions that got nothing, and what stood before them, such as "Your password has expired". */
  readonly unanswered: string[] = []
  given = false
  readonly #username: string
  readonly #password: string
  readonly #stop: (why: Stop, text: string) => void
  #answered = ''

  /** `stop`: the login is over, because nothing that could be said here would be right. */
  constructor(username: string, password: string, stop: (why: Stop, text: string) => void) {
    this.#username = username
    this.#password = password
    this.#stop = stop
  }

  readonly prompt: Prompt = (_name, instructions, _lang, prompts, finish) => {
    const questions = prompts.map(({ prompt, echo }) => ({ text: prompt, echo: echo === true }))
    const why = this.#noAnswer(instructions, questions)
    if (why !== null) {
      this.unanswered.push(instructions, ...questions.map(({ text }) => text))
      this.#stop(why, [instructions, ...questions.map(({ text }) => text)].join(' '))
      return
    }
    const chosen = this.given ? undefined : forPassword(questions)
    if (chosen === undefined) this.unanswered.push(instructions)
    finish(questions.map((question) => this.#answer(question, question === chosen)))
  }

  /** An empty answer may become the new password, and the old one is none. */
  #noAnswer(instructions: string, questions: readonly Question[]): Stop | null {
    if (questions.some((question) => isForNew(question, questions.length > 1))) return 'new'
    if (!this.given || questions.every(({ echo }) => echo)) return null
    if ([instructions, ...questions.map(({ text }) => text)].some((text) => EXPIRED.test(text))) return 'new'
    return questions.length === 1 && questions[0]?.text === this.#answered ? 'again' : 'more'
  }

  #answer(question: Question, isChosen: boolean): string {
    if (isChosen) {
      this.given = true
      this.#answered = question.text
      return this.#password
    }
    if (question.echo && FOR_NAME.test(question.text) && !FOR_CODE.test(question.text)) return this.#username
    this.unanswered.push(question.text)
    return ''
  }
}

interface Question {
  readonly text: string
  readonly echo: boolean
}

/** PAM puts what it has to say before the question, in lines of their own. `paired`: with other questions. */
function isForNew({ text }: Question, paired: boolean): boolean {
  const question = text.trim().split('\n').at(-1) ?? ''
  return FOR_NEW.test(question) || (paired && FOR_AGAIN.test(question) && FOR_PASSWORD.test(question))
}

/** A question by its words; else the first hidden one; else, some servers show everything that is typed, the only one. */
function forPassword(questions: readonly Question[]): Question | undefined {
  const open = questions.filter(({ text }) => !FOR_CHANGE.test(text))
  const named = open.find(({ text }) => FOR_PASSWORD.test(text) && !/one-?time|passcode/i.test(text))
  if (named !== undefined) return named
  const plain = open.filter(({ text, echo }) => !FOR_CODE.test(text) && !(echo && FOR_NAME.test(text)))
  return plain.find(({ echo }) => !echo) ?? (questions.length === 1 ? plain[0] : undefined)
}
