import assert from 'node:assert/strict'
import net from 'node:net'
import { describe, test } from 'node:test'
import type { FailureKind } from '../../src/core/errors.ts'
import { DataConnection } from '../../src/remotes/ftp/data.ts'
import { networkError } from '../../src/remotes/http/errors.ts'
import { tlsFailureKind } from '../../src/remotes/tls.ts'

describe('errors of TLS', () => {
  const kinds: readonly [string, FailureKind | null, FailureKind | null][] = [
    // code, during the handshake, after it
    ['ERR_SSL_DECRYPTION_FAILED_OR_BAD_RECORD_MAC', 'transient', 'transient'],
    ['ERR_SSL_SSL/TLS_ALERT_BAD_RECORD_MAC', 'transient', 'transient'],
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'untrusted', 'transient'],
    ['ERR_SSL_PACKET_LENGTH_TOO_LONG', 'untrusted', 'transient'],
    ['ERR_SSL_BAD_RECORD_TYPE', 'untrusted', 'transient'],
    ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', 'untrusted', 'untrusted'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'untrusted', 'transient'],
    ['ECONNRESET', null, null],
    ['', null, null],
  ]
  for (const [code, during, after] of kinds) {
    test(`${code || '(none)'}: ${during} in the handshake, ${after} after it`, () => {
      assert.equal(tlsFailureKind(code, false), during)
      assert.equal(tlsFailureKind(code, true), after)
      const thrown = Object.assign(new Error('x'), { code })
      if (during !== null) assert.equal(networkError(thrown, 'https://h', false).kind, during)
      if (after !== null) assert.equal(networkError(thrown, 'https://h', true).kind, after)
    })
  }

  test('a data connection that was secured takes a bad record for damage, before that for another peer', async () => {
    const bad = Object.assign(new Error('wrong version number'), { code: 'ERR_SSL_WRONG_VERSION_NUMBER' })
    for (const [ready, kind] of [
      [Promise.resolve(), 'transient'],
      [new Promise<void>(() => undefined), 'untrusted'],
    ] as const) {
      const socket = new net.Socket()
      const data = new DataConnection(socket, ready)
      await Promise.resolve()
      socket.destroy(bad)
      await new Promise((resolve) => socket.once('close', resolve))
      assert.equal(data.failure?.kind, kind)
    }
  })
})
