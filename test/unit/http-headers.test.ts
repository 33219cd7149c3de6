import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { contentRangeOf, framingOf, type Reply, retryAfterMsOf, strongValidatorOf } from '../../src/remotes/http/headers.ts'
import { parseMultistatus } from '../../src/remotes/http/multistatus.ts'

function reply(headers: Record<string, string | string[]>): Reply {
  return { status: 200, headers, target: { origin: 'https://example.org', path: '/' } }
}

describe('http headers', () => {
  test('Content-Range', () => {
    const of = (text: string): unknown => contentRangeOf(reply({ 'content-range': text }))
    assert.deepEqual(of('bytes 0-9/100'), { range: { start: 0, end: 10 }, total: 100 })
    assert.deepEqual(of('bytes 5-5/*'), { range: { start: 5, end: 6 }, total: null })
    assert.deepEqual(of('Bytes */100'), { range: null, total: 100 })
    for (const bad of [
      'bytes 0-9',
      'bytes 9-0/100',
      'bytes 0-100/100',
      'items 0-9/100',
      'bytes */*',
      'bytes 0-9/99999999999999999',
      'bytes 0-1/2, bytes 3-4/9',
      '',
    ]) {
      assert.equal(of(bad), null, bad)
    }
  })

  test('only strong ETags are validators', () => {
    assert.equal(strongValidatorOf(reply({ etag: '"abc-1"' })), '"abc-1"')
    for (const weak of ['W/"abc"', 'abc', '"a"b"', '"a", "b"', '']) assert.equal(strongValidatorOf(reply({ etag: weak })), null, weak)
  })

  test('Retry-After in seconds, as a date, and as nonsense', () => {
    assert.equal(retryAfterMsOf(reply({ 'retry-after': '120' })), 120_000)
    const date = 'Wed, 21 Oct 2015 07:28:00 GMT'
    assert.equal(retryAfterMsOf(reply({ 'retry-after': 'Wed, 21 Oct 2015 07:29:30 GMT', date })), 90_000)
    assert.equal(retryAfterMsOf(reply({ 'retry-after': date, date: 'Wed, 21 Oct 2015 07:29:30 GMT' })), 0)
    for (const bad of ['soon', '-5', '1e3', '99999999999', '']) assert.equal(retryAfterMsOf(reply({ 'retry-after': bad })), null, bad)
  })

  test('framing', () => {
    assert.deepEqual(framingOf(reply({ 'content-length': '7' })), { kind: 'length', length: 7 })
    assert.deepEqual(framingOf(reply({ 'transfer-encoding': 'chunked' })), { kind: 'chunked' })
    assert.deepEqual(framingOf(reply({})), { kind: 'close' })
    assert.throws(() => framingOf(reply({ 'transfer-encoding': 'gzip, chunked' })), { kind: 'protocol' })
    assert.throws(() => framingOf(reply({ 'content-length': ['7', '7'] })), { kind: 'protocol' })
  })
})

describe('multistatus', () => {
  test('files and collections under any prefix', () => {
    const xml = `<?xml version="1.0"?><!-- <D:response> --><D:multistatus xmlns:D="DAV:">
<D:response xmlns:lp1="DAV:"><D:href>/d/</D:href><D:propstat><D:prop><lp1:resourcetype><D:collection/></lp1:resourcetype></D:prop></D:propstat></D:response>
<response><href>http://h/d/a&amp;b%20c</href><propstat><prop><resourcetype/><getcontentlength> 12 </getcontentlength></prop></propstat></response>
<x:response><x:href><![CDATA[/d/<e>]]></x:href><x:getcontentlength/></x:response></D:multistatus>`
    assert.deepEqual(parseMultistatus(xml), [
      { href: '/d/', collection: true, size: null },
      { href: 'http://h/d/a&b%20c', collection: false, size: 12 },
      { href: '/d/<e>', collection: false, size: null },
    ])
  })

  test('a hundred thousand entries, and rubbish, in linear time', () => {
    const entry = '<response><href>/d/name</href><getcontentlength>1</getcontentlength></response>'
    assert.equal(parseMultistatus(entry.repeat(100_000)).length, 100_000)
    assert.deepEqual(parseMultistatus('<'.repeat(1_000_000)), [])
    assert.deepEqual(parseMultistatus('<a '.repeat(300_000)), [])
    assert.deepEqual(parseMultistatus('<!--'.repeat(300_000)), [])
  })
})
