/** Where the wire is broken: one real server per protocol and direction. */
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { ftpsSite, httpsSite, type Site, sftpSite, vsftpdSite } from '../e2e/sites.ts'
import { startApache } from '../servers/apache.ts'
import { serverOrSkip } from '../servers/debian.ts'
import { startNginx } from '../servers/nginx.ts'
import type { Direction } from '../support/tcp-faults.ts'
import { startTcpProxy } from '../support/tcp-proxy.ts'
import { createRig, putStored, type Rig } from './rig.ts'

export type Way = 'upload' | 'download'
export type Column = 'sftp' | 'ftp' | 'ftps' | 'http'

export interface Ground {
  readonly name: string
  readonly column: Column
  readonly ways: readonly Way[]
  open(t: TestContext): Promise<Site | null>
  /** Where files lie below the server's root. */
  readonly folder: string
  /** Bytes of the file travel as they are, so that a place on the wire is a place in the file. */
  readonly plain: boolean
}

/** nginx without TLS; ranges and strong ETags. */
export async function httpSite(t: TestContext, location = 's'): Promise<Site | null> {
  if (serverOrSkip(t, 'nginx') === null) return null
  const server = await startNginx()
  t.after(() => server.dispose())
  const proxy = await startTcpProxy({ target: { host: server.host, port: server.port } })
  t.after(() => proxy.close())
  return { server, proxy, inputs: {}, secrets: [], channel: 'control', url: (path) => `http://127.0.0.1:${proxy.port}/${location}/${path}` }
}

/** Apache with mod_dav, which takes uploads and can continue them. */
export async function davSite(t: TestContext): Promise<Site | null> {
  if (serverOrSkip(t, 'apache2') === null) return null
  const server = await startApache()
  t.after(() => server.dispose())
  const proxy = await startTcpProxy({ target: { host: server.host, port: server.port } })
  t.after(() => proxy.close())
  const { username, password } = server
  const url = (path: string): string => `http://127.0.0.1:${proxy.port}/dav/${path}`
  return { server, proxy, inputs: { username, password }, secrets: [password], channel: 'control', url }
}

const BOTH: readonly Way[] = ['upload', 'download']

/** ProFTPD also where one would expect vsftpd's TLS: vsftpd keeps a file locked as long as a silent session lasts. */
export const GROUNDS: readonly Ground[] = [
  { name: 'sftp: OpenSSH', column: 'sftp', ways: BOTH, open: sftpSite, folder: '', plain: false },
  { name: 'ftp: vsftpd', column: 'ftp', ways: BOTH, open: vsftpdSite, folder: '', plain: true },
  { name: 'ftps: ProFTPD', column: 'ftps', ways: BOTH, open: (t) => ftpsSite(t, 'proftpd'), folder: '', plain: false },
  { name: 'http: Apache', column: 'http', ways: ['upload'], open: davSite, folder: 'dav', plain: true },
  { name: 'http: nginx', column: 'http', ways: ['download'], open: httpSite, folder: '', plain: true },
  { name: 'https: nginx', column: 'http', ways: ['download'], open: httpsSite, folder: '', plain: false },
]

/** A rig whose file is where its way begins. */
export function laidOut(t: TestContext, ground: Ground, site: Site, way: Way, bytes: Buffer): Rig {
  const rig = createRig(t, site, bytes, { folder: ground.folder })
  if (way === 'download') putStored(rig)
  return rig
}

/** Where the file's bytes are on the wire: on which connection of the channel, counted from the first one of an attempt, and between which bytes of it. */
export interface Span {
  readonly connection: number
  readonly start: number
  readonly end: number
  /** From the first byte of the exchange to the first one of the file. */
  readonly lead: number
}

const TLS_RECORD = 16_384
/** A connection that is cut before the first byte of an answer was idle: it is opened anew, and no try is lost. */
const ANSWER_BEGUN = 8
const TLS_OVERHEAD = 22

/** Measured in an attempt without faults. Everything but some lengths of signatures is the same in every attempt. */
export async function measure(ground: Ground, rig: Rig, way: Way): Promise<Span> {
  const { proxy, channel } = rig.site
  const direction = directionOf(way)
  const size = rig.bytes.length
  const counts = (): number[] => proxy.connections.filter((c) => c.channel === channel).map((c) => c[direction])
  const first = counts().length
  const noted: { before: number[]; after: number[] } = { before: [], after: [] }
  const exchange = way === 'upload' ? 'writer.create' : 'read'
  const result = await rig[way]({
    calls: (method, when) => {
      if (method === exchange) noted[when] = counts()
    },
  })
  assert.equal(result.status, 'complete', result.failure?.message)
  const moved = noted.after.map((bytes, i) => bytes - (noted.before[i] ?? 0))
  const connection = moved.indexOf(Math.max(...moved))
  const end = noted.after[connection] ?? 0
  // A connection of its own begins with its handshake; a header of HTTP lies before the bytes of the file, and its reply may have begun with the look.
  const bytes = ground.plain ? size : size + Math.ceil(size / TLS_RECORD) * TLS_OVERHEAD
  const start =
    ground.plain || ground.column === 'http' || channel === 'data' ? end - bytes : (noted.before[connection] ?? 0) + ANSWER_BEGUN
  return { connection: connection - first, start, end, lead: start - (noted.before[connection] ?? 0) }
}

export function directionOf(way: Way): Direction {
  return way === 'upload' ? 'up' : 'down'
}
