/** Other names, other ways to make room, and the mode of what is replaced: src/engine/{staging,publish,mode,private-partial,upload-session}.ts. */
import { type Defence, here, unit } from './defence.ts'

const ways = (pattern: string) => here('second-ways', pattern)
const STAGING = 'src/engine/staging.ts'
const PUBLISH = 'src/engine/publish.ts'

export const SECOND_WAY_DEFENCES: readonly Defence[] = [
  {
    name: 'a-gateway-that-waits-in-vain-is-no-refusal',
    protects: 'from taking passing answers of a gateway for a server that lets nobody rename',
    edits: [{ file: 'src/remotes/http/errors.ts', find: 'const BUSY = [503, 504]', replace: 'const BUSY = [503]' }],
    detectors: [unit('http-names', 'what is no misreading is told at once')],
  },
  {
    name: 'a-breakdown-voids-what-was-proven',
    protects: 'from publishing what a server lost when it restarted at the rename',
    edits: [
      {
        file: PUBLISH,
        find: '    if (!isRefusal(error)) throw brokenDown(session, error)\n',
        replace: '    if (!isRefusal(error) && brokenDown(session, error) !== session.breakdown) throw error\n',
      },
    ],
    detectors: [{ file: 'test/simulation/simulation.test.ts', pattern: 'what once went wrong', histories: 1 }],
  },
  {
    name: 'who-fails-at-every-rename-says-no',
    protects: 'from a red end on servers whose renames always fail inside',
    edits: [
      { file: STAGING, find: '    if (failsAtRenames(session.manners, error)) session.cannotRename = error\n', replace: '' },
      {
        file: PUBLISH,
        find: ' && isSmall && !session.renames) session.cannotRename = error',
        replace: ' && isSmall && size < 0) throw error',
      },
    ],
    detectors: [ways('fails inside at every rename')],
  },
  {
    name: 'one-failure-is-no-refusal',
    protects: 'from writing to the final name because a server failed once',
    edits: [{ file: 'src/engine/manners.ts', find: 'const BROKEN_MAX = 2', replace: 'const BROKEN_MAX = 1' }],
    detectors: [ways('fails inside at one rename')],
  },
  {
    name: 'a-connection-that-ends-is-no-refusal',
    protects: 'from writing to the final name because the network is bad',
    edits: [
      {
        file: 'src/engine/manners.ts',
        find: ' || !error.brokeDown) return false',
        replace: " || error.kind !== 'transient') return false",
      },
    ],
    detectors: [ways('hangs up at two renames')],
  },
  {
    name: 'what-cannot-be-removed-is-not-made-again',
    protects: 'from scratch files that pile up where nothing may be removed',
    edits: [{ file: STAGING, find: 'keeps === true && mayWriteThere(session)', replace: 'keeps !== undefined && keeps !== true' }],
    detectors: [ways('where nothing may be removed or renamed')],
  },
  {
    name: 'what-stayed-is-remembered',
    protects: 'from scratch files that pile up run by run',
    edits: [{ file: 'src/engine/tidy.ts', find: '  if (!refusal.ofLogin) session.learn({ keeps: true })\n', replace: '' }],
    detectors: [ways('where nothing may be removed or renamed')],
  },
  {
    name: 'a-hidden-name-is-not-the-place',
    protects: 'from a red end, as for a missing directory, where only names with a dot are hidden',
    edits: [{ file: STAGING, find: '!(isHidden || isRefusalOfName(refusal))', replace: '!isRefusalOfName(refusal)' }],
    detectors: [ways('said to be missing, 65536 bytes'), { file: 'test/hostile/http-uploads.test.ts', pattern: 'hidden, 4096 bytes' }],
  },
  {
    name: 'a-missing-place-is-found-empty-handed',
    protects: 'from sending the whole file to a directory that is not there',
    edits: [{ file: STAGING, find: '  if (hidden === undefined || untriedShape', replace: '  if (hidden !== null || untriedShape' }],
    detectors: [{ file: 'test/hostile/http-uploads.test.ts', pattern: 'missing, 200000 bytes' }],
  },
  {
    name: 'a-server-known-not-to-rename-is-asked-first',
    protects: 'from sending what cannot be published to a server of which that is known',
    edits: [
      { file: STAGING, find: 'if (renames === true || (renames === null &&', replace: 'if (renames !== null || (renames === null &&' },
    ],
    detectors: [ways('where nothing was renamed before')],
  },
  {
    name: 'refused-credentials-are-not-tried-again',
    protects: 'from locking the account by asking under other names',
    edits: [{ file: 'src/engine/refusal.ts', find: 'return isRefusal(error) && !error.ofLogin', replace: 'return isRefusal(error)' }],
    detectors: [ways('credentials that are refused')],
  },
  {
    name: 'what-is-there-is-not-written-over',
    protects: 'from writing over the old file where no temporary name is taken',
    edits: [
      {
        file: STAGING,
        find: "(publishWithoutRename === 'auto' && nothingThere)",
        replace: "publishWithoutRename === 'auto'",
      },
    ],
    detectors: [ways('where no temporary name is taken')],
  },
  {
    name: 'found-partials-keep-their-shape',
    protects: 'from losing a partial to a name that is forbidden here',
    edits: [{ file: 'src/engine/claim.ts', find: '  session.namedLike(earlier.path)\n', replace: '' }],
    detectors: [ways('a partial of another shape')],
  },
  {
    name: 'removal-needs-a-rename-that-was-seen',
    protects: 'from removing the old file where nothing can take its place',
    edits: [
      {
        file: PUBLISH,
        find: 'if (cannot !== null || !session.renames) return noRename',
        replace: 'if (cannot === undefined) return noRename',
      },
    ],
    detectors: [here('publish', 'every rename is answered refused, 65536 bytes')],
  },
  {
    name: 'removal-needs-a-whole-successor',
    protects: 'from removing the old file on the strength of a size',
    edits: [{ file: PUBLISH, find: "if (verdict !== 'same' || still", replace: "if (verdict === 'different' || still" }],
    detectors: [ways('is not removed where the new one cannot be read back')],
  },
  {
    name: 'mode-before-the-name',
    protects: 'from publishing a private file for all',
    edits: [{ file: PUBLISH, find: '  await keepMode(session, remote, signal)\n', replace: '' }],
    detectors: [ways('the file that replaces one of mode 755')],
  },
  {
    name: 'private-from-the-first-byte',
    protects: 'from a partial that others can read while it grows',
    edits: [
      { file: 'src/engine/private-partial.ts', find: '(oldMode & OTHERS_READ) !== 0 ||', replace: '(oldMode & OTHERS_READ) === 0 ||' },
    ],
    detectors: [ways('the file that replaces one of mode 600')],
  },
  {
    name: 'mode-asked-before-the-first-byte',
    protects: 'from opening a private file whose mode a look does not tell',
    edits: [{ file: 'src/engine/private-partial.ts', find: '  await learnOldMode(session, remote, signal)\n', replace: '' }],
    detectors: [ways('the mode that a look does not tell')],
  },
  {
    name: 'mode-asked-for-ends-nothing',
    protects: 'from an upload that ends because nobody tells a mode',
    edits: [{ file: 'src/engine/mode.ts', find: ' || times >= ASKS_MAX', replace: '' }],
    detectors: [ways('a mode that nobody can ask for'), ways('a mode that is never set')],
  },
  {
    name: 'no-bits-are-no-mode',
    protects: 'from a new file that nobody can read, because the server prints no bits for any (Microsoft, in the style of Unix)',
    edits: [{ file: 'src/engine/look.ts', find: 'mode === undefined || isMode(mode)', replace: 'mode === undefined || mode >= 0' }],
    detectors: [ways('is none, told by a look')],
  },
  {
    name: 'no-bits-are-no-mode-asked-for',
    protects: 'from the same where a look tells none and LIST is asked',
    edits: [{ file: 'src/engine/mode.ts', find: 'told !== null && isMode(told)', replace: 'told !== null' }],
    detectors: [ways('is none, told by a question')],
  },
  {
    name: 'wider-is-a-warning',
    protects: 'from opening a private file silently',
    edits: [{ file: 'src/engine/mode.ts', find: '  if (isWider) session.warning', replace: '  if (!isWider) session.warning' }],
    detectors: [ways('a mode that is not set is told once')],
  },
  {
    name: 'wrong-credentials-send-no-file',
    protects: 'from sending the whole file, and one wrong password more, after the scratch file was answered 401',
    edits: [{ file: 'src/engine/staging.ts', find: 'if (isRefusal(error) && error.ofLogin) throw error', replace: '' }],
    detectors: [{ file: 'test/hostile/http-uploads.test.ts', pattern: 'two requests tell it' }],
    maskedBy: { name: 'wrong-credentials-look-once', why: 'after the second answer 401 nothing more is sent' },
  },
  {
    name: 'wrong-credentials-look-once',
    protects: 'from locking an account by looking again and again with a wrong password',
    edits: [
      {
        file: 'src/remotes/http/session.ts',
        find: '(isLook(request) || this.#times >= DENIALS_MAX)) throw this.#denial',
        replace: 'this.#times < 0) throw this.#denial',
      },
    ],
    detectors: [{ file: 'test/hostile/http-uploads.test.ts', pattern: 'two requests tell it' }],
  },
  {
    name: 'a-read-that-breaks-down-proves-nothing',
    protects: 'from sending a confirmed file again and again because reading it back is answered 500',
    edits: [
      {
        file: 'src/remotes/http/look.ts',
        find: 'return evidence && reply.status === 500',
        replace: 'return evidence && reply.status === 599',
      },
    ],
    detectors: [{ file: 'test/hostile/http-uploads.test.ts', pattern: 'every look is answered 500' }],
  },
]
