/** An FTP server that does what a test tells it, however wrong. Understands just enough by itself for a login. */
import net from 'node:net'
import { TLSSocket } from 'node:tls'

export interface ScriptedSession {
  /** Sends one reply line; CR LF is added. */
  say(line: string): void
  /** The data connection that the last EPSV or PASV announced, once the client is there. */
  data(): Promise<net.Socket>
  /** Announces a new data port; returns it. */
  listen(): Promise<number>
  readonly control: net.Socket
}

/** A reply line, or what to do. Null says nothing at all. */
export type Answer = string | null | ((argument: string, session: ScriptedSession) => void | Promise<void>)

export interface ScriptedFtp {
  readonly port: number
  /** Every line received, sessions separated by `--`. */
  readonly commands: string[]
  /** How often a client connected. */
  readonly sessions: number
  close(): Promise<void>
}

export interface ScriptedOptions {
  /** Null says nothing; a function does what it likes. */
  readonly greeting?: Answer
  readonly tls?: { readonly key: Buffer; readonly cert: Buffer }
  /** TLS from the first byte on. */
  readonly implicit?: true
  /** Data connections speak TLS by themselves, as PROT P says. Without it they are the script's to wrap, or to leave bare. */
  readonly protects?: true
}

const DEFAULTS: Readonly<Record<string, Answer>> = {
  USER: '331 password please',
  PASS: '230 welcome',
  FEAT: '211-x\r\n SIZE\r\n REST STREAM\r\n211 end',
  TYPE: '200 ok',
  PWD: '257 "/" is home',
  PBSZ: '200 ok',
  PROT: '200 ok',
  OPTS: '200 ok',
  REST: (argument, session) => session.say(`350 at ${argument}`),
  SIZE: '550 no such file',
  CWD: '550 no such directory',
  MDTM: '550 no',
  DELE: '250 gone',
  QUIT: '221 bye',
  EPSV: async (_argument, session) => session.say(`229 come (|||${await session.listen()}|)`),
}

/** Says this, and from then on takes what comes for no command: the random bytes of a handshake hold a line break in one run of a hundred, and would be answered. */
export const deafAfter =
  (line: string): Answer =>
  (_argument, session) => {
    session.say(line)
    session.control.removeAllListeners('data').resume()
  }

export async function startScriptedFtp(answers: Readonly<Record<string, Answer>>, options: ScriptedOptions = {}): Promise<ScriptedFtp> {
  const commands: string[] = []
  const open = new Set<net.Socket | net.Server>()
  let sessions = 0
  const server = net.createServer((socket) => {
    sessions += 1
    commands.push('--')
    serve(socket, { ...DEFAULTS, ...answers }, options, commands, open)
  })
  await listening(server)
  return {
    port: portOf(server),
    commands,
    get sessions() {
      return sessions
    },
    close: async () => {
      for (const one of open) one instanceof net.Server ? one.close() : one.destroy()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}

function serve(
  plain: net.Socket,
  answers: Readonly<Record<string, Answer>>,
  options: ScriptedOptions,
  commands: string[],
  open: Set<net.Socket | net.Server>,
): void {
  let control = plain
  let arriving: Promise<net.Socket> | null = null
  const track = (socket: net.Socket): net.Socket => {
    open.add(socket)
    socket.on('error', () => undefined)
    socket.on('close', () => open.delete(socket))
    return socket
  }
  const session: ScriptedSession = {
    get control() {
      return control
    },
    say: (line) => void control.write(`${line}\r\n`),
    data: () => arriving ?? Promise.reject(new Error('no EPSV')),
    listen: async () => {
      const passive = net.createServer()
      open.add(passive)
      arriving = new Promise((resolve) => {
        passive.once('connection', (socket) => {
          passive.close()
          track(socket)
          const wrapped = options.protects === true && options.tls !== undefined
          resolve(wrapped ? track(new TLSSocket(socket, { isServer: true, ...options.tls })) : socket)
        })
      })
      await listening(passive)
      return portOf(passive)
    },
  }
  const obey = (line: string): void => {
    commands.push(line)
    const [verb = '', ...rest] = line.split(' ')
    if (verb === 'AUTH' && answers.AUTH === undefined && options.tls !== undefined) {
      session.say('234 go on')
      control.removeAllListeners('data')
      control = track(new TLSSocket(control, { isServer: true, ...options.tls }))
      onLines(control, obey)
      return
    }
    const answer = verb in answers ? answers[verb] : '502 unknown'
    if (typeof answer === 'string') session.say(answer)
    else if (answer) void answer(rest.join(' '), session)
  }
  track(plain)
  if (options.implicit === true && options.tls !== undefined) control = track(new TLSSocket(plain, { isServer: true, ...options.tls }))
  onLines(control, obey)
  const greeting = options.greeting === undefined ? '220 scripted' : options.greeting
  if (typeof greeting === 'string') session.say(greeting)
  else if (greeting !== null) void greeting('', session)
}

function onLines(socket: net.Socket, obey: (line: string) => void): void {
  let rest = ''
  socket.on('data', (chunk) => {
    const lines = (rest + chunk.toString('utf8')).split('\r\n')
    rest = lines.pop() ?? ''
    for (const line of lines) obey(line)
  })
}

function listening(server: net.Server): Promise<void> {
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve()))
}

function portOf(server: net.Server): number {
  const address = server.address()
  return address !== null && typeof address === 'object' ? address.port : 0
}
