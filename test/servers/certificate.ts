import { execFileSync } from 'node:child_process'
import { appendFileSync, chmodSync, copyFileSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { findServer } from './debian.ts'

export interface TestCertificate {
  readonly keyFile: string
  readonly certificateFile: string
  /** Key and certificate in one file. */
  readonly bothFile: string
  readonly pem: string
}

export type Validity = 'valid' | 'expired'

/** A self-signed certificate in `directory`, for localhost and 127.0.0.1 unless other names are given. */
export function makeCertificate(directory: string, names = 'DNS:localhost,IP:127.0.0.1', validity: Validity = 'valid'): TestCertificate {
  const keyFile = join(directory, 'tls.key')
  const certificateFile = join(directory, 'tls.crt')
  const bothFile = join(directory, 'tls.pem')
  const request = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '3650']
  const subject = ['-subj', '/CN=resumable-transfer-test', '-addext', `subjectAltName=${names}`]
  const openssl = findServer('openssl') ?? 'openssl'
  execFileSync(openssl, [...request, ...subject, '-keyout', keyFile, '-out', certificateFile], { stdio: 'pipe' })
  // Signed again, over yesterday's end: a new one takes no such date.
  const again = ['x509', '-in', certificateFile, '-signkey', keyFile, '-days', '-1', '-out', certificateFile]
  if (validity === 'expired') execFileSync(openssl, again, { stdio: 'pipe' })
  copyFileSync(keyFile, bothFile)
  appendFileSync(bothFile, readFileSync(certificateFile))
  for (const file of [keyFile, bothFile]) chmodSync(file, 0o600)
  return { keyFile, certificateFile, bothFile, pem: readFileSync(certificateFile, 'utf8') }
}

/** `$6$…` of a password, as crypt(3) wants it. */
export function cryptPassword(password: string): string {
  return execFileSync(findServer('openssl') ?? 'openssl', ['passwd', '-6', password], { encoding: 'utf8' }).trim()
}
