import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'

/** What openssl prints of a certificate by the README's line, and the pin of its public key by the line of curl's manual. */
export function printed(pem: string): { readonly certificate: string; readonly publicKey: string } {
  const openssl = (input: string | Buffer, ...args: readonly string[]): Buffer => execFileSync('openssl', args, { input })
  const key = openssl(pem, 'x509', '-pubkey', '-noout')
  const der = openssl(key, 'pkey', '-pubin', '-outform', 'der')
  return {
    certificate: openssl(pem, 'x509', '-noout', '-fingerprint', '-sha256').toString(),
    publicKey: createHash('sha256').update(der).digest('base64'),
  }
}
