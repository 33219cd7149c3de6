/** From the first byte to a session that can be used: TLS, the login, what the server says of itself. */
import { TransferError } from '../../core/errors.ts'
import type { FtpConfig } from './config.ts'
import { ask, askAtOnce, askOutright, Connection, isGood, type Server } from './connection.ts'
import { Control } from './control.ts'
import { sharedWait, type Wait } from './deadline.ts'
import { hasNoRoom, loginError, type Reply, replyError, replyErrorAs, replyText } from './errors.ts'
import { parseDirectory, parseFeatures } from './features.ts'

const NOT_KNOWN: readonly number[] = [500, 501, 502, 504]

/** Connects, verifies the server, logs in and asks for its features; all of it within one `timeoutMs`. */
export async function connect(server: Server, signal: AbortSignal): Promise<Connection> {
  const wait = sharedWait(signal, server.ports.timeoutMs)
  const control = new Control(server.ports.debug, server.ports.redact)
  try {
    await greet(control, server, wait)
    await logIn(control, server, wait)
    if (server.trust !== null) await protectData(control, wait)
    const feat = await ask(control, 'FEAT', wait)
    const features = isGood(feat) ? parseFeatures(feat.text) : new Map<string, string>()
    // Pure-FTPd (504) and pyftpdlib (501) refuse it and speak UTF-8 all the same.
    if (features.has('UTF8')) await ask(control, 'OPTS UTF8 ON', wait)
    const type = await ask(control, 'TYPE I', wait)
    if (!isGood(type)) throw replyError(type, 'TYPE I')
    const directory = await ask(control, 'PWD', wait)
    return new Connection(control, features, isGood(directory) ? parseDirectory(directory.text) : null, server)
  } catch (error) {
    control.close()
    throw error
  }
}

async function greet(control: Control, server: Server, wait: Wait): Promise<void> {
  const { config, trust } = server
  const implicit = trust !== null && config.tls === 'implicit'
  const greeting = implicit
    ? await control.connectSecurely(config.host, config.port, trust, wait)
    : await control.connect(config.host, config.port, wait)
  if (greeting.code < 200 || greeting.code > 299) throw replyError(greeting, 'connecting')
  if (trust === null || implicit) return
  let reply = await askAtOnce(control, 'AUTH TLS', wait)
  // The name that servers of before RFC 4217 know it by. Data connections are asked for by PROT all the same.
  if (NOT_KNOWN.includes(reply.code)) reply = await askAtOnce(control, 'AUTH SSL', wait)
  // 234; 334 of older drafts and a plain 200 say the same, and nothing of ours is said before TLS has shown it.
  if (!isGood(reply) && reply.code !== 334) {
    const hint = 'Nothing is sent without TLS to an ftps:// URL. If clear text is meant, write ftp://.'
    throw replyErrorAs('untrusted', reply, 'AUTH TLS', hint)
  }
  await control.upgrade(trust, wait).catch((error: unknown) => {
    const unmeant = reply.code !== 234 && error instanceof TransferError && error.kind === 'transient'
    throw unmeant ? replyErrorAs('untrusted', reply, 'AUTH TLS, and no TLS came') : error
  })
}

/** Logins whose answer left open whether the password is right, for everybody who connects with the same credentials. */
const doubtful = new WeakMap<FtpConfig, number>()
const LOGINS_MAX = 2

async function logIn(control: Control, { config, ports }: Server, wait: Wait): Promise<void> {
  ports.presenting?.()
  const action = `logging in as ${config.username}`
  const user = await ask(control, `USER ${config.username}`, wait)
  if (user.code >= 200 && user.code < 300) return
  if (user.code === 332 || user.code < 300 || user.code > 399) throw loginError(user, action)
  // The command is a secret: it must not be what an error is named after.
  const done = await askOutright(control, `PASS ${config.password}`, wait, 'PASS').catch((error: unknown) => {
    throw dropped(error, config)
  })
  // Taken once, it is the right one.
  if (isGood(done)) doubtful.set(config, Number.NEGATIVE_INFINITY)
  else throw turnedAway(done, action, config)
}

/** A server that hangs up on a password, or never answers it, is asked once more, because the line may have been at fault. A third time may lock the account. */
function dropped(error: unknown, config: FtpConfig): unknown {
  if (!(error instanceof TransferError) || error.kind !== 'transient' || mayTryAgain(config)) return error
  const message = `logging in as ${config.username}: the server was given the password ${LOGINS_MAX} times and did not answer it (${error.message})`
  return new TransferError('denied', message, { cause: error })
}

/** The same where it says 421, or that something is too much without saying that it is sessions. */
function turnedAway(reply: Reply, action: string, config: FtpConfig): TransferError {
  const error = loginError(reply, action)
  return error.kind !== 'transient' || hasNoRoom(reply) || mayTryAgain(config) ? error : replyErrorAs('denied', reply, action)
}

function mayTryAgain(config: FtpConfig): boolean {
  const times = (doubtful.get(config) ?? 0) + 1
  doubtful.set(config, times)
  return times < LOGINS_MAX
}

async function protectData(control: Control, wait: Wait): Promise<void> {
  // PBSZ has only one legal argument; what counts is the answer to PROT.
  await ask(control, 'PBSZ 0', wait)
  const reply = await askAtOnce(control, 'PROT P', wait)
  if (!isGood(reply)) {
    throw new TransferError('untrusted', `the server does not encrypt data connections: PROT P: ${replyText(reply)}`, {
      hint: 'No file is sent or taken over an unencrypted connection to an ftps:// URL.',
    })
  }
}
