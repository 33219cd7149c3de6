import { createCipheriv, createSecretKey } from 'node:crypto'

/** Hex digits of a key and of a check. */
export const CHECK_HEX_LENGTH = 32

/**
 * A keyed 128-bit check of bytes: GMAC, which costs a twentieth of SHA-256. For questions that only this machine asks itself ("is this still the block that I
 * hashed, that I received?"), never for another's. Whoever does not know the key cannot make other bytes with the same check; so the key must be random and
 * secret, and checks must not leave the machine either, because all are made with one nonce.
 */
export function blockCheck(keyHex: string): (bytes: Uint8Array) => string {
  const key = createSecretKey(Buffer.from(keyHex, 'hex'))
  const nonce = Buffer.alloc(12)
  return (bytes) => {
    const mac = createCipheriv('aes-128-gcm', key, nonce)
    mac.setAAD(bytes)
    mac.final()
    return mac.getAuthTag().toString('hex')
  }
}
