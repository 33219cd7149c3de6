/** An account that exists for one server only: a private mount namespace puts our passwd, shadow and PAM files over those of the system. Needs root. */
import { chmodSync, chownSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { cryptPassword } from './certificate.ts'
import { TEST_PASSWORD, TEST_USER } from './server.ts'

const UID = 65_533
const GID = 65_534

/** `directory` gets the files, `home` becomes the account's. */
export function writeAccounts(directory: string, home: string, pamService: string): void {
  writeFileSync(join(directory, 'passwd'), `${readFileSync('/etc/passwd', 'utf8')}${TEST_USER}:x:${UID}:${GID}::${home}:/bin/sh\n`)
  const entry = `${TEST_USER}:${cryptPassword(TEST_PASSWORD)}:19000:0:99999:7:::\n`
  writeFileSync(join(directory, 'shadow'), `${readFileSync('/etc/shadow', 'utf8')}${entry}`, { mode: 0o600 })
  mkdirSync(join(directory, 'pam.d'))
  const pam = ['auth required pam_unix.so', 'account required pam_permit.so', 'session optional pam_permit.so', '']
  writeFileSync(join(directory, 'pam.d', pamService), pam.join('\n'))
  chownSync(home, UID, GID)
  chmodSync(home, 0o755)
}

/** For a shell in a mount namespace of its own; `$1` is the directory. Logins are not written down on this machine. */
export const MOUNT_ACCOUNTS = `mount --bind "$1/passwd" /etc/passwd
mount --bind "$1/shadow" /etc/shadow
mount --bind "$1/pam.d" /etc/pam.d
for log in /var/log/wtmp /var/log/lastlog /run/utmp; do [ ! -e "$log" ] || mount --bind /dev/null "$log"; done`

/** `command` where the account exists, in a process namespace of its own, so that sessions end with the server. */
export function amongAccounts(
  directory: string,
  command: readonly string[],
): { readonly command: string; readonly args: readonly string[] } {
  const flags = ['-m', '--propagation', 'private', '--pid', '--fork', '--kill-child=SIGKILL']
  return { command: 'unshare', args: [...flags, 'sh', '-c', `${MOUNT_ACCOUNTS}\nshift\nexec "$@"`, 'sh', directory, ...command] }
}
