/** Content-Encoding on replies to requests that asked for none: a label of what is stored, or a sign that something on the way has changed it. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { labelled } from '../../src/remotes/http/labels.ts'
import { CONTENT, ETAG, fails, never, read, serving } from '../support/http-download.ts'

const DATE = { 'last-modified': 'Mon, 01 Jan 2024 00:00:00 GMT' }

function judged(headers: Record<string, string>, path = '/app.bin'): string {
  return labelled({ status: 200, headers: { 'content-length': '1000', ...headers }, target: { origin: 'https://h', path } })
}

describe('http labels', () => {
  test('names of no coding are none', () => {
    for (const coding of ['', 'identity', 'none', 'None', 'binary', 'UTF-8', 'aws-chunked', 'aws-chunked, identity'])
      assert.equal(judged({ 'content-encoding': coding }), 'plain', coding)
  })

  test('a coding with length and version is stored; without, weak, renamed or varying it may be made on the way', () => {
    for (const coding of ['gzip', 'x-gzip', 'compress', 'br', 'aws-chunked,gzip', 'x-unheard-of']) {
      const gzip = { 'content-encoding': coding }
      assert.equal(judged({ ...gzip, etag: ETAG }), 'stored')
      assert.equal(judged({ ...gzip, ...DATE }), 'stored')
      assert.equal(judged({ ...gzip, 'content-range': 'bytes 0-0/1000', etag: ETAG, 'content-length': '1' }), 'stored')
      for (const more of [{}, { etag: `W/${ETAG}` }, { etag: '"v1-gzip"' }, { etag: '"v1;gzip"' }, { ...DATE, vary: 'Accept-Encoding' }])
        assert.equal(judged({ ...gzip, ...more }), 'doubtful', JSON.stringify(more))
    }
    const chunked = { status: 200, headers: { 'content-encoding': 'gzip', etag: ETAG }, target: { origin: 'https://h', path: '/a.tgz' } }
    assert.equal(labelled(chunked), 'doubtful')
  })

  test('an archive says so itself', () => {
    for (const path of ['/a.tgz', '/a.tar.gz', '/a.svgz?x=.html', '/A.Z'])
      assert.equal(judged({ 'content-encoding': 'x-gzip', vary: 'accept-encoding' }, path), 'stored')
    assert.equal(judged({ 'content-encoding': 'gzip', 'content-type': 'application/x-gzip' }), 'stored')
    assert.equal(judged({ 'content-encoding': 'gzip', etag: `W/${ETAG}` }, '/a.tgz'), 'doubtful')
  })

  test('stored bytes are saved as they came, with a note; doubtful ones only where a digest from elsewhere decides', async (t) => {
    for (const [etag, checked] of [
      [ETAG, false],
      [`W/${ETAG}`, true],
      [`W/${ETAG}`, false],
    ] as const) {
      const remote = await serving(
        t,
        (_request, response) => void response.writeHead(200, { 'content-length': '1000', 'content-encoding': 'gzip', etag }).end(CONTENT),
      )
      assert.equal((await remote.stat('/file', never))?.size, 1000)
      const chunks: Buffer[] = []
      const reading = remote.read('/file', { start: 0, end: 1000 }, (chunk) => void chunks.push(Buffer.from(chunk)), { checked }, never)
      if (etag !== ETAG && !checked) {
        await assert.rejects(reading, { kind: 'protocol', message: /gzip/ })
        continue
      }
      await reading
      assert.ok(Buffer.concat(chunks).equals(CONTENT))
      assert.match(remote.notes.join(), /labelled with the content encoding "gzip"/)
    }
  })

  test('the end of a connection is the end of a file where a digest from elsewhere decides; a changed reply is noted', async (t) => {
    const ending = await serving(t, (_request, response) => {
      response.shouldKeepAlive = false
      response.useChunkedEncodingByDefault = false
      response.writeHead(203, { connection: 'close' }).end(CONTENT)
    })
    await fails('protocol', read(ending, 0, Number.POSITIVE_INFINITY), /complete/)
    const chunks: Buffer[] = []
    const sink = (chunk: Uint8Array): void => void chunks.push(Buffer.from(chunk))
    await ending.read('/file', { start: 0, end: Number.POSITIVE_INFINITY }, sink, { checked: true }, never)
    assert.ok(Buffer.concat(chunks).equals(CONTENT))
    assert.match(ending.notes.join(), /203/)
  })

  test('a header of 18 kB is read', async (t) => {
    const remote = await serving(
      t,
      (_request, response) => void response.writeHead(200, { 'content-length': '1000', 'x-policy': 'p'.repeat(18_000) }).end(CONTENT),
    )
    assert.equal((await remote.stat('/file', never))?.size, 1000)
  })
})
