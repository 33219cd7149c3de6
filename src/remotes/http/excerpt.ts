/** The beginning of an unwanted body as plain words for a message: markup and white space out, at most 200 characters. */
export function excerptOf(chunks: readonly Uint8Array[]): string {
  const text = Buffer.concat(chunks).subarray(0, 4096).toString('utf8')
  return text
    .replace(/<(?:style|script)[^>]*>[^<]*/gi, ' ')
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ')
    .trim()
    .slice(0, 200)
}
