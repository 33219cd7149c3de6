/** HTTPS: bodies that end because somebody ended the TCP connection under their TLS. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { protocol } from '../../src/remotes/http/index.ts'
import { makeCertificate } from '../servers/certificate.ts'
import { pinOf } from '../servers/nginx.ts'
import { rawServer } from '../servers/scripted-http.ts'
import { BEARER, ends, fails, never, witness } from './ordeal.ts'

const SIZE = 200_000
const HALF = Buffer.alloc(SIZE / 2, 7)

describe('HTTPS: a body that ends under its TLS', () => {
  const directory = mkdtempSync(join(tmpdir(), 'rt-hostile-https-'))
  after(() => rmSync(directory, { recursive: true, force: true }))
  const made = makeCertificate(directory)
  const identity = { key: readFileSync(made.keyFile, 'utf8'), cert: made.pem }
  for (const [name, head, kinds] of [
    ['with a length', `HTTP/1.1 200 OK\r\nContent-Length: ${SIZE}\r\n\r\n`, ['transient']],
    ['of a range', `HTTP/1.1 206 x\r\nContent-Range: bytes 0-${SIZE - 1}/${SIZE}\r\nConnection: close\r\n\r\n`, ['transient']],
    ['without any length', 'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n', ['protocol', 'transient']],
    ['in chunks', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n30d40\r\n', ['transient']],
  ] as const)
    test(name, async () => {
      const server = await rawServer((header, socket, _index, under) => {
        if (!header.startsWith('GET')) return void socket.write('HTTP/1.1 200 OK\r\nAllow: GET\r\nContent-Length: 0\r\n\r\n')
        // The end of the TCP connection, and no close_notify.
        socket.write(head)
        socket.write(HALF, () => under.end())
      }, identity)
      const who = witness(3000)
      const config = protocol.parse(new URL('/f', server.origin), { ...BEARER, fingerprints: [pinOf(identity.cert)] })
      const remote = await ends(protocol.open(config, who, never))
      for (const end of [SIZE, Number.POSITIVE_INFINITY])
        await fails(
          kinds,
          remote.read('/f', { start: 0, end }, () => undefined, {}, never),
          who,
        )
      await ends(remote.close())
      await server.close()
    })
})
