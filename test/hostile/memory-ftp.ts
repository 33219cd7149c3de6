/** An FTP server that does everything right, over files in memory: what the liars of this folder are made of. */
import { once } from 'node:events'
import type net from 'node:net'
import type { Answer, ScriptedSession } from '../servers/scripted-ftp.ts'

export type Answers = Record<string, Answer>

/** The restart marker of a session; used up by the transfer. */
export class Markers {
  readonly #of = new WeakMap<ScriptedSession, number>()

  readonly rest: Answer = (offset, session) => {
    this.#of.set(session, Number(offset))
    session.say(`350 restarting at ${offset}`)
  }

  take(session: ScriptedSession): number {
    const offset = this.#of.get(session) ?? 0
    this.#of.delete(session)
    return offset
  }
}

export const TIME = '20200102030405'

/** RETR that sends what `choose` makes of the file and the marker. */
export function retrieving(
  files: ReadonlyMap<string, Buffer>,
  markers: Markers,
  choose: (file: Buffer, offset: number) => Uint8Array,
  last = '226 done',
): Answer {
  return async (path, session) => {
    const offset = markers.take(session)
    const file = files.get(path)
    if (file === undefined) return session.say('550 no such file')
    session.say('150 here it comes')
    const data = await session.data()
    data.end(choose(file, offset), () => session.say(last))
  }
}

/** STOR or APPE that keeps what `keep` makes of what was there, the marker and what came. */
export function storing(
  files: Map<string, Buffer>,
  markers: Markers,
  keep: (old: Buffer, offset: number, came: Buffer) => Buffer | null,
  last = '226 done',
): Answer {
  return async (path, session) => {
    const offset = markers.take(session)
    session.say('150 go on')
    const kept = keep(files.get(path) ?? Buffer.alloc(0), offset, await drained(await session.data()))
    if (kept !== null) files.set(path, kept)
    session.say(last)
  }
}

async function drained(data: net.Socket): Promise<Buffer> {
  const chunks: Buffer[] = []
  data.on('data', (chunk) => void chunks.push(chunk))
  await once(data, 'close')
  return Buffer.concat(chunks)
}

export function memoryFtp(files: Map<string, Buffer>, markers = new Markers()): Answers {
  let renaming = ''
  return {
    REST: markers.rest,
    RETR: retrieving(files, markers, (file, offset) => file.subarray(offset)),
    STOR: storing(files, markers, (old, offset, came) => Buffer.concat([old.subarray(0, offset), came])),
    APPE: storing(files, markers, (old, _offset, came) => Buffer.concat([old, came])),
    SIZE: (path, session) => session.say(files.has(path) ? `213 ${files.get(path)?.length}` : '550 no such file'),
    MDTM: (path, session) => session.say(files.has(path) ? `213 ${TIME}` : '550 no such file'),
    CWD: (path, session) => session.say(path === '/' || path === 'd' ? '250 there' : '550 no such directory'),
    DELE: (path, session) => session.say(files.delete(path) ? '250 gone' : '550 no such file'),
    RNFR: (path, session) => {
      renaming = path
      session.say(files.has(path) ? '350 to what?' : '550 no such file')
    },
    RNTO: (path, session) => {
      const file = files.get(renaming)
      if (file === undefined) return session.say('550 no such file')
      files.delete(renaming)
      files.set(path, file)
      session.say('250 renamed')
    },
  }
}
