import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type CacheEnvironment, cacheAvailability } from '../../src/action/cache-availability.ts'

describe('cache availability', () => {
  const claims = (ac: unknown): string => `h.${Buffer.from(JSON.stringify({ ac })).toString('base64url')}.s`
  const base: CacheEnvironment = {
    ACTIONS_CACHE_SERVICE_V2: 'True',
    ACTIONS_RESULTS_URL: 'https://results.example/',
    ACTIONS_RUNTIME_TOKEN: 'opaque',
  }
  const cases: readonly (readonly [string, CacheEnvironment, string, RegExp | null])[] = [
    ['everything there', base, 'rw', null],
    ['github.com', { ...base, GITHUB_SERVER_URL: 'https://github.com' }, 'rw', null],
    ['ghe.com', { ...base, GITHUB_SERVER_URL: 'https://octo.ghe.com' }, 'rw', null],
    ['a GHES', { ...base, GITHUB_SERVER_URL: 'https://git.corp.example' }, '', /Enterprise Server/],
    ['a trap host', { ...base, GITHUB_SERVER_URL: 'https://notgithub.com' }, '', /Enterprise Server/],
    ['a broken server URL', { ...base, GITHUB_SERVER_URL: '::' }, '', /GITHUB_SERVER_URL/],
    ['no token', { ...base, ACTIONS_RUNTIME_TOKEN: '' }, '', /no access/],
    ['no URL', { ...base, ACTIONS_RESULTS_URL: undefined }, '', /no access/],
    ['only v1', { ...base, ACTIONS_CACHE_SERVICE_V2: '' }, '', /older cache service/],
    ['a broken URL', { ...base, ACTIONS_RESULTS_URL: 'results' }, '', /not a URL/],
    ['clear text over the internet', { ...base, ACTIONS_RESULTS_URL: 'http://results.example/' }, '', /not https/],
    [
      'clear text to a name that only begins like a private address',
      { ...base, ACTIONS_RESULTS_URL: 'http://10.evil.example/' },
      '',
      /not https/,
    ],
    ['clear text on this machine', { ...base, ACTIONS_RESULTS_URL: 'http://127.0.0.1:80/' }, 'rw', null],
    ['clear text on IPv6 loopback', { ...base, ACTIONS_RESULTS_URL: 'http://[::1]:80/' }, 'rw', null],
    ['clear text in a private network', { ...base, ACTIONS_RESULTS_URL: 'http://172.31.0.9/' }, 'rw', null],
    ['clear text just outside of it', { ...base, ACTIONS_RESULTS_URL: 'http://172.32.0.9/' }, '', /not https/],
    ['mode none', { ...base, ACTIONS_CACHE_MODE: 'none' }, '', /cache-mode does not allow/],
    ['mode read', { ...base, ACTIONS_CACHE_MODE: ' Read ' }, 'r', /cache-mode allows reading only/],
    ['mode write', { ...base, ACTIONS_CACHE_MODE: 'write' }, 'rw', null],
    ['mode write-only', { ...base, ACTIONS_CACHE_MODE: 'write-only' }, 'w', /writing only/],
    ['an unknown mode', { ...base, ACTIONS_CACHE_MODE: 'later' }, 'rw', null],
    [
      'a token that may write',
      { ...base, ACTIONS_RUNTIME_TOKEN: claims('[{"Scope":"a","Permission":1},{"Scope":"b","Permission":3}]') },
      'rw',
      null,
    ],
    ['a read-only token', { ...base, ACTIONS_RUNTIME_TOKEN: claims('[{"Scope":"a","Permission":1}]') }, 'r', /token allows reading only/],
    ['a token without scopes', { ...base, ACTIONS_RUNTIME_TOKEN: claims('[]') }, '', /token does not allow/],
    ['a token of another shape', { ...base, ACTIONS_RUNTIME_TOKEN: claims({ x: 1 }) }, 'rw', null],
    ['a claim that is no list', { ...base, ACTIONS_RUNTIME_TOKEN: claims('{}') }, 'rw', null],
    ['a claim that is no JSON', { ...base, ACTIONS_RUNTIME_TOKEN: 'a.%%%.c' }, 'rw', null],
    ['a list of null', { ...base, ACTIONS_RUNTIME_TOKEN: claims('[null]') }, '', /token/],
  ]
  for (const [name, environment, rights, reason] of cases)
    test(name, () => {
      const found = cacheAvailability(environment)
      assert.equal(`${found.readable ? 'r' : ''}${found.writable ? 'w' : ''}`, rights)
      assert.equal(found.available, rights !== '')
      if (reason === null) assert.equal(found.reason, null)
      else assert.match(found.reason ?? '', reason)
    })
})
