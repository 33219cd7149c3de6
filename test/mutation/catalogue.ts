/** All defences. */

import { BESIDE_DEFENCES } from './beside-defences.ts'
import type { Defence, Edit } from './defence.ts'
import { DISK_DEFENCES } from './disk-defences.ts'
import { DOWNLOAD_DEFENCES } from './download-defences.ts'
import { EVIDENCE_DEFENCES } from './evidence-defences.ts'
import { FINISHED_DEFENCES } from './finished-defences.ts'
import { FTP_DEFENCES } from './ftp-defences.ts'
import { FTP_WAYS_DEFENCES } from './ftp-ways-defences.ts'
import { GREEN_DEFENCES } from './green-defences.ts'
import { HTTP_DEFENCES } from './http-defences.ts'
import { JOURNAL_DEFENCES } from './journal-defences.ts'
import { LOOKS_DEFENCES } from './looks-defences.ts'
import { NAMING_DEFENCES } from './naming-defences.ts'
import { NETWORK_DEFENCES } from './network-defences.ts'
import { OUTLET_DEFENCES } from './outlet-defences.ts'
import { PUBLISH_DEFENCES } from './publish-defences.ts'
import { SCHEDULE_DEFENCES } from './schedule-defences.ts'
import { SECOND_WAY_DEFENCES } from './second-way-defences.ts'
import { SFTP_DEFENCES } from './sftp-defences.ts'
import { SFTP_WAYS_DEFENCES } from './sftp-ways-defences.ts'
import { SHELL_DEFENCES } from './shell-defences.ts'
import { UPLOAD_DEFENCES } from './upload-defences.ts'

/** Bytes first. */
export const DEFENCES: readonly Defence[] = [
  ...UPLOAD_DEFENCES,
  ...BESIDE_DEFENCES,
  ...PUBLISH_DEFENCES,
  ...SECOND_WAY_DEFENCES,
  ...LOOKS_DEFENCES,
  ...DOWNLOAD_DEFENCES,
  ...FINISHED_DEFENCES,
  ...DISK_DEFENCES,
  ...JOURNAL_DEFENCES,
  ...NAMING_DEFENCES,
  ...SFTP_WAYS_DEFENCES,
  ...SFTP_DEFENCES,
  ...SHELL_DEFENCES,
  ...FTP_DEFENCES,
  ...FTP_WAYS_DEFENCES,
  ...HTTP_DEFENCES,
  ...NETWORK_DEFENCES,
  ...EVIDENCE_DEFENCES,
  ...GREEN_DEFENCES,
  ...SCHEDULE_DEFENCES,
  ...OUTLET_DEFENCES,
]

export function editsOf(name: string): readonly Edit[] {
  const found = DEFENCES.find((one) => one.name === name)
  if (found === undefined) throw new Error(`there is no defence called ${name}`)
  return found.edits
}
