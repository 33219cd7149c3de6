import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type InputWorld, inputsFromEnvironment, type LocalKind, parseInputs, unknownInputs } from '../../src/action/inputs.ts'
import { describeEntry, type Job } from '../../src/action/job.ts'
import { TransferError } from '../../src/core/errors.ts'

const PIN = `SHA256:${Buffer.alloc(32, 7).toString('base64').replace('=', '')}`

function world(kinds: Readonly<Record<string, LocalKind>> = {}, windows = false): InputWorld {
  return { localKind: (path) => kinds[path] ?? 'missing', windows, workingDirectory: windows ? 'C:\\work' : '/work' }
}

function job(inputs: Readonly<Record<string, string>>, of = world()): Job {
  return parseInputs(new Map(Object.entries(inputs)), of)
}

function faults(inputs: Readonly<Record<string, string>>, of = world()): readonly string[] {
  try {
    job(inputs, of)
  } catch (error) {
    assert.ok(error instanceof TransferError)
    assert.equal(error.kind, 'invalid-input')
    return error.message.split('\n')
  }
  return []
}

function upload(more: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> {
  return { source: 'a.bin', destination: 'sftp://host/dir/', fingerprint: PIN, ...more }
}

function download(more: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> {
  return { source: 'https://host/a.bin', destination: 'out/', ...more }
}

test('the smallest upload has every default', () => {
  const made = job({ source: 'dist/app.tar.zst', destination: 'sftp://deploy@files.example.com/srv/releases/' })
  assert.equal(made.direction, 'upload')
  assert.equal(made.entries[0]?.url.href, 'sftp://files.example.com/srv/releases/app.tar.zst')
  assert.equal(made.entries[0]?.localPath, 'dist/app.tar.zst')
  assert.equal(made.credentials.username, 'deploy')
  assert.equal(made.credentials.tlsVerify, true)
  assert.deepEqual(made.policy, {
    resume: 'auto',
    verify: 'auto',
    onChange: 'restart',
    publishWithoutRename: 'auto',
    serverDigests: 'auto',
    checksum: null,
  })
  assert.deepEqual(made.pace, { timeoutMs: 30_000, retries: 10 })
  assert.deepEqual(made.state, { kind: 'auto', name: '' })
  assert.equal(made.logLevel, 'standard')
  assert.equal(made.summary, true)
  assert.deepEqual(made.warnings, [])
})

test('upload: source and destination to target URLs', () => {
  for (const [source, destination, ...targets] of [
    ['a.bin', 'sftp://h/x', 'sftp://h/x'],
    ['a.bin', 'sftp://h/x/', 'sftp://h/x/a.bin'],
    ['a.bin', 'sftp://h', 'sftp://h/a.bin'],
    ['a.bin', 'sftp://h/~', 'sftp://h/~/a.bin'],
    ['a.bin', 'sftp://h/~/d/', 'sftp://h/~/d/a.bin'],
    ['a.bin', 'ftp://h//abs/', 'ftp://h//abs/a.bin'],
    ['a.bin', 'ftps://h:990/d/x.bin', 'ftps://h:990/d/x.bin'],
    ['d/a.bin\ne/b.bin', 'sftp://h/x', 'sftp://h/x/a.bin', 'sftp://h/x/b.bin'],
    ['d/a.bin => b/c.bin', 'sftp://h/x', 'sftp://h/x/b/c.bin'],
    ['d/a.bin => ./b/', 'sftp://h/x', 'sftp://h/x/b/a.bin'],
    ['a.bin\r\nb.bin\r\n', 'https://h/x/?k=v', 'https://h/x/a.bin?k=v', 'https://h/x/b.bin?k=v'],
    ['a b%#?\'"&.bin', 'sftp://h/', "sftp://h/a%20b%25%23%3F'%22%26.bin"],
    ['-rf', 'sftp://h/', 'sftp://h/-rf'],
    ['.env', 'sftp://h/', 'sftp://h/.env'],
    ['u\u0308.bin', 'sftp://h/', 'sftp://h/u%CC%88.bin'],
    ['\u00fc.bin', 'sftp://h/', 'sftp://h/%C3%BC.bin'],
    ['a;b.bin', 'ftp://h/', 'ftp://h/a%3Bb.bin'],
    ['a.bin', 'sftp://[::1]:2222/d/', 'sftp://[::1]:2222/d/a.bin'],
    ['a.bin', 'sftp://EXAMPLE.com/', 'sftp://example.com/a.bin'],
    ['a.bin', 'sftp://b\u00fccher.example/', 'sftp://xn--bcher-kva.example/a.bin'],
  ] as const)
    assert.deepEqual(
      job({ source, destination }, world({ [source]: source.includes('?') ? 'file' : 'missing' })).entries.map((entry) => entry.url.href),
      targets,
      `${source} to ${destination}`,
    )
})

test('upload: a name of 255 bytes and names with brackets are fine when the file is there', () => {
  const long = `${'n'.repeat(250)}.bin`
  for (const name of [long, 'a[1].bin', 'a*.bin', 'what?.bin', 'a => b'])
    assert.equal(
      decodeURIComponent(job({ source: name, destination: 'sftp://h/' }, world({ [name]: 'file' })).entries[0]?.url.pathname ?? ''),
      `/${name}`,
    )
})

test('upload: directories, globs and what is no file come later', () => {
  for (const [source, kinds, wanted] of [
    ['dist', { dist: 'directory' }, /directory; directories and globs come in a later release/],
    ['dist/*.zip', {}, /no file has exactly the name .* later release/],
    ['dist/[ab].zip', {}, /later release/],
    ['/dev/x', { '/dev/x': 'other' }, /no plain file/],
    ['~/x', {}, /~ is not expanded/],
  ] as const)
    assert.match(faults(upload({ source }), world(kinds)).join('\n'), wanted, source)
  assert.deepEqual(faults(upload({ source: 'missing.bin' })), [], 'a missing file is the engine to tell')
})

test('download: source and destination to local paths', () => {
  const kinds = { here: 'directory', '.': 'directory' } as const
  for (const [source, destination, ...paths] of [
    ['https://h/d/a.bin', 'x.bin', 'x.bin'],
    ['https://h/d/a.bin', 'out/', 'out/a.bin'],
    ['https://h/d/a.bin', 'here', 'here/a.bin'],
    ['https://h/d/a.bin', '.', 'a.bin'],
    ['https://h/d/a.bin?sig=1', '/abs/', '/abs/a.bin'],
    ['https://h/a.bin\nhttps://h/b.bin', 'out', 'out/a.bin', 'out/b.bin'],
    ['https://h/a.bin => c/d.bin', 'out', 'out/c/d.bin'],
    ['https://h/a.bin => c/', 'out', 'out/c/a.bin'],
    ['sftp://h/a%20%25%5B1%5D.bin', 'out/', 'out/a %[1].bin'],
    ['https://h/a%2Fb => ok', 'out', 'out/ok'],
  ] as const)
    assert.deepEqual(
      job({ source, destination }, world(kinds)).entries.map((entry) => entry.localPath),
      paths,
      `${source} to ${destination}`,
    )
})

test('download: a name out of a URL cannot leave its directory', () => {
  for (const name of ['a%2Fb', 'a%2Fb => c/', '%2e%2e%2Fx', '..%2f..%2fx', 'a%5Cb', '%5c%5cserver%5cshare'])
    assert.match(faults(download({ source: `https://h/d/${name}` })).join('\n'), /cannot be a local file name/, name)
  for (const name of ['con', 'NUL.txt', 'a%3Ab', 'a%3Cb', 'dot.', 'space%20'])
    assert.match(faults(download({ source: `https://h/d/${name}` }), world({}, true)).join('\n'), /cannot be a local file name/, name)
  for (const to of ['../x', '/x', 'a/../../x', '..'])
    assert.match(faults(download({ source: `https://h/a => ${to}` })).join('\n'), /must be a path below the destination/, to)
  for (const to of ['..\\x', 'a\\..\\..\\x', '\\x', 'C:\\x', 'C:x', 'a/con'])
    assert.match(
      faults(download({ source: `https://h/a => ${to}` }), world({}, true)).join('\n'),
      /must be a path below|cannot be a local file name/,
      to,
    )
  assert.match(faults(download({ source: 'https://h/dir/' })).join('\n'), /names no file/)
})

test('which side is remote', () => {
  for (const [source, destination, wanted] of [
    ['https://h/a', 'sftp://h/b', /both URLs/],
    ['a', 'b', /neither source nor destination is a URL/],
    ['a', 'user@host:/srv', /write sftp:\/\/user@host\/path/],
    ['a\nhttps://h/b', 'out', /some lines are URLs and some are local/],
    ['', 'out', /source: is required.*empty/],
    ['a', '', /destination: is required.*empty/],
    ['a', 'scp://h/x', /scheme 'scp:'.*Use sftp/],
    ['a', 'ssh://h/x', /Use sftp/],
    ['a', 's3://bucket/x', /Object stores come in a later release/],
    ['a', 'ftpes://h/x', /Use ftps/],
    ['a', 'sfpt://h/x', /Did you mean 'sftp'/],
    ['a', 'sftp:host/x', /with two slashes/],
    ['file:///a', 'sftp://h/x', /both URLs/],
  ] as const)
    assert.match(faults({ source, destination }).join('\n'), wanted, `${source} to ${destination}`)
  assert.equal(job({ source: 'C:\\a.bin', destination: 'sftp://h/' }, world({}, true)).entries[0]?.url.pathname, '/a.bin')
  assert.equal(job({ source: 'sftp://h/a.bin', destination: 'C:\\x\\' }, world({}, true)).entries[0]?.localPath, 'C:\\x\\a.bin')
})

test('URLs that a parser would quietly change are faults, and none repeats the password', () => {
  for (const [destination, wanted] of [
    ['sftp:///x', /names no host/],
    ['sftp://user:canary@/x', /names no host/],
    ['sftp://h:70000/x', /malformed/],
    ['sftp://h:0/x', /port is 0/],
    ['sftp://u:can/ary@h/x', /malformed/],
    ['sftp://h/a#b', /%23/],
    ['sftp://h/a?b', /%3F/],
    ['sftp://h/a/../b', /'\.\.'/],
    ['sftp://h/a/%2e%2E/b', /'\.\.'/],
    ['sftp://h/a\\b', /backslash/],
    ['sftp://h/100%', /percent-encoded/],
    ['sftp://h/%ff', /percent-encoded/],
    ['sftp://h/a%0Ab', /control character/],
    ['sftp://h/a%00b', /control character/],
    ['sftp://h/a\nb', /control character/],
    ['sftp://h/a\tb', /control character/],
    ['sftp://h/a\u001bb', /control character/],
    ['sftp://u:canary%zz@h/x', /password in the URL is badly percent-encoded/],
    ['sftp://u:canary%0d@h/x', /password in the URL holds a line break/],
  ] as const) {
    const told = faults(upload({ destination })).join('\n')
    assert.match(told, wanted, destination)
    assert.ok(!told.includes('canary'), told)
  }
})

test('userinfo is decoded once, moved and removed; contradictions are faults', () => {
  const made = job(upload({ destination: 'sftp://u%40x:p%2525%3A@h/d/' }))
  assert.equal(made.credentials.username, 'u@x')
  assert.equal(made.credentials.password, 'p%25:')
  assert.equal(made.entries[0]?.url.href, 'sftp://h/d/a.bin')
  assert.match(
    faults(upload({ destination: 'sftp://u@h/', username: 'v' })).join(),
    /username: the input and the URL hold different values/,
  )
  assert.deepEqual(faults(upload({ destination: 'sftp://u:p@h/', username: 'u', password: 'p\n' })), [])
  assert.match(faults(download({ source: 'https://u:1@h/a\nhttps://v:1@h/b' })).join(), /different values for username/)
})

test('control characters in what travels', () => {
  for (const c of ['\r', '\n', '\0', '\t', '\u001b']) {
    const told = (inputs: Readonly<Record<string, string>>): boolean => faults(inputs).length > 0
    if (c !== '\n') assert.ok(told(upload({ source: `a${c}b` })), JSON.stringify(c))
    assert.ok(told(download({ destination: `a${c}b` })))
    assert.ok(told(upload({ token: `a${c}b`, destination: 'https://h/' })))
    assert.ok(told(upload({ 'state-name': `a${c}b` })))
    assert.ok(c === '\n' || c === '\t' || told(upload({ destination: 'https://h/', headers: `X: a${c}b` })))
    for (const name of ['username', 'password'])
      assert.equal(told(upload({ [name]: `a${c}b` })), c === '\r' || c === '\n' || c === '\0', `${name} ${JSON.stringify(c)}`)
  }
  assert.equal(job(upload({ password: ' odd \u001b pass \r\n' })).credentials.password, ' odd \u001b pass ')
})

test('two lines with one target', () => {
  assert.match(faults(upload({ source: 'd/a.bin\ne/a.bin' })).join(), /same target/)
  assert.match(faults(upload({ source: 'd/a.bin => x\nb => ./x' })).join(), /same target/)
  assert.match(faults(download({ source: 'https://h/a\nhttps://g/a' })).join(), /same target/)
  assert.match(faults(download({ source: 'https://h/A\nhttps://h/a' }), world({}, true)).join(), /same target/)
  assert.deepEqual(faults(download({ source: 'https://h/A\nhttps://h/a' })), [])
  assert.match(faults(download({ source: 'https://h/a\nhttps://h/b', destination: 'x' }), world({ x: 'file' })).join(), /is a file/)
})

test('display names are short where they are unique', () => {
  const made = job(upload({ source: 'd/a.bin\ne/a.bin => f/a.bin\nc/b.bin' }))
  assert.deepEqual(
    made.entries.map((entry) => entry.displayName),
    ['d/a.bin', 'e/a.bin', 'b.bin'],
  )
  const down = job(download({ source: 'https://h/x.bin?sig=canary' }))
  const [entry] = down.entries
  assert.ok(entry !== undefined)
  assert.equal(entry.displayName, 'x.bin')
  assert.equal(describeEntry(down, entry), 'https://h/x.bin → out/x.bin')
})

test('scalars: bounds, units and did-you-mean', () => {
  for (const [input, value, wanted] of [
    ['timeout', '999', /timeout: .*milliseconds/],
    ['timeout', '2h', /from 1s to 1h/],
    ['timeout', 'soon', /not a duration/],
    ['retries', '1001', /0 to 1000/],
    ['retries', '-1', /0 to 1000/],
    ['retries', '1.5', /0 to 1000/],
    ['resume', 'nevr', /Did you mean 'never'/],
    ['verify', 'ful', /Did you mean 'full'/],
    ['on-change', 'abort', /none of restart, fail/],
    ['log-level', 'verbos', /Did you mean 'verbose'/],
    ['summary', 'yes', /none of true, false/],
    ['tls-verify', 'flase', /Did you mean 'false'/],
    ['state', 'chache', /Did you mean 'cache'/],
    ['state', 'somewhere', /For a directory write \.\/somewhere/],
  ] as const)
    assert.match(faults(upload({ [input]: value })).join('\n'), wanted, `${input}=${value}`)
  for (const [input, value] of [
    ['timeout', '1000'],
    ['timeout', '1h'],
    ['timeout', ' 45 s '],
    ['retries', '0'],
    ['resume', 'NEVER'],
    ['summary', 'False'],
    ['state', './dir'],
    ['state', '/abs/dir'],
    ['state', 'C:\\dir'],
  ] as const)
    assert.deepEqual(faults(upload({ [input]: value })), [], `${input}=${value}`)
  assert.equal(job(upload({ timeout: '30000' })).pace.timeoutMs, 30_000)
  assert.deepEqual(job(upload({ state: './s', 'state-name': 'n' })).state, { kind: 'directory', directory: './s', name: 'n' })
})

test('fingerprints', () => {
  const bytes = Buffer.alloc(32, 200)
  const hex = bytes.toString('hex')
  const colons = (hex.match(/../g) ?? []).join(':').toUpperCase()
  const same = `SHA256:${bytes.toString('base64').replace('=', '')}`
  const good = [PIN, PIN.replace('SHA256', 'sha256'), hex, colons, bytes.toString('base64'), `256 ${PIN} root@host (ED25519)`]
  for (const pin of good) assert.equal(job(upload({ fingerprint: pin })).credentials.fingerprints.length, 1, pin)
  assert.deepEqual(job(upload({ fingerprint: `${PIN}, ${hex}\n${PIN}` })).credentials.fingerprints, [PIN, same, PIN])
  assert.equal(job(upload({ fingerprint: `256 ${PIN} c (ED25519)` })).credentials.fingerprints[0], PIN)
  for (const [pin, wanted] of [
    ['MD5:aa:bb', /MD5/],
    [Buffer.alloc(16).toString('hex'), /16 bytes instead of 32/],
    [Buffer.alloc(20).toString('hex'), /20 bytes instead of 32/],
    [PIN.slice(0, -3), /bytes instead of 32/],
    ['not a pin', /neither hex nor base64/],
  ] as const)
    assert.match(faults(upload({ fingerprint: pin })).join('\n'), wanted, pin)
})

test('headers', () => {
  const made = job(download({ headers: 'X-A: 1\nAuthorization: Bearer a:b\n' }))
  assert.deepEqual(
    [...made.credentials.headers],
    [
      ['X-A', '1'],
      ['Authorization', 'Bearer a:b'],
    ],
  )
  assert.match(faults(download({ headers: 'no colon canary' })).join(), /line 1 is not of the form/)
  assert.match(faults(download({ headers: 'X A: canary' })).join(), /not of the form/)
  assert.match(faults(download({ headers: 'X: 1\nx: 2' })).join(), /given twice/)
  assert.ok(
    !faults(download({ headers: 'no colon canary' }))
      .join()
      .includes('canary'),
  )
})

test('checksum', () => {
  const sha = 'A'.repeat(64)
  assert.deepEqual(job(download({ checksum: `sha256:${sha}` })).policy.checksum, {
    kind: 'digest',
    algorithm: 'sha256',
    hex: sha.toLowerCase(),
  })
  // As people paste it: in capitals, with other signs, without the name of the algorithm.
  for (const [checksum, algorithm] of [
    [`SHA256:${sha}`, 'sha256'],
    [`sha-256=${sha}`, 'sha256'],
    [`sha256: ${sha}\n`, 'sha256'],
    [sha, 'sha256'],
    [sha + sha, 'sha512'],
    [`SHA512:${sha}${sha}`, 'sha512'],
  ] as const) {
    const made = job(download({ checksum })).policy.checksum
    assert.ok(made?.kind === 'digest' && made.algorithm === algorithm && /^a+$/.test(made.hex), checksum)
  }
  assert.equal(job(download({ checksum: 'https://h/SHA256SUMS' })).policy.checksum?.kind, 'sums')
  for (const [checksum, wanted] of [
    [sha.slice(1), /neither/],
    ['sha256:abc', /64 hex digits, this one has 3/],
    [`sha512:${sha}`, /128 hex digits/],
    ['md5:abc', /neither/],
    ['http://h/SHA256SUMS', /must be https/],
    ['https://u:p@h/SHA256SUMS', /must not hold user name/],
  ] as const)
    assert.match(faults(download({ checksum })).join('\n'), wanted, checksum)
  assert.match(faults(upload({ checksum: `sha256:${sha}` })).join(), /is for downloads/)
  const two = 'https://h/a\nhttps://h/b'
  assert.match(faults(download({ source: two, checksum: `sha256:${sha}` })).join(), /several files/)
  assert.deepEqual(faults(download({ source: two, checksum: 'https://h/SHA256SUMS' })), [])
})

test('credentials that the protocol has no use for', () => {
  const key = '-----BEGIN OPENSSH PRIVATE KEY-----\nx\n-----END OPENSSH PRIVATE KEY-----\n'
  assert.match(faults(upload({ token: 't' })).join(), /token: has no effect with sftp/)
  assert.match(faults(upload({ destination: 'ftp://h/' })).join(), /fingerprint: has no effect with ftp/)
  assert.match(job({ source: 'a', destination: 'ftp://h/', 'private-key': key }).warnings.join(), /'private-key' has no effect with ftp/)
  assert.match(job(upload({ passphrase: 'x' })).warnings.join(), /without 'private-key'/)
  assert.deepEqual(job(upload({ 'private-key': key, passphrase: 'x' })).warnings, [])
  assert.match(faults(download({ source: 'https://a/x\nhttps://b/y', token: 't' })).join(), /different servers/)
  assert.deepEqual(faults(download({ source: 'https://a/x\nhttps://b/y' })), [])
})

test('undeclared inputs are named with what was meant', () => {
  const told = (name: string, value = 'x'): string => unknownInputs(new Map([[name, value]])).join('\n')
  assert.match(told('pasword'), /'pasword': there is no such input. Did you mean 'password'\?/)
  assert.match(told('private_key'), /Did you mean 'private-key'/)
  assert.match(told('host'), /Did you mean 'destination'/)
  assert.match(told('ssh_private_key'), /Did you mean 'private-key'/)
  assert.match(told('exclude', '**/.git*'), /^exclude: is not in this release/)
  assert.match(told('dry-run', 'true'), /not in this release/)
  assert.equal(told('dry-run', 'false'), '')
  assert.equal(told('exclude', ''), '')
  assert.equal(told('source'), '')
  assert.ok(!told('evil\n::stop-commands::x').includes('\n'))
  const env = inputsFromEnvironment({ 'INPUT_PRIVATE-KEY': 'k', INPUT_SOURCE: '', PATH: '/bin', INPUT_: 'x', INPUT_NONE: undefined })
  assert.deepEqual(
    [...env],
    [
      ['private-key', 'k'],
      ['source', ''],
    ],
  )
})

test('every fault is told at once, one a line', () => {
  const told = faults({
    sorce: 'x',
    destination: 'sftp://h:99999/',
    timeout: '0',
    retries: 'x',
    verify: 'y',
    state: 'z',
    fingerprint: 'md5:1',
  })
  for (const wanted of [/^'sorce'/, /^source: is required/, /^timeout/, /^retries/, /^verify/, /^state/, /^fingerprint/])
    assert.ok(
      told.some((line) => wanted.test(line)),
      String(wanted),
    )
  const two = faults(upload({ destination: 'sftp://h:99999/', source: 'a*' }))
  assert.equal(two.length, 2)
})

test('drop-in: the spelling of the most used FTP action', () => {
  const base = { server: 'ftp.example.com', username: 'u', password: 'p', 'local-dir': 'dist/a.zip' }
  for (const [more, href] of [
    [{}, 'ftp://ftp.example.com/a.zip'],
    [{ protocol: 'ftps' }, 'ftps://ftp.example.com/a.zip'],
    [{ protocol: 'ftps-legacy', port: '990' }, 'ftps-implicit://ftp.example.com:990/a.zip'],
    [{ port: '2121' }, 'ftp://ftp.example.com:2121/a.zip'],
    [{ 'server-dir': './public_html/' }, 'ftp://ftp.example.com/public_html/a.zip'],
    [{ 'server-dir': '/srv/x y/' }, 'ftp://ftp.example.com//srv/x%20y/a.zip'],
    [{ 'server-dir': '/' }, 'ftp://ftp.example.com//a.zip'],
    [{ server: '2001:db8::1' }, 'ftp://[2001:db8::1]/a.zip'],
    [{ 'dry-run': 'false', 'dangerous-clean-slate': 'false' }, 'ftp://ftp.example.com/a.zip'],
  ] as const) {
    const made = job({ ...base, ...more })
    assert.equal(made.entries[0]?.url.href, href)
    assert.equal(made.credentials.tlsVerify, true)
  }
  assert.equal(job({ ...base, protocol: 'ftps', security: 'loose' }).credentials.tlsVerify, false)
  assert.equal(job({ ...base, protocol: 'ftps', security: 'strict' }).credentials.tlsVerify, true)
})

test('drop-in: faults', () => {
  const base = { server: 'h', 'local-dir': 'a.zip' }
  for (const [inputs, wanted] of [
    [{ ...base, destination: 'sftp://h/' }, /^destination, server, local-dir: these belong to two spellings/],
    [{ ...base, source: 'x' }, /two spellings/],
    [{ 'local-dir': 'a.zip' }, /server: is required/],
    [{ server: 'h' }, /local-dir: must name one file/],
    [{ ...base, 'local-dir': './dist/' }, /local-dir: must name one file/],
    [{ ...base, 'local-dir': 'dist' }, /local-dir: 'dist' is a directory/],
    [{ ...base, server: 'ftp://h' }, /host name alone/],
    [{ ...base, server: 'h/x' }, /not a host name/],
    [{ ...base, protocol: 'sftp' }, /none of ftp, ftps, ftps-legacy/],
    [{ ...base, port: '0' }, /port: .*1 to 65535/],
    [{ ...base, security: 'losse' }, /Did you mean 'loose'/],
    [{ ...base, security: 'strict', 'tls-verify': 'false' }, /contradicts/],
    [{ ...base, 'server-dir': '../x' }, /'\.\.'/],
    [{ ...base, 'server-dir': 'a\r\nDELE b' }, /line break/],
    [{ ...base, exclude: '**/x' }, /exclude: is not in this release/],
  ] as const)
    assert.match(faults(inputs, world({ dist: 'directory' })).join('\n'), wanted, JSON.stringify(inputs))
})

test('any text at all gives a job or faults, and never anything else', () => {
  const names = [
    'source',
    'destination',
    'username',
    'headers',
    'fingerprint',
    'checksum',
    'state',
    'timeout',
    'server',
    'local-dir',
    'server-dir',
  ]
  const piece = fc.constantFrom(
    'sftp://',
    'https://',
    'h',
    '/',
    '..',
    '%',
    '%2f',
    ' => ',
    '\n',
    '\r',
    '\0',
    '@',
    ':',
    '#',
    '?',
    '[',
    ']',
    'ü',
    '\ud800',
    ' ',
  )
  const text = fc.array(fc.oneof(piece, fc.string({ maxLength: 5 })), { maxLength: 10 }).map((parts) => parts.join(''))
  fc.assert(
    fc.property(fc.dictionary(fc.constantFrom(...names), text), fc.boolean(), (inputs, windows) => {
      if (faults(inputs, world({}, windows)).length > 0) return
      const made = job(inputs, world({}, windows))
      assert.ok(made.entries.length > 0)
      for (const entry of made.entries) {
        assert.equal(entry.url.username + entry.url.password + entry.url.hash, '')
        assert.doesNotMatch(decodeURIComponent(entry.url.pathname) + entry.localPath, /[\r\n\0]/)
      }
    }),
    { seed: 20_260_901, numRuns: 3000 },
  )
})
