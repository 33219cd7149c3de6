/** What the facets of one Remote share. */
import type { Destinations } from './destinations.ts'
import type { Properties } from './look.ts'
import type { Reader } from './reader.ts'
import type { Session } from './session.ts'

export interface DavServer {
  readonly session: Session
  readonly reader: Reader
  readonly destinations: Destinations
  /** Where PROPFIND was announced. */
  readonly properties: Properties | null
  /** Paths of files that this session has made: no directories, whatever the server lets us see. */
  readonly made: Set<string>
  /** Takes what a person should know about this server. */
  note(message: string): void
}
