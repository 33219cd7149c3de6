/** Servers as the contract suite found them (test/contract, docs/adding-a-protocol.md), as data. There is no profile of numbered parts: the product has no such writer. */

/** Bytes per block of digests in every history. */
export const BLOCK = 16

export interface Profile {
  readonly name: string
  /** How the writer continues a partial; `none`: nothing can be written. */
  readonly resumer: 'whole' | 'append' | 'rewind' | 'positional' | 'none'
  readonly digests: 'none' | 'whole' | 'prefix' | 'any'
  readonly algorithm?: 'sha256' | 'sha512' | 'md5' | 'crc32'
  /**
   * What `stat` tells beside the size: a strong ETag, a weak one, one that is made of time and size, the time of the last change alone, or nothing.
   */
  readonly identity: 'validator' | 'weak' | 'time-size' | 'time' | 'none'
  /** Bytes per network packet. */
  readonly packet: number
  /** Packets in flight that a crash may apply, tear or lose. */
  readonly window: number
  /**
   * Default `atomically`. `never`: not over another file. `refused`, `unsupported`, `conflict`: not at all, and how that is said. `breaks`: it fails inside at each.
   * `none`: there is no such request, and uploads go to the final name itself. `pretends`: it is confirmed, and over another file not done.
   */
  readonly rename?: 'atomically' | 'after-delete' | 'never' | 'refused' | 'unsupported' | 'conflict' | 'breaks' | 'none' | 'pretends'
  /** Names that the server takes: none that begins with a dot, or only those that end as the target does. */
  readonly names?: 'no-dots' | 'own-extension'
  /** The file of the final name cannot be given another one. */
  readonly stays?: true
  /** Permission bits are set, and told: by a look, or by a question of their own. */
  readonly modes?: 'looked at' | 'asked for'
  /** The server copies files by itself. */
  readonly copies?: true
  /** It may say that it will store a file later. */
  readonly accepts?: true
  /** Acknowledges packets one by one. */
  readonly acknowledges?: true
  /** A cache on the way. `stubborn`: also answers those who ask past it, and marks its answers. */
  readonly cache?: 'obedient' | 'stubborn'
  /** The size is not told. */
  readonly unsized?: true
  /** Reading starts at the first byte or not at all. */
  readonly noRanges?: true
  /** Takes files and shows none. */
  readonly writeOnly?: true
  /** Looks that it refuses: always, or now and then. */
  readonly refuses?: Partial<Readonly<Record<'stat' | 'list' | 'read' | 'digest', 'always' | 'sometimes'>>>
  /** Says that nothing is there, whatever is. */
  readonly hides?: true
  /** Says so only when asked for one file, although it lists and opens it. */
  readonly statless?: true
  /** What a listing shows: nothing, or nobody ever learns. */
  readonly lists?: 'nothing' | 'never'
  /** Nothing may be removed. */
  readonly removesNothing?: true
  /** Takes files away at once: partials and what was written to the final name, whatever was written, or what has got the final name. */
  readonly mailbox?: 'closed' | 'all' | 'renamed'
  /** What it has renamed shows some looks later. */
  readonly lags?: true
  /** A broken upload takes the file along. */
  readonly removesBroken?: true
  /** A dead session goes on storing what had arrived. */
  readonly lingers?: true
  /** What was written survives a restart of the server once the upload was confirmed. */
  readonly syncs?: true
  /** Exchanges that may run at once; default 2. */
  readonly connections?: 1
  /** What who wants to read while something is written is told: nobody is let in twice. */
  readonly onlyOne?: 'transient' | 'denied'
  /** What a packet takes, read and written; default no time at all. */
  readonly packetMs?: { readonly read: number; readonly write: number }
  /** A file is only ever shortened to nothing. */
  readonly cannotCut?: true
  /** Every second session refuses to continue files, as a pool of servers behind one name does. */
  readonly fickle?: true
}

const SFTP = { resumer: 'positional', digests: 'none', identity: 'time', packet: 11, window: 4, acknowledges: true } as const
const FTP = { resumer: 'rewind', digests: 'none', identity: 'time', packet: 13, window: 3 } as const
const DAV = { resumer: 'whole', digests: 'none', identity: 'time-size', packet: 14, window: 2, rename: 'after-delete' } as const
const HTTP = { resumer: 'none', digests: 'none', packet: 14, window: 1 } as const

const BLIND = { stat: 'always', list: 'always', read: 'always' } as const
const MOODY = { stat: 'sometimes', list: 'sometimes', read: 'sometimes' } as const

export const PROFILES: readonly Profile[] = [
  { ...SFTP, name: 'openssh', syncs: true, copies: true, modes: 'looked at' },
  { ...SFTP, name: 'openssh-old', connections: 1, packet: 13, window: 3, rename: 'never' },
  { ...SFTP, name: 'sftp-copies', packet: 12, rename: 'never', copies: true, packetMs: { read: 700, write: 100 } },
  { ...SFTP, name: 'sftp-extension', names: 'own-extension', rename: 'never', stays: true, modes: 'looked at' },
  { ...SFTP, name: 'sftp-norename', packet: 13, rename: 'unsupported' },
  {
    ...SFTP,
    name: 'mod_sftp',
    digests: 'whole',
    algorithm: 'sha512',
    packet: 9,
    window: 6,
    syncs: true,
    packetMs: { read: 2000, write: 100 },
  },
  { ...SFTP, name: 'sftp-shell', digests: 'any', algorithm: 'sha256', syncs: true },
  { ...SFTP, name: 'rclone-sftp', resumer: 'whole', packet: 12, window: 2 },
  { ...FTP, name: 'proftpd', digests: 'any', algorithm: 'sha512', copies: true },
  { ...FTP, name: 'proftpd-shipped', resumer: 'whole' },
  { ...FTP, name: 'proftpd-deletes', removesBroken: true, modes: 'asked for' },
  { ...FTP, name: 'vsftpd', lingers: true, packetMs: { read: 700, write: 100 } },
  { ...FTP, name: 'pure-ftpd', resumer: 'append', lingers: true, packetMs: { read: 700, write: 100 } },
  { ...FTP, name: 'ftp-srv', resumer: 'append', packet: 15, window: 2, removesBroken: true },
  { ...FTP, name: 'ftp-prefix', digests: 'prefix', algorithm: 'md5' },
  { ...FTP, name: 'ftp-whole', resumer: 'append', digests: 'whole', algorithm: 'md5' },
  { ...FTP, name: 'ftp-crc', digests: 'any', algorithm: 'crc32' },
  { ...FTP, name: 'ftp-fickle', resumer: 'append', fickle: true },
  { ...FTP, name: 'ftp-dropbox', writeOnly: true },
  { ...FTP, name: 'ftp-keeps', rename: 'never', resumer: 'append' },
  { ...FTP, name: 'ftp-nodots', names: 'no-dots', rename: 'never', modes: 'looked at' },
  { ...FTP, name: 'ftp-norename', rename: 'refused' },
  { ...FTP, name: 'ftp-drops', removesNothing: true, rename: 'refused' },
  { ...SFTP, name: 'sftp-blind', refuses: BLIND },
  { ...SFTP, name: 'sftp-moody', refuses: MOODY },
  { ...SFTP, name: 'sftp-blind-keeps', packet: 13, refuses: BLIND, rename: 'never' },
  { ...SFTP, name: 'sftp-moody-keeps', refuses: MOODY, rename: 'never', copies: true },
  { ...SFTP, name: 'sftp-hides', hides: true },
  { ...SFTP, name: 'sftp-statless', statless: true },
  { ...SFTP, name: 'sftp-pretends', rename: 'pretends' },
  { ...SFTP, name: 'sftp-removes-nothing', removesNothing: true },
  { ...FTP, name: 'ftp-keeps-all', rename: 'never', removesNothing: true },
  { ...FTP, name: 'ftp-lists-nothing', lists: 'nothing' },
  { ...FTP, name: 'ftp-lists-never', lists: 'never', connections: 1 },
  { ...DAV, name: 'dav-pretends', rename: 'pretends' },
  { ...SFTP, name: 'sftp-mailbox', mailbox: 'renamed' },
  { ...SFTP, name: 'sftp-late', lags: true },
  { ...FTP, name: 'ftp-unlooked', refuses: { stat: 'always' } },
  { ...FTP, name: 'ftp-blind-norename', refuses: BLIND, rename: 'refused' },
  { ...FTP, name: 'ftp-mailbox', mailbox: 'closed' },
  { ...FTP, name: 'ftp-takes-all', mailbox: 'all' },
  { ...FTP, name: 'ftp-conflict', rename: 'conflict', digests: 'whole', algorithm: 'md5' },
  { ...DAV, name: 'apache-dav', resumer: 'positional', cannotCut: true, copies: true, onlyOne: 'denied' },
  { ...DAV, name: 'nginx-dav', window: 1, removesBroken: true },
  { ...DAV, name: 'dav-accepts', accepts: true },
  { ...DAV, name: 'dav-untold', unsized: true },
  { ...DAV, name: 'dav-breaks', rename: 'breaks' },
  { ...DAV, name: 'dav-cached', cache: 'stubborn' },
  { ...DAV, name: 'http-put', identity: 'validator', rename: 'none', accepts: true },
  { ...DAV, name: 'dav-moody', refuses: { ...MOODY, digest: 'sometimes' }, digests: 'whole', algorithm: 'md5' },
  { ...DAV, name: 'put-blind', rename: 'none', refuses: BLIND },
  { ...DAV, name: 'put-hidden', rename: 'none', hides: true },
  { ...HTTP, name: 'http-unlooked', identity: 'none', refuses: { stat: 'always' } },
  { ...HTTP, name: 'http-moody', identity: 'time', refuses: { stat: 'sometimes' } },
  { ...HTTP, name: 'http-plain', identity: 'time', noRanges: true },
  { ...HTTP, name: 'http-chunked', identity: 'none', unsized: true },
  { ...HTTP, name: 'http-undated', identity: 'none' },
  { ...HTTP, name: 'http-nginx', identity: 'time-size' },
  { ...HTTP, name: 'http-weak', identity: 'weak' },
  { ...HTTP, name: 'http-cached', identity: 'validator', cache: 'obedient' },
]

/** Nothing can be read back here. */
export function isUnreadable({ writeOnly, refuses, hides, mailbox }: Profile): boolean {
  return writeOnly === true || hides === true || mailbox === 'all' || refuses?.read !== undefined
}

export function profileNamed(name: string): Profile {
  const found = PROFILES.find((profile) => profile.name === name)
  if (found === undefined) throw new Error(`no such profile: ${name}; there are ${PROFILES.map((p) => p.name).join(', ')}`)
  return found
}

export function takesName({ names }: Profile, name: string): boolean {
  if (names === undefined) return true
  return !name.startsWith('.') && (names === 'no-dots' || name.endsWith('.bin'))
}
