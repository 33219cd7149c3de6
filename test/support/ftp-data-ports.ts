/** Makes passive FTP data connections go through the proxy: rewrites the port in replies 227 and 229 of a control connection without TLS. */

/** Opens a way through the proxy to a data port of the server; returns its own port. */
export type OpenDataPort = (serverPort: number) => Promise<number>

/**
 * A rewriter of the server's replies. It holds an unfinished line back until its end comes, and leaves everything alone after a 234, which starts TLS.
 * `host` is the proxy's IPv4 address for 227.
 */
export function ftpReplies(host: string, open: OpenDataPort): (chunk: Buffer) => Promise<Buffer> {
  let held = Buffer.alloc(0)
  let encrypted = false
  return async (chunk) => {
    if (encrypted) return chunk
    held = Buffer.concat([held, chunk])
    const lines: Buffer[] = []
    for (let end = held.indexOf(10); end >= 0 && !encrypted; end = held.indexOf(10)) {
      const line = held.subarray(0, end + 1).toString('latin1')
      held = held.subarray(end + 1)
      encrypted = line.startsWith('234 ')
      lines.push(Buffer.from(await rewriteReply(line, host, open), 'latin1'))
    }
    if (encrypted) lines.push(held)
    return Buffer.concat(lines)
  }
}

async function rewriteReply(line: string, host: string, open: OpenDataPort): Promise<string> {
  const passive = /^227 .*?(\d{1,3}(?:,\d{1,3}){3}),(\d{1,3}),(\d{1,3})/.exec(line)
  if (passive !== null) {
    const port = await open(Number(passive[2]) * 256 + Number(passive[3]))
    return line.replace(`${passive[1]},${passive[2]},${passive[3]}`, `${host.replaceAll('.', ',')},${port >> 8},${port & 255}`)
  }
  const extended = /^229 .*?\|\|\|(\d{1,5})\|/.exec(line)
  return extended === null ? line : line.replace(`|||${extended[1]}|`, `|||${await open(Number(extended[1]))}|`)
}
