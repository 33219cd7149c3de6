/** FTP: replies to PASV and EPSV that lead somewhere else, or nowhere. */
import assert from 'node:assert/strict'
import net from 'node:net'
import { describe, test } from 'node:test'
import { protocol } from '../../src/remotes/ftp/index.ts'
import { startScriptedFtp } from '../servers/scripted-ftp.ts'
import { absent, body, ends, fails, LOGIN, never, silent, witness } from './ordeal.ts'

describe('FTP: a data connection somewhere else', () => {
  test('the address that PASV names is never connected to', async () => {
    let visitors = 0
    const elsewhere = net.createServer((socket) => {
      visitors += 1
      socket.destroy()
    })
    await new Promise<void>((resolve) => elsewhere.listen(0, '127.0.0.2', resolve))
    const port = (elsewhere.address() as net.AddressInfo).port
    const who = witness(900)
    const server = await startScriptedFtp({
      EPSV: '500 no',
      PASV: `227 Entering Passive Mode (127,0,0,2,${port >> 8},${port & 255})`,
      RETR: '150 here',
      STOR: '150 go on',
    })
    const remote = await ends(protocol.open(protocol.parse(new URL(`ftp://127.0.0.1:${server.port}/`), LOGIN), who, never))
    try {
      await fails(
        'transient',
        remote.read('f', { start: 0, end: 10 }, () => undefined, {}, never),
        who,
      )
      await fails('transient', remote.writer?.create('f', 3, body(Buffer.from('abc')), silent, never) ?? absent(), who)
      assert.equal(visitors, 0)
    } finally {
      await ends(remote.close())
      await server.close()
      elsewhere.close()
    }
  })

  for (const reply of [
    '229 (|||0|)',
    '229 (|||99999|)',
    '229 (|1|127.0.0.2|21|)',
    '229 ok',
    '227 (1,2,3,4,5)',
    '227 (127,0,0,1,300,1)',
    '227',
  ])
    test(`a port that is none: ${reply}`, async () => {
      const who = witness(900)
      const server = await startScriptedFtp(reply.startsWith('229') ? { EPSV: reply } : { EPSV: '500 no', PASV: reply })
      const remote = await ends(protocol.open(protocol.parse(new URL(`ftp://127.0.0.1:${server.port}/`), LOGIN), who, never))
      await fails(
        ['refused', 'protocol'],
        remote.read('f', { start: 0, end: 10 }, () => undefined, {}, never),
        who,
      )
      await ends(remote.close())
      await server.close()
    })
})
