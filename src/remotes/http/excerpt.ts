/**
 * The beginning of an unwanted body as plain words for a message: markup and white space out, at most 200 characters. Servers quote what was asked of them, so it
 * is redacted before: a secret may hold what looks like markup.
 */
export function excerptOf(chunks: readonly Uint8Array[], redact: (text: string) => string): string {
  const text = Buffer.concat(chunks).subarray(0, 4096).toString('utf8')
  return redact(text)
    .replace(/<(?:style|script)[^>]*>[^<]*/gi, ' ')
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ')
    .trim()
    .slice(0, 200)
}
