/** Whom we trust and what we tell: no credential before the server has proved who it is, one try with a wrong one. */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { createStep } from './action.ts'
import { getRemote, MIB, putRemote, randomBytes } from './files.ts'
import { assertComplete, assertFailed } from './outcome.ts'
import { ftpsSite, httpsSite, type Site, sftpSite, vsftpdSite } from './sites.ts'

const bytes = randomBytes(MIB)

function without(site: Site, ...names: readonly string[]): Record<string, string> {
  return Object.fromEntries(Object.entries(site.inputs).filter(([name]) => !names.includes(name)))
}

function uploadStep(t: TestContext, site: Site, inputs: Readonly<Record<string, string>>, secrets: readonly string[] = []) {
  const all = { ...inputs, source: 'a.bin', destination: site.url('a.bin') }
  return createStep(t, { inputs: all, secrets: [...site.secrets, ...secrets] }).then((step) => {
    writeFileSync(step.local('a.bin'), bytes)
    return step
  })
}

function matches(text: string, pattern: RegExp): number {
  return text.match(new RegExp(pattern, 'g'))?.length ?? 0
}

test('sftp: an unknown host key, and the very line that makes it known', async (t) => {
  const site = await sftpSite(t)
  if (site === null) return
  const { password } = site.server
  const step = await uploadStep(t, site, { ...without(site, 'known-hosts', 'private-key'), password })
  const refused = await step.attempt()
  assertFailed(refused, 'untrusted', 4)
  const message = refused.annotations.map((a) => a.message).join('\n')
  assert.match(message, /SHA256:[A-Za-z0-9+/]{43}/)
  const line = /\[127\.0\.0\.1\]:\d+ ssh-ed25519 [A-Za-z0-9+/=]+/.exec(message)?.[0]
  assert.ok(line !== undefined, message)
  const log = readFileSync(join(site.server.directory, 'stdout.log'), 'utf8')
  assert.doesNotMatch(log, /password|publickey|Accepted|Failed/i)
  const run = await step.attempt({ inputs: { 'known-hosts': line } })
  assertComplete(run, { resumed: false, size: MIB })
})

test('sftp: another key than the known one', async (t) => {
  const [site, other] = [await sftpSite(t), await sftpSite(t)]
  if (site === null || other === null) return
  const foreign = other.inputs['known-hosts']?.split(' ').slice(1).join(' ')
  const step = await uploadStep(t, site, { ...site.inputs, 'known-hosts': `[127.0.0.1]:${site.proxy.port} ${foreign}` })
  const refused = await step.attempt()
  assertFailed(refused, 'untrusted', 4)
  // Whole, though the key of the account begins as that of the host does.
  const line = site.inputs['known-hosts']?.trim() ?? ''
  const shown = refused.annotations.map((a) => a.message).join('\n')
  assert.match(line, /^\[127\.0\.0\.1\]:\d+ ssh-ed25519 AAAA/)
  assert.ok(shown.includes(`add this line to known-hosts: ${line}`), shown)
  assert.doesNotMatch(readFileSync(join(site.server.directory, 'stdout.log'), 'utf8'), /publickey|Accepted/i)
})

test('sftp: a wrong password is tried once', async (t) => {
  const site = await sftpSite(t)
  if (site === null) return
  const wrong = 'not-the-password-at-all'
  const step = await uploadStep(t, site, { ...without(site, 'private-key'), password: wrong }, [wrong])
  assertFailed(await step.attempt(), 'denied', 3)
  const log = readFileSync(join(site.server.directory, 'stdout.log'), 'utf8')
  assert.equal(matches(log, /Failed password for/), 1, log)
  assert.equal(getRemote(site, 'a.bin'), null)
})

test('ftp: a wrong password is tried once', async (t) => {
  const site = await vsftpdSite(t)
  if (site === null) return
  const wrong = 'not-the-password-at-all'
  const step = await uploadStep(t, site, { ...site.inputs, password: wrong }, [wrong])
  assertFailed(await step.attempt(), 'denied', 3)
  const log = readFileSync(join(site.server.directory, 'vsftpd.log'), 'utf8')
  assert.equal(matches(log, /FAIL LOGIN/), 1, log)
})

for (const name of ['vsftpd', 'proftpd'] as const) {
  test(`ftps: a certificate that nobody vouches for (${name})`, async (t) => {
    const site = await ftpsSite(t, name)
    if (site === null) return
    const step = await uploadStep(t, site, without(site, 'tls-ca', 'fingerprint'))
    const run = await step.attempt()
    assertFailed(run, 'untrusted', 4)
    assert.match(run.annotations.map((a) => a.message).join('\n'), /([0-9A-F]{2}:){31}[0-9A-F]{2}|[0-9a-f]{64}/)
    // What the server was told: AUTH TLS and nothing that names an account. Its log would show USER and PASS also under TLS.
    if (name === 'vsftpd') assert.doesNotMatch(readFileSync(join(site.server.directory, 'vsftpd.log'), 'utf8'), /USER|PASS /)
    assert.equal(getRemote(site, 'a.bin'), null)
  })
}

for (const scheme of ['ftps', 'ftps-implicit'] as const) {
  test(`${scheme}: an expired certificate of a trusted issuer (vsftpd)`, async (t) => {
    const site = await ftpsSite(t, 'vsftpd', { certificateValidity: 'expired', ...(scheme === 'ftps' ? {} : { implicit: true }) })
    if (site === null) return
    const step = await uploadStep(t, site, site.inputs)
    const run = await step.attempt()
    assertFailed(run, 'untrusted', 4)
    assert.match(run.annotations.map((a) => a.message).join('\n'), /CERT_HAS_EXPIRED/)
    const log = readFileSync(join(site.server.directory, 'vsftpd.log'), 'utf8')
    assert.match(log, /CONNECT/)
    assert.doesNotMatch(log, /USER|PASS /)
    assert.equal(getRemote(site, 'a.bin'), null)
  })
}

test('https: a certificate that nobody vouches for, then its pin', async (t) => {
  const site = await httpsSite(t)
  if (site === null) return
  putRemote(site, 'a.bin', bytes)
  const step = await createStep(t, {
    inputs: { ...without(site, 'tls-ca'), source: site.url('a.bin'), destination: './a.bin' },
    secrets: site.secrets,
  })
  const refused = await step.attempt()
  assertFailed(refused, 'untrusted', 4)
  assert.equal(readFileSync(join(site.server.directory, 'access.log'), 'utf8'), '')
  const pin = /[0-9a-f]{64}/.exec(refused.annotations.map((a) => a.message).join('\n'))?.[0] ?? ''
  const run = await step.attempt({ inputs: { fingerprint: pin } })
  assertComplete(run, { resumed: false, size: MIB })
  assert.ok(readFileSync(step.local('a.bin')).equals(bytes))
})

test('https: a wrong password is tried once', async (t) => {
  const site = await httpsSite(t)
  if (site === null) return
  const wrong = 'not-the-password-at-all'
  const step = await createStep(t, {
    inputs: { ...site.inputs, password: wrong, source: site.url('a.bin').replace('/s/', '/dav/'), destination: './a.bin' },
    secrets: [...site.secrets, wrong],
  })
  assertFailed(await step.attempt(), 'denied', 3)
  assert.equal(matches(readFileSync(join(site.server.directory, 'access.log'), 'utf8'), / 401 /), 1)
})
