/** Servers as the contract suite found them (test/contract, docs/adding-a-protocol.md), as data. There is no profile of numbered parts: the product has no such writer. */
export interface Profile {
  readonly name: string
  /** How the writer continues a partial; `none`: nothing can be written. */
  readonly resumer: 'whole' | 'append' | 'rewind' | 'positional' | 'none'
  readonly digests: 'none' | 'whole' | 'prefix' | 'any'
  readonly algorithm?: 'sha512' | 'md5' | 'crc32'
  /** What `stat` tells beside the size: a strong ETag, the time of the last change, or nothing. */
  readonly identity: 'validator' | 'time' | 'none'
  /** Bytes per network packet. */
  readonly packet: number
  /** Packets in flight that a crash may apply, tear or lose. */
  readonly window: number
  /** Default `atomically`. `none`: uploads go to the final name itself. */
  readonly rename?: 'atomically' | 'after-delete' | 'none'
  /** The size is not told. */
  readonly unsized?: true
  /** Reading starts at the first byte or not at all. */
  readonly noRanges?: true
  /** Takes files and shows none. */
  readonly writeOnly?: true
  /** A broken upload takes the file along. */
  readonly removesBroken?: true
  /** A dead session goes on storing what had arrived. */
  readonly lingers?: true
  /** What was written survives a restart of the server once the upload was confirmed. */
  readonly syncs?: true
  /** A file is only ever shortened to nothing. */
  readonly cannotCut?: true
  /** Every second session refuses to continue files, as a pool of servers behind one name does. */
  readonly fickle?: true
}

export const PROFILES: readonly Profile[] = [
  { name: 'openssh', resumer: 'positional', digests: 'none', identity: 'time', packet: 11, window: 4, syncs: true },
  { name: 'openssh-old', resumer: 'positional', digests: 'none', identity: 'time', packet: 13, window: 3, rename: 'after-delete' },
  { name: 'mod_sftp', resumer: 'positional', digests: 'whole', algorithm: 'sha512', identity: 'time', packet: 9, window: 6, syncs: true },
  { name: 'rclone-sftp', resumer: 'whole', digests: 'none', identity: 'time', packet: 12, window: 2 },
  { name: 'proftpd', resumer: 'rewind', digests: 'any', algorithm: 'sha512', identity: 'time', packet: 13, window: 3 },
  { name: 'proftpd-shipped', resumer: 'whole', digests: 'none', identity: 'time', packet: 13, window: 3 },
  { name: 'proftpd-deletes', resumer: 'rewind', digests: 'none', identity: 'time', packet: 13, window: 3, removesBroken: true },
  { name: 'vsftpd', resumer: 'rewind', digests: 'none', identity: 'time', packet: 13, window: 3, lingers: true },
  { name: 'pure-ftpd', resumer: 'append', digests: 'none', identity: 'time', packet: 13, window: 3, lingers: true },
  { name: 'ftp-srv', resumer: 'append', digests: 'none', identity: 'time', packet: 15, window: 2, removesBroken: true },
  { name: 'ftp-prefix', resumer: 'rewind', digests: 'prefix', algorithm: 'md5', identity: 'time', packet: 13, window: 3 },
  { name: 'ftp-whole', resumer: 'append', digests: 'whole', algorithm: 'md5', identity: 'time', packet: 13, window: 3 },
  { name: 'ftp-crc', resumer: 'rewind', digests: 'any', algorithm: 'crc32', identity: 'time', packet: 13, window: 3 },
  { name: 'ftp-fickle', resumer: 'append', digests: 'none', identity: 'time', packet: 13, window: 3, fickle: true },
  { name: 'ftp-dropbox', resumer: 'rewind', digests: 'none', identity: 'time', packet: 13, window: 3, writeOnly: true },
  {
    name: 'apache-dav',
    resumer: 'positional',
    digests: 'none',
    identity: 'validator',
    packet: 14,
    window: 2,
    rename: 'after-delete',
    cannotCut: true,
  },
  {
    name: 'nginx-dav',
    resumer: 'whole',
    digests: 'none',
    identity: 'validator',
    packet: 14,
    window: 1,
    rename: 'after-delete',
    removesBroken: true,
  },
  { name: 'http-put', resumer: 'whole', digests: 'none', identity: 'validator', packet: 14, window: 2, rename: 'none' },
  { name: 'http-plain', resumer: 'none', digests: 'none', identity: 'time', packet: 14, window: 1, noRanges: true },
  { name: 'http-chunked', resumer: 'none', digests: 'none', identity: 'none', packet: 14, window: 1, unsized: true },
  { name: 'http-undated', resumer: 'none', digests: 'none', identity: 'none', packet: 14, window: 1 },
]

export function profileNamed(name: string): Profile {
  const found = PROFILES.find((profile) => profile.name === name)
  if (found === undefined) throw new Error(`no such profile: ${name}; there are ${PROFILES.map((p) => p.name).join(', ')}`)
  return found
}
