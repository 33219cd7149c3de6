/** Whether a reply came out of a cache between us and the server: such a one is no evidence of what the server holds now. */
import { header, type Reply } from './headers.ts'

/** Asks every cache on the way for what the server itself says. Pragma is for those that know only HTTP/1.0. */
export const PAST_CACHES: Readonly<Record<string, string>> = { 'cache-control': 'no-cache', pragma: 'no-cache' }

/**
 * Where caches leave their mark: X-Cache (Squid, Fastly, CloudFront, Azure), X-Cache-Status and X-Proxy-Cache (nginx as people configure it), CF-Cache-Status,
 * Akamai-Cache-Status, CDN-Cache (Bunny), X-Vercel-Cache, X-FastCGI-Cache, X-Srcache-Fetch-Status, X-Drupal-Cache, X-Rack-Cache, X-LiteSpeed-Cache, and what is
 * named like them. Squid's X-Cache-Lookup tells what was found, not what was sent.
 */
const MARKS = /^(?!.*lookup)(?:[a-z0-9-]+-)?(?:sr)?cache(?:-remote|-fetch)?(?:-status)?$/
/** `REVALIDATED`: the server has only compared validators, and the bytes are the cache's. A hit for pass or for miss is none. */
const SERVED =
  /(?<![a-z])(?:(?:refresh)?hit(?![a-z])(?![\s_-]*for)(?![-_](?:pass|miss))|(?:stale|updating|revalidated|fresh|refresh_unmodified)(?![a-z]))/i

/** The header that tells that a cache has answered, or null. `Age: 0` alone is the server's own answer: Varnish and Fastly put it on those that they pass on. */
export function cacheMarkOf(reply: Reply): string | null {
  for (const name of Object.keys(reply.headers)) {
    const value = header(reply, name)
    if (value !== null && isMark(name.toLowerCase(), value)) return name
  }
  return null
}

function isMark(name: string, value: string): boolean {
  if (name === 'age') return value.split(',').some((age) => /^\s*0*[1-9]\d*\s*$/.test(age))
  // RFC 9211: `ExampleCache; hit`, a list of all caches on the way.
  if (name === 'cache-status') return /;\s*hit\s*(?:=\s*\?1\s*)?(?:[;,]|$)/i.test(value)
  // Varnish: the number of this request, and on a hit that of the one which filled the cache.
  if (name === 'x-varnish') return /^\s*\d+\s+\d+/.test(value)
  if (name === 'x-cache-hits') return /(?:^|,)\s*0*[1-9]/.test(value)
  // RFC 7234: a stale reply, a failed revalidation, a cache that is cut off.
  if (name === 'warning') return /(?:^|,)\s*11[0-2]\b/.test(value)
  return MARKS.test(name) && SERVED.test(value)
}
