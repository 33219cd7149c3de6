import ssh2 from 'ssh2'

type KeyPair = ReturnType<typeof ssh2.utils.generateKeyPairSync>

/** A new Ed25519 pair in OpenSSH's format. ssh2 1.17 now and then writes one that it cannot read again. */
export function newKeyPair(): KeyPair {
  for (;;) {
    const pair = ssh2.utils.generateKeyPairSync('ed25519')
    if (!(ssh2.utils.parseKey(pair.private) instanceof Error)) return pair
  }
}
