/** Which queries mean another file, and which only another signature. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { identifyingQuery } from '../../src/action/identifying-query.ts'
import { entryKey } from '../../src/action/identity.ts'

const of = (query: string): string => identifyingQuery(new URL(`https://h/a?${query}`))

test('signatures, tokens and expiries say nothing about the file', () => {
  const signed = {
    'AWS, version 4':
      'X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=A%2F1%2Fs3&X-Amz-Date=20130721T201207Z&X-Amz-Expires=9&X-Amz-SignedHeaders=host&X-Amz-Security-Token=t&X-Amz-Signature=f',
    'AWS, version 2': 'AWSAccessKeyId=A&Signature=f%3D&Expires=1141889120',
    'Google, version 4':
      'X-Goog-Algorithm=G&X-Goog-Credential=c&X-Goog-Date=d&X-Goog-Expires=1&X-Goog-SignedHeaders=host&X-Goog-Signature=f',
    'Google, version 2': 'GoogleAccessId=a%40b&Expires=1&Signature=f',
    Azure: 'sv=2022-11-02&st=a&se=b&sr=b&sp=r&spr=https&sip=1.2.3.4&skoid=a&sktid=b&skt=c&ske=d&sks=b&skv=e&sig=f%3D',
    'CloudFront, own policy': 'Policy=eyJ&Signature=f&Key-Pair-Id=K',
    'CloudFront, canned policy': 'Expires=1&Signature=f&Key-Pair-Id=K',
    'Alibaba, version 1': 'OSSAccessKeyId=a&Expires=1&Signature=f&security-token=t',
    'Alibaba, version 4':
      'x-oss-signature-version=OSS4-HMAC-SHA256&x-oss-credential=a&x-oss-date=d&x-oss-expires=1&x-oss-signature=f&x-oss-security-token=t',
    Tencent:
      'q-sign-algorithm=sha1&q-ak=a&q-sign-time=1%3B2&q-key-time=1%3B2&q-header-list=host&q-url-param-list=&q-signature=f&x-cos-security-token=t',
    Huawei: 'AccessKeyId=a&Expires=1&Signature=f&x-obs-security-token=t',
    Akamai: 'hdnts=exp=1~acl=/*~hmac=f',
    'nginx, secure_link': 'md5=f&expires=1',
    GitLab: 'private_token=t&job_token=u',
    generic: 'token=a&access_token=b&auth=c&apikey=d&API_KEY=e&jwt=f&password=g',
  }
  for (const [name, query] of Object.entries(signed)) {
    assert.equal(of(query), '', name)
    assert.equal(of(`file=a.bin&${query}&version=7`), 'file=a.bin&version=7', name)
  }
})

test('everything else does, in whatever order it was written; names that are common belong to a signature only beside it', () => {
  assert.notEqual(of('file=a'), of('file=b'))
  assert.notEqual(of('versionId=1'), of('versionId=2'))
  assert.notEqual(of('x-oss-process=image/resize,w_1'), of('x-oss-process=image/resize,w_2'))
  assert.notEqual(of('part=1&part=2'), of('part=2&part=1'))
  assert.notEqual(of('a'), of('b'))
  assert.equal(of('b=2&a=1'), of('a=1&b=2'))
  assert.equal(of('sr=x&st=1'), 'sr=x&st=1')
  assert.equal(of('policy=1&md5=2'), 'md5=2&policy=1')
  assert.equal(of(''), '')
  assert.equal(of('%E0%A4%A=1&%73ig=x'), '%E0%A4%A=1')
})

test('the key of a file in the journal follows the query, not its signature, and shows neither', () => {
  const key = (query: string): string => entryKey({ url: new URL(`https://h/get${query}`), localPath: 'out', displayName: 'get' })
  assert.match(key('?file=a&sig=secret'), /^[0-9a-f]{16}$/)
  assert.equal(key('?file=a&sig=1'), key('?sig=2&file=a'))
  assert.equal(key('?sig=1'), key(''))
  assert.notEqual(key('?file=a'), key('?file=b'))
  // As before there were queries in it: what was saved must still be found by a newer release.
  assert.equal(key(''), '6f8079740f10baea')
})
