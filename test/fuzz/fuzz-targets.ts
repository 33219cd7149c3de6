/** Everything that reads what others have written. */
import { CACHE_TARGETS } from './fuzz-cache.ts'
import { FTP_TARGETS } from './fuzz-ftp.ts'
import { HTTP_TARGETS } from './fuzz-http.ts'
import { INPUT_TARGETS } from './fuzz-inputs.ts'
import { SFTP_TARGETS } from './fuzz-sftp.ts'
import { STATE_TARGETS } from './fuzz-state.ts'
import type { FuzzTarget } from './fuzz-target.ts'
import { TRUST_TARGETS } from './fuzz-trust.ts'

export const FUZZ_TARGETS: readonly FuzzTarget[] = [
  ...STATE_TARGETS,
  ...CACHE_TARGETS,
  ...INPUT_TARGETS,
  ...TRUST_TARGETS,
  ...FTP_TARGETS,
  ...SFTP_TARGETS,
  ...HTTP_TARGETS,
]
