/**
 * The forty faults that matter most, and some more, by the numbers of the project's list of faults, and the tests that show what becomes of each on every protocol. `npm run faults` runs
 * them and prints the table; test/wire/fault-table.test.ts holds every name against its file.
 */

export type Column = 'sftp' | 'ftp' | 'ftps' | 'http' | 'local'

export const COLUMNS: readonly Column[] = ['sftp', 'ftp', 'ftps', 'http', 'local']

/** Tests as `file > test > subtest`, all of which must pass; or why there is nothing to test; or `open:` and what is missing. */
export type Cell = readonly string[] | string

export interface FaultRow {
  readonly number: number
  readonly what: string
  readonly cells: Readonly<Record<Column, Cell>>
}

const NO_TLS = 'no TLS'
const TLS_ONLY = 'only with TLS'
const FTP_ONLY = 'only FTP has it'
const HTTP_ONLY = 'only HTTP has it'
const SFTP_ONLY = 'only SFTP has it'
const ON_THE_WIRE = 'on the wire'
const HERE = 'on this machine, the same for every protocol: local'

const e2e = (file: string, ...names: readonly string[]): string => [`test/e2e/${file}.test.ts`, ...names].join(' > ')
const unit = (file: string, ...names: readonly string[]): string => [`test/unit/${file}.test.ts`, ...names].join(' > ')
const contract = (file: string, ...names: readonly string[]): string => [`test/contract/${file}.test.ts`, ...names].join(' > ')
const machine = (file: string, ...names: readonly string[]): string => [`test/machine/${file}.test.ts`, ...names].join(' > ')
const hostile = (file: string, ...names: readonly string[]): string => [`test/hostile/${file}.test.ts`, ...names].join(' > ')
const wire = (file: string, ...names: readonly string[]): string => [`test/wire/${file}.test.ts`, ...names].join(' > ')

type Wire = Readonly<Record<Exclude<Column, 'local'>, readonly string[]>>

/** The same test on the server of each protocol. */
function up(file: string, prefix: string, ...titles: readonly string[]): Wire {
  const on = (name: string): string[] => titles.map((title) => wire(file, prefix + name, title))
  return { sftp: on('sftp: OpenSSH'), ftp: on('ftp: vsftpd'), ftps: on('ftps: ProFTPD'), http: on('http: Apache') }
}

function down(file: string, prefix: string, ...titles: readonly string[]): Wire {
  const on = (name: string): string[] => titles.map((title) => wire(file, prefix + name, title))
  const http = [...on('http: nginx'), ...on('https: nginx')]
  return { sftp: on('sftp: OpenSSH'), ftp: on('ftp: vsftpd'), ftps: on('ftps: ProFTPD'), http }
}

function both(a: Wire, b: Wire): Wire {
  const of = (column: keyof Wire): string[] => [...a[column], ...b[column]]
  return { sftp: of('sftp'), ftp: of('ftp'), ftps: of('ftps'), http: of('http') }
}

const SILENCE = ['sftp: OpenSSH', 'ftp: ProFTPD', 'ftps: ProFTPD', 'http: Apache'] as const

function silence(...titles: readonly string[]): Wire {
  const [sftp, ftp, ftps, http] = SILENCE.map((name) => titles.map((title) => wire('silence', 'silence', name, title)))
  return { sftp: sftp ?? [], ftp: ftp ?? [], ftps: ftps ?? [], http: http ?? [] }
}

const local = (cell: Cell): Readonly<Record<Column, Cell>> => ({ sftp: HERE, ftp: HERE, ftps: HERE, http: HERE, local: cell })

const LIES_ABOUT_READS = 'FTP: servers that lie about reads'
const LIES_ABOUT_WRITES = 'FTP: servers that lie about writes'
const AT_THE_OTHER_END = 'FTP: who is at the other end'
const UPLOADS_OVER_TLS = 'FTPS uploads to servers that lie'
const DOWNLOADS_OVER_TLS = 'FTPS downloads from servers that lie'
const JOURNAL = 'a journal in the cache, over a damaged partial'

export const FAULTS: readonly FaultRow[] = [
  {
    number: 8,
    what: 'certificate expired, of another host, self-signed, changed',
    cells: {
      sftp: 'host keys: 12',
      ftp: NO_TLS,
      ftps: [
        e2e('trust', 'ftps: a certificate that nobody vouches for (vsftpd)'),
        e2e('trust', 'ftps: an expired certificate of a trusted issuer (vsftpd)'),
        e2e('trust', 'ftps-implicit: an expired certificate of a trusted issuer (vsftpd)'),
        ...['explicit', 'implicit'].map((way) =>
          unit(
            'ftp-hostile',
            AT_THE_OTHER_END,
            `a data connection with an expired certificate is untrusted, and nothing is delivered or sent (${way} TLS)`,
          ),
        ),
        unit('ftp-hostile', AT_THE_OTHER_END, 'an unknown certificate is untrusted before any name is sent, and the message holds its pin'),
        wire('logins', 'ftps: another certificate after the connection was cut in the middle'),
      ],
      http: [
        unit('http-tls', 'http tls', 'self-signed, wrong name and expired are untrusted, name the pin, and see no request'),
        wire('logins', 'https: another certificate after the connection was cut in the middle'),
      ],
      local: ON_THE_WIRE,
    },
  },
  {
    number: 9,
    what: 'AUTH TLS refused',
    cells: {
      sftp: FTP_ONLY,
      ftp: NO_TLS,
      ftps: [unit('ftp-hostile', AT_THE_OTHER_END, 'AUTH TLS refused or answered oddly is untrusted, and no name or password is sent')],
      http: FTP_ONLY,
      local: ON_THE_WIRE,
    },
  },
  {
    number: 12,
    what: 'host key unknown or changed, also on a new connection in the middle',
    cells: {
      sftp: [
        e2e('trust', 'sftp: an unknown host key, and the very line that makes it known'),
        unit('sftp-trust', 'sftp trust', 'with another host key nothing is told'),
        wire('logins', 'sftp: another host key after the connection was cut in the middle'),
      ],
      ftp: SFTP_ONLY,
      ftps: SFTP_ONLY,
      http: SFTP_ONLY,
      local: ON_THE_WIRE,
    },
  },
  {
    number: 13,
    what: 'login denied: one try, the partial stays',
    cells: {
      sftp: [wire('logins', 'a wrong password between two attempts: sftp: OpenSSH'), e2e('trust', 'sftp: a wrong password is tried once')],
      ftp: [wire('logins', 'a wrong password between two attempts: ftp: vsftpd'), e2e('trust', 'ftp: a wrong password is tried once')],
      ftps: [wire('logins', 'a wrong password between two attempts: ftps: ProFTPD')],
      http: [wire('logins', 'a wrong password between two attempts: http: Apache'), e2e('trust', 'https: a wrong password is tried once')],
      local: ON_THE_WIRE,
    },
  },
  {
    number: 16,
    what: 'too many connections at login',
    cells: {
      sftp: [wire('crowded', 'sftp: OpenSSH that takes no more connections for now')],
      ftp: [
        wire('crowded', 'ftp: vsftpd that takes no more connections for now'),
        contract('ftp', 'FTP servers: who is let in', 'a connection limit after the password is transient, not denied'),
      ],
      ftps: [unit('ftp-hostile', AT_THE_OTHER_END, 'a full server is transient, not untrusted')],
      http: [unit('http-stat', 'http stat', '404 and 410 are null; others say what they are')],
      local: ON_THE_WIRE,
    },
  },
  {
    number: 18,
    what: 'TLS session reuse demanded on data connections',
    cells: {
      sftp: FTP_ONLY,
      ftp: NO_TLS,
      ftps: [contract('ftp', 'remote contract: vsftpd, TLS'), e2e('resume', 'ftps: vsftpd')],
      http: FTP_ONLY,
      local: ON_THE_WIRE,
    },
  },
  { number: 20, what: 'upload: RST after one byte', cells: { ...up('cuts', 'cuts: ', 'upload, RST at p5, byte 1'), local: ON_THE_WIRE } },
  {
    number: 22,
    what: 'upload: RST at a block edge, and one byte beside it',
    cells: {
      ...up(
        'cuts',
        'cuts: ',
        'upload, RST at p7, before a block edge',
        'upload, RST at p7, block edge',
        'upload, RST at p7, behind a block edge',
      ),
      local: ON_THE_WIRE,
    },
  },
  {
    number: 25,
    what: 'upload: RST after the last byte, the answer is lost',
    cells: { ...up('cuts', 'cuts: ', 'upload, RST at p12, the answer is lost'), local: ON_THE_WIRE },
  },
  {
    number: 30,
    what: 'upload: the server stops reading',
    cells: { ...silence('upload: the other end takes nothing more'), local: ON_THE_WIRE },
  },
  {
    number: 32,
    what: 'upload: everything is dropped silently',
    cells: { ...silence('upload: nothing passes either way', 'upload: both ways are swallowed'), local: ON_THE_WIRE },
  },
  {
    number: 33,
    what: 'upload: the control connection is dead when 226 comes',
    cells: {
      sftp: 'one connection: 25, 32',
      ftp: [wire('silence', 'silence', 'ftp: ProFTPD', 'upload: the control connection is dead when 226 comes')],
      ftps: [wire('silence', 'silence', 'ftps: ProFTPD', 'upload: the control connection is dead when 226 comes')],
      http: 'one connection: 25, 32',
      local: ON_THE_WIRE,
    },
  },
  {
    number: 34,
    what: 'upload: success said before the data was read',
    cells: {
      sftp: [unit('sftp-faults', 'sftp against wrong answers', 'a server that says OK and stores less is a conflict')],
      ftp: [
        unit('ftp-hostile', LIES_ABOUT_WRITES, 'a reset is transient, and 226 before the end is no success'),
        unit('ftp-hostile', LIES_ABOUT_WRITES, '226 counts only with the right size, where the server tells one'),
      ],
      ftps: [
        hostile(
          'ftp-tls',
          'FTPS: success said before the data was read',
          '226 after the first bytes is no success, also where the size is right',
        ),
        hostile('ftp-uploads', UPLOADS_OVER_TLS, '226 before the last byte, verify: auto, continued'),
      ],
      http: [
        unit('http-write', 'http upload', 'a 2xx before the whole body has gone is no success'),
        unit(
          'http-write',
          'http upload',
          'a stored size that is not the sent one is no success; a file that is not found takes nothing back',
        ),
      ],
      local: ON_THE_WIRE,
    },
  },
  {
    number: 35,
    what: 'upload: success, and less was stored, or nothing',
    cells: {
      sftp: [unit('sftp-faults', 'sftp against wrong answers', 'a server that says OK and stores less is a conflict')],
      ftp: [
        unit('ftp-hostile', LIES_ABOUT_WRITES, '226 counts only with the right size, where the server tells one'),
        unit('ftp-hostile', LIES_ABOUT_WRITES, 'a server that says yes to everything and keeps nothing cannot be resumed on'),
      ],
      ftps: [
        hostile('ftp-uploads', UPLOADS_OVER_TLS, '226 and nothing stored, verify: auto'),
        hostile('ftp-uploads', UPLOADS_OVER_TLS, '226 and half of it stored, verify: auto'),
        hostile('ftp-uploads', UPLOADS_OVER_TLS, '226 and half of it stored, verify: auto, continued'),
      ],
      http: [
        unit(
          'http-write',
          'http upload',
          'a stored size that is not the sent one is no success; a file that is not found takes nothing back',
        ),
      ],
      local: ON_THE_WIRE,
    },
  },
  {
    number: 38,
    what: 'a bit flipped in flight',
    cells: {
      sftp: [wire('flips', 'flips: sftp: OpenSSH')],
      ftp: [wire('flips', 'flips: ftp: vsftpd'), wire('flips', 'flips: ftp: ProFTPD')],
      ftps: [wire('flips', 'flips: ftps: ProFTPD')],
      http: [wire('flips', 'flips: http: Apache'), wire('flips', 'flips: http: nginx'), wire('flips', 'flips: https: nginx')],
      local: ON_THE_WIRE,
    },
  },
  {
    number: 41,
    what: 'holes in the partial on the server',
    cells: { ...up('uploads', 'uploads: ', 'a partial with a hole of 98,304 bytes'), local: ON_THE_WIRE },
  },
  {
    number: 43,
    what: 'acknowledged bytes lost or zeroed by a restart of the server',
    cells: {
      ...up(
        'uploads',
        'uploads: ',
        'a partial without the last acknowledged bytes',
        'a partial with zeros for the last acknowledged bytes',
      ),
      local: ON_THE_WIRE,
    },
  },
  {
    number: 44,
    what: 'the server ignores where it should continue',
    cells: {
      sftp: [
        contract('sftp', 'remote contract: rclone serve sftp'),
        unit(
          'sftp-faults',
          'sftp capabilities',
          'the probe is not fooled by a server that fills the start with NULs, and removes its file',
        ),
      ],
      ftp: [e2e('upload-faults', 'upload: ftp-srv, which zeroes what comes before the place of a restart')],
      ftps: [
        e2e('upload-faults', 'upload: ftp-srv under TLS, which zeroes what comes before the place of a restart'),
        hostile('ftp-uploads', UPLOADS_OVER_TLS, 'zeros before the marker, verify: auto, continued'),
      ],
      http: [unit('http-write', 'http probe', 'only a server that writes in place can be continued; the scratch is gone in every case')],
      local: ON_THE_WIRE,
    },
  },
  {
    number: 51,
    what: 'download: too few bytes, and success',
    cells: {
      sftp: [
        unit('sftp-faults', 'sftp against wrong answers', 'a file that shrinks while it is read is source-changed, without a livelock'),
      ],
      ftp: [unit('ftp-hostile', LIES_ABOUT_READS, '226 after too few bytes is transient, or source-changed when the file is shorter now')],
      ftps: [
        hostile('ftp-downloads', DOWNLOADS_OVER_TLS, '226 after 70 kB, again and again: random bytes'),
        hostile('ftp-downloads', DOWNLOADS_OVER_TLS, '226 after nothing: random bytes'),
      ],
      http: [unit('http-read', 'http read', 'a short body is transient, however it ends')],
      local: ON_THE_WIRE,
    },
  },
  {
    number: 52,
    what: 'download: FIN under TLS without its close',
    cells: {
      sftp: TLS_ONLY,
      ftp: NO_TLS,
      ftps: down(
        'cuts',
        'cuts: ',
        'download, FIN at p5, byte 1',
        'download, FIN at p9, 16384',
        'download, FIN at p10, inside the last block',
      ).ftps,
      http: ['download, FIN at p5, byte 1', 'download, FIN at p9, 16384', 'download, FIN at p10, inside the last block'].map((title) =>
        wire('cuts', 'cuts: https: nginx', title),
      ),
      local: ON_THE_WIRE,
    },
  },
  {
    number: 55,
    what: 'download: 206 with a wrong Content-Range, or none',
    cells: {
      sftp: HTTP_ONLY,
      ftp: HTTP_ONLY,
      ftps: HTTP_ONLY,
      http: [
        unit('http-read', 'http read', 'a wrong or missing Content-Range delivers nothing'),
        unit('http-read', 'http read', 'another total than stat told is another file, also without ETag'),
      ],
      local: ON_THE_WIRE,
    },
  },
  {
    number: 56,
    what: 'download: 200 to a range',
    cells: {
      sftp: HTTP_ONLY,
      ftp: HTTP_ONLY,
      ftps: HTTP_ONLY,
      http: [wire('downloads', 'downloads: http: nginx without ranges', '200 to a range: the whole file, once')],
      local: ON_THE_WIRE,
    },
  },
  {
    number: 58,
    what: 'download: another strong ETag',
    cells: {
      sftp: HTTP_ONLY,
      ftp: HTTP_ONLY,
      ftps: HTTP_ONLY,
      http: [
        ...down('downloads', 'downloads: ', 'replaced between the attempts, another time').http,
        e2e('download-faults', 'download: httpsSite', 'replaced on the server between the attempts'),
      ],
      local: ON_THE_WIRE,
    },
  },
  {
    number: 59,
    what: 'download: other content, size and time the same',
    cells: {
      ...down('downloads', 'downloads: ', 'replaced between the attempts, same size and time'),
      http: [
        ...down('downloads', 'downloads: ', 'rebuilt between the attempts, same size, time and middle').http,
        wire('downloads', 'downloads: http: nginx without ETag', 'replaced between the attempts, same size and time'),
      ],
      local: ON_THE_WIRE,
    },
  },
  {
    number: 60,
    what: 'download: REST granted and ignored',
    cells: {
      sftp: FTP_ONLY,
      ftp: [wire('liars', 'ftp: REST is granted, and the file comes from its first byte')],
      ftps: [
        hostile('ftp-downloads', DOWNLOADS_OVER_TLS, 'a marker that is accepted and ignored: random bytes, continued'),
        hostile('ftp-downloads', DOWNLOADS_OVER_TLS, 'a marker that is accepted and ignored: a disk image, continued'),
      ],
      http: 'ranges: 55, 56',
      local: ON_THE_WIRE,
    },
  },
  {
    number: 66,
    what: 'download: reads of no bytes, early end of file',
    cells: {
      sftp: [wire('liars', 'sftp: a read of no bytes, again and again, ends')],
      ftp: SFTP_ONLY,
      ftps: SFTP_ONLY,
      http: SFTP_ONLY,
      local: ON_THE_WIRE,
    },
  },
  {
    number: 69,
    what: 'the local disk is full',
    cells: local([machine('local-disk', 'ftp download: it fills the disk, and goes on when there is room')]),
  },
  {
    number: 73,
    what: 'the source is cut while it is sent',
    cells: {
      ...up('uploads', 'uploads: ', 'the source is cut meanwhile'),
      local: [unit('source', 'shrunk or grown meanwhile')],
    },
  },
  {
    number: 75,
    what: 'the source is changed in place, size and time as before',
    cells: {
      ...up('uploads', 'uploads: ', 'the source is changed in place, size and time as before meanwhile'),
      local: [unit('source', 'changed between hashing and reading, size and time as before: the bytes are not handed out')],
    },
  },
  {
    number: 82,
    what: "the server's disk or quota is full",
    cells: {
      sftp: [
        unit(
          'sftp-faults',
          'sftp against wrong answers',
          'a full disk is no-space, a bare failure is refused, a refused permission is refused',
        ),
        machine('remote-disk', "sftp: OpenSSH: the server's disk is full"),
      ],
      ftp: [
        contract('ftp', 'FTP servers: what only they do', 'Pure-FTPd over quota is no-space'),
        machine('remote-disk', "ftp: vsftpd: the server's disk is full"),
        machine('remote-disk', "ftp: ProFTPD: the server's disk is full"),
      ],
      ftps: [
        contract('ftp', 'FTP servers: what only they do', 'Pure-FTPd over quota is no-space, TLS'),
        machine('remote-disk', "ftps: vsftpd: the server's disk is full"),
        machine('remote-disk', "ftps: ProFTPD: the server's disk is full"),
      ],
      http: [
        unit('http-write', 'http upload', 'replies mean what they say, and the source is let go'),
        machine('remote-disk', "http: Apache mod_dav: the server's disk is full"),
      ],
      local: 'on the server',
    },
  },
  {
    number: 84,
    what: 'permission lost at the rename',
    cells: { ...up('uploads', 'uploads: ', 'permission lost at the rename'), local: 'on the server' },
  },
  {
    number: 89,
    what: 'one byte of the partial changed between the attempts',
    cells: {
      ...both(
        up('uploads', 'uploads: ', 'a partial with one byte changed'),
        down('downloads', 'downloads: ', 'a partial with one byte changed'),
      ),
      local: 'with every protocol',
    },
  },
  {
    number: 93,
    what: 'the answer to the rename is lost, and it was done',
    cells: { ...up('uploads', 'uploads: ', 'the answer to the rename is lost'), local: ON_THE_WIRE },
  },
  {
    number: 96,
    what: 'two jobs, one source, one target',
    cells: {
      ...up('uploads', 'uploads: ', 'two jobs at once with the same file', 'another job was first to rename'),
      local: 'on the server',
    },
  },
  {
    number: 118,
    what: 'no state',
    cells: {
      ...up('uploads', 'uploads: ', 'a partial untouched, and no state'),
      local: [
        e2e('state', 'sftp: a cache', 'emptied between the attempts'),
        e2e('state', 'sftp: a cache', 'that the runner gives no access to'),
      ],
    },
  },
  {
    number: 119,
    what: 'state empty, zeroed, cut, binary',
    cells: local(['empty', 'zeros', 'cut in the middle', 'binary'].map((title) => e2e('state', `sftp: ${JOURNAL}`, title))),
  },
  {
    number: 122,
    what: 'state of another transfer',
    cells: local(['of another step', 'of another source'].map((title) => e2e('state', `sftp: ${JOURNAL}`, title))),
  },
  {
    number: 126,
    what: "an attacker's state that looks valid",
    cells: {
      sftp: ['that claims every byte', 'with the digests of other blocks'].map((title) => e2e('state', `sftp: ${JOURNAL}`, title)),
      ftp: ['that claims every byte', 'with the digests of other blocks'].map((title) => e2e('state', `ftp: ${JOURNAL}`, title)),
      ftps: ['that claims every byte', 'with the digests of other blocks'].map((title) => e2e('state', `ftps: ${JOURNAL}`, title)),
      http: up('uploads', 'uploads: ', 'a partial with zeros for the last acknowledged bytes').http,
      local: 'the cache is never asked for a download',
    },
  },
  {
    number: 129,
    what: 'state cannot be written',
    cells: local([
      e2e('state', 'sftp: a cache', 'that may only be read'),
      unit('keeper', 'a disk or a store that fails only warns, once, and the next checkpoint tries again'),
    ]),
  },
  {
    number: 134,
    what: 'SIGINT at every step',
    cells: {
      ...up(
        'uploads',
        'uploads: ',
        ...['hashing', 'connecting', 'transferring', 'proving', 'committing'].map((phase) => `stopped while ${phase}`),
      ),
      local: [
        e2e('lifecycle', 'sftp: cancelled'),
        e2e('lifecycle', 'ftp: cancelled while it transfers'),
        e2e('lifecycle', 'cancelled while it connects to a server that says nothing'),
      ],
    },
  },
  {
    number: 136,
    what: 'SIGKILL',
    cells: {
      sftp: [e2e('resume', 'sftp: OpenSSH')],
      ftp: [e2e('resume', 'ftp: vsftpd'), e2e('resume', 'ftp: ProFTPD')],
      ftps: [e2e('resume', 'ftps: vsftpd'), e2e('resume', 'ftps: ProFTPD')],
      http: [e2e('resume', 'https: nginx')],
      local: [
        machine('kill-points', 'sftp upload: killed at a call'),
        machine('kill-points', 'sftp download: killed at a call'),
        machine('kill-points', 'ftp upload: killed at a call'),
        machine('kill-points', 'ftp download: killed at a call'),
      ],
    },
  },
]
