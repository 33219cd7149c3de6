import { createHash } from 'node:crypto'
import { posix, win32 } from 'node:path'
import { identifyingQuery } from './identifying-query.ts'
import type { Job, JobEntry } from './job.ts'

export type Environment = Readonly<Record<string, string | undefined>>

/** A local path that means the same on another machine: below the workspace or the runner's temporary directory, otherwise only its name. */
function portablePath(localPath: string, environment: Environment): string {
  const path = win32.isAbsolute(localPath) && !posix.isAbsolute(localPath) ? win32 : posix
  const slashed = (text: string): string => text.replaceAll('\\', '/')
  if (!path.isAbsolute(localPath)) return posix.normalize(slashed(localPath))
  const roots = [
    ['', environment.GITHUB_WORKSPACE],
    ['temp:', environment.RUNNER_TEMP],
  ] as const
  for (const [mark, root] of roots) {
    if (root === undefined || root === '') continue
    const below = path.relative(root, localPath)
    if (below !== '' && !below.startsWith('..') && !path.isAbsolute(below)) return mark + slashed(below)
  }
  return `elsewhere:${path.basename(localPath)}`
}

/**
 * Sixteen hex digits that tell this transfer's state from every other's and stay the same on a fresh runner. Free of passwords and of a
 * URL's signature, so that a rotated password or a newly signed URL still resumes. Only a name for state: nothing is believed because of it.
 */
export function transferIdentity(job: Job, environment: Environment): string {
  const ends = (entry: JobEntry): readonly string[] => [
    entry.url.protocol,
    entry.url.hostname.toLowerCase(),
    entry.url.port,
    job.credentials.username ?? '',
    entry.url.pathname + markedQuery(entry.url),
    portablePath(entry.localPath, environment),
  ]
  const identity = [
    'resumable-transfer 1',
    environment.GITHUB_REPOSITORY ?? '',
    environment.GITHUB_JOB ?? '',
    environment.GITHUB_ACTION ?? '',
    job.matrix,
    job.state.name,
    job.direction,
    job.entries.map(ends),
  ]
  return createHash('sha256').update(JSON.stringify(identity)).digest('hex').slice(0, 16)
}

/** Which file of the step: by its ends, so that another order of the lines changes nothing. */
export function entryKey({ url, localPath }: JobEntry): string {
  return createHash('sha256')
    .update(`${url.href.replace(/[?#].*$/, '')}${markedQuery(url)}\n${localPath}`)
    .digest('hex')
    .slice(0, 16)
}

/**
 * Which server, account and directory: what is known of it holds for every file there. A digest, because names of hosts and people have no place in a state that
 * travels.
 */
export function placeKey({ url }: JobEntry, username: string | undefined): string {
  const directory = url.pathname.slice(0, url.pathname.lastIndexOf('/') + 1)
  return createHash('sha256')
    .update(JSON.stringify(['place', url.protocol, url.hostname.toLowerCase(), url.port, username ?? '', directory]))
    .digest('hex')
    .slice(0, 16)
}

function markedQuery(url: URL): string {
  const query = identifyingQuery(url)
  return query === '' ? '' : `?${query}`
}
