/** HTTP and HTTPS: downloads from any server, uploads by PUT, and WebDAV where there is some. */
import type { Protocol, Remote, RemotePorts } from '../remote.ts'
import { type HttpConfig, parse } from './config.ts'
import { CONNECTIONS_MAX } from './connection.ts'
import { Destinations } from './destinations.ts'
import { type Features, findFeatures } from './features.ts'
import { locate } from './location.ts'
import { davProperties } from './properties.ts'
import { openReader } from './reader.ts'
import type { DavServer } from './server.ts'
import { openSession } from './session.ts'
import { openTree } from './tree.ts'
import { openWriter } from './writer.ts'

export const protocol: Protocol<HttpConfig> = {
  schemes: ['http:', 'https:'],
  defaultPorts: { 'http:': 80, 'https:': 443 },
  parse,
  locate,
  open,
}

async function open(config: HttpConfig, ports: RemotePorts, signal: AbortSignal): Promise<Remote> {
  warnOfDowngrades(config, ports)
  const session = openSession(config, ports)
  try {
    const destinations = new Destinations()
    // A download needs to know nothing but the file: no method is sent but GET.
    const features = session.evidence ? await findFeatures(session, destinations, locate(config.url), signal) : null
    const notes: string[] = []
    const note = (message: string): void => {
      if (!notes.includes(message)) notes.push(message)
    }
    const properties = features?.dav === true ? davProperties(session) : null
    const reader = openReader(session, { directories: features?.moves ?? false, properties, note })
    return {
      protocol: config.url.protocol.slice(0, -1),
      connectionsMax: CONNECTIONS_MAX,
      notes,
      looksByReading: true,
      stat: reader.stat,
      read: reader.read,
      close: session.close,
      ...(features === null ? {} : facets({ session, reader, destinations, properties, made: new Set(), note }, features)),
    }
  } catch (error) {
    await session.close()
    throw error
  }
}

/** Whether PUT is taken only trying shows. */
function facets(server: DavServer, features: Features): Pick<Remote, 'writer' | 'tree'> {
  return { writer: openWriter(server), ...(features.moves ? { tree: openTree(server, features.copies) } : {}) }
}

function warnOfDowngrades(config: HttpConfig, ports: RemotePorts): void {
  if (config.url.protocol === 'http:') {
    ports.warn(`http://${config.url.host} is not encrypted: anybody on the way can read and change what is transferred.`)
    if (Object.keys(config.headers).length > 0) ports.warn(`The credentials for http://${config.url.host} travel in clear text.`)
  } else if (!config.tls.verify && config.tls.pins.length === 0) {
    ports.warn(`tls-verify is false: nobody checks that https://${config.url.host} is the right server.`)
  }
}
