/** Who may write to what is published, and that the old file goes last: src/engine/{claim,salvage,staging,publish,tidy,targets,upload-proof}.ts. */
import { type Defence, type Detector, here, simulated, unit } from './defence.ts'

/** The histories that once went wrong. */
const PAST: Detector = { file: 'test/simulation/simulation.test.ts', pattern: 'what once went wrong', histories: 1 }

export const PUBLISH_DEFENCES: readonly Defence[] = [
  {
    name: 'the-first-aside-is-the-old-file',
    protects: 'from putting back what came under the final name instead of the old file',
    edits: [{ file: 'src/engine/asides.ts', find: 'const old = session.keptAsides[0] ?? newest.path', replace: 'const old = newest.path' }],
    detectors: [here('half-copies', 'after half a copy a rename is refused outright')],
  },
  {
    name: 'only-a-whole-successor-lets-the-old-file-go',
    protects: 'from removing the old file because half of what a rename copies stands in its place',
    edits: [
      { file: 'src/engine/asides.ts', find: 'if (isWhole) return dropAside', replace: "if (isWhole || path !== '') return dropAside" },
    ],
    detectors: [here('half-copies', 'a rename that leaves half a copy')],
  },
  {
    name: 'a-confirmed-rename-is-looked-at',
    protects: 'from an old file as long as the new one passing for it, where a rename is confirmed and not done',
    edits: [
      {
        file: 'src/engine/published.ts',
        find: 'return this.replaced(remote, final, signal)',
        replace: 'return final',
      },
    ],
    detectors: [
      here('publish', 'confirmed and not done, and the partial stays'),
      here('publish', 'confirmed and not done, and the partial vanishes'),
    ],
  },
  {
    name: 'nothing-of-an-empty-source-is-kept',
    protects: 'from cutting to nothing what somebody had put in the place of its partial',
    edits: [{ file: 'src/engine/claim.ts', find: ' && session.job.source.size > 0\n', replace: '\n' }],
    detectors: [PAST],
  },
  {
    name: 'a-twin-may-take-the-partial-again',
    protects: 'from a red end of the late one of two runs with the same content',
    edits: [
      { file: 'src/engine/upload.ts', find: ' && !(await twinTurnsUp(session, remote, signal))) return false', replace: ') return false' },
    ],
    detectors: [PAST],
  },
  {
    name: 'untouched-is-said-of-the-old-file',
    protects: 'from calling the new file the old one, untouched, where a rename was refused and done all the same',
    edits: [
      { file: 'src/engine/publish.ts', find: '  session.sawFinal(final, false)\n  // Of a link', replace: '  // Of a link' },
      {
        file: 'src/engine/publish.ts',
        find: '  // Some servers say no and do it all the same. What is',
        replace: '  session.sawFinal(final, false)\n  // Some servers say no and do it all the same. What is',
      },
    ],
    detectors: [PAST],
  },
  {
    name: 'an-unseen-end-asks-for-the-size-again',
    protects: 'from a longer file that passes for its beginning, where nobody may read behind it',
    edits: [
      {
        file: 'src/engine/verify.ts',
        find: "if (end !== 'unknown') return",
        replace: "if (end !== 'later') return 'same'\n  if (end !== null) return",
      },
    ],
    detectors: [PAST],
  },
  {
    name: 'a-name-has-one-process',
    protects: 'from two processes that make, truncate or remove a partial under one name',
    edits: [
      {
        file: 'src/engine/upload-session.ts',
        find: 'partialPath(this.job.path, this.fingerprint, nonce, { appended, shape })',
        replace: "partialPath(this.job.path, this.fingerprint, nonce === '' ? null : '00000000', { appended, shape })",
      },
    ],
    detectors: [here('writers', 'an earlier partial is renamed before')],
  },
  {
    name: 'no-two-append-to-one-file',
    protects: 'from a file that a second process makes longer after the first has published it',
    edits: [{ file: 'src/engine/siblings.ts', find: 'return parts?.tag === tag && !parts.appended', replace: 'return parts?.tag === tag' }],
    detectors: [here('writers', 'a partial that somebody appends to')],
  },
  {
    name: 'who-appends-says-so',
    protects: 'from taking a partial that is being appended to for one that is safe to continue',
    edits: [{ file: 'src/engine/claim.ts', find: 'session.appended = onlyAppends(found)', replace: '' }],
    detectors: [here('writers', 'a partial that somebody appends to')],
  },
  {
    name: 'a-place-rather-than-the-end',
    protects: 'from appending where the server can write at a given place',
    edits: [
      { file: 'src/engine/upload-send.ts', find: '(resumer.rewind ?? (', replace: '((' },
      {
        file: 'src/engine/upload-send.ts',
        find: "plan.kind === 'append' ? resumer.append : undefined",
        replace: "plan.kind === 'append' ? resumer.append : resumer.rewind",
      },
    ],
    detectors: [here('writers', 'a server that writes at a given place')],
  },
  {
    name: 'what-was-kept-is-still-there',
    protects: 'from a hole of zeros, where a server makes a new file when it is told to continue one that was claimed',
    edits: [{ file: 'src/engine/upload-send.ts', find: '    await confirmKept(session, remote, segment.start, signal)\n', replace: '' }],
    detectors: [here('writers', 'made anew when it is continued by name'), simulated('upload', 'vsftpd')],
  },
  {
    name: 'a-run-at-work-is-left-to-finish',
    protects: 'from taking the partial of a run that is alive, so that both prove and send the same bytes again',
    edits: [
      {
        file: 'src/engine/claim.ts',
        find: 'const resting = await whenItRests(session, remote, found, signal)',
        replace: 'const resting = found.path === "" ? await whenItRests(session, remote, found, signal) : found',
      },
    ],
    detectors: [here('writers', 'left to its run')],
  },
  {
    name: 'no-change-is-no-proof',
    protects: 'from a PUT that stored nothing over an older file of the same size',
    edits: [
      {
        file: 'src/engine/upload-proof.ts',
        find: 'isAsBefore(before.file, seen.file)',
        replace: 'before.file.size === -1',
      },
    ],
    detectors: [here('writers', 'shows no change after a PUT')],
  },
  {
    name: 'in-place-is-read-back',
    protects: 'from a blend of two versions that are written to one name at once, taken for one by its length',
    edits: [{ file: 'src/engine/upload-proof.ts', find: '(tree === undefined && finalBefore', replace: '(tree !== null && finalBefore' }],
    detectors: [here('writers', 'the length is no proof')],
  },
  {
    name: 'a-new-file-has-a-new-name',
    protects: 'from making a file again under a name whose file another process may be about to publish',
    edits: [
      {
        file: 'src/engine/upload-send.ts',
        find: `    await discard(session, remote.tree, session.partial, signal)
    session.renew()`,
        replace: '    await discard(session, remote.tree, session.partial, signal)',
      },
    ],
    detectors: [here('writers', 'a file that is begun again')],
  },
  {
    name: 'a-live-partial-is-not-taken',
    protects: 'from publishing a file that a process with another version is still writing to',
    edits: [
      { file: 'src/engine/salvage.ts', find: 'const from = old.ended ? path :', replace: 'const from = old.nonce !== null ? path :' },
      { file: 'src/engine/salvage.ts', find: 'if (!old.ended && tree.copy === undefined) return false', replace: '' },
    ],
    detectors: [here('writers', 'the live partial of another version')],
  },
  {
    name: 'a-live-partial-is-not-removed',
    protects: 'from taking away what another run has sent',
    edits: [
      {
        file: 'src/engine/salvage.ts',
        find: 'if (old.ended) await discard',
        replace: 'if (old.nonce !== null) await discard',
      },
    ],
    detectors: [here('writers', 'the live partial of another version')],
  },
  {
    name: 'a-copy-is-no-partial',
    protects: 'from continuing a file into which the server is still copying older bytes',
    edits: [{ file: 'src/engine/salvage.ts', find: "const to = session.passingPath('copy')", replace: 'const to = session.partial' }],
    detectors: [here('writers', 'where the server copies'), here('writers', 'a copy whose answer is lost')],
  },
  {
    name: 'a-day-before-removal',
    protects: 'from removing the partial of a run that may still be alive',
    edits: [{ file: 'src/engine/tidy.ts', find: 'const ABANDONED_AFTER_MS = 24 * 60', replace: 'const ABANDONED_AFTER_MS = 20 * 60' }],
    detectors: [here('writers', 'goes when it is a day old')],
  },
  {
    name: 'no-time-is-no-age',
    protects: 'from removing the partial of a run that is alive, because a gateway shows it with the time 0 while it is written',
    edits: [{ file: 'src/engine/tidy.ts', find: ' && writtenAtMs > NO_TIME_MS', replace: '' }],
    detectors: [here('writers', 'goes when it is a day old')],
  },
  {
    name: 'the-late-twin-looks',
    protects: 'from sending a file again that another run with the same content has just published',
    edits: [
      {
        file: 'src/engine/upload.ts',
        find: "found.kind === 'offset-conflict') published.mayHold = true",
        replace: "found.kind === 'internal') published.mayHold = true",
      },
    ],
    detectors: [here('writers', 'the late one finds the file in place')],
  },
  {
    name: 'accepted-is-not-stored',
    protects: 'from calling a file stored that the server only accepted (HTTP 202)',
    edits: [
      { file: 'src/engine/upload-proof.ts', find: 'if (session.unacknowledged) return', replace: 'if (session.sentBytes < 0) return' },
    ],
    detectors: [here('writers', 'what a server only accepts')],
    maskedBy: { name: 'no-change-is-no-proof', why: 'what is under the final name shows no change either' },
  },
  {
    name: 'accepted-is-proven-by-content',
    protects: 'from taking the older file of the same size for the one that the server accepted',
    edits: [
      {
        file: 'src/engine/upload-proof.ts',
        find: "if (verdict === 'same') return method\n      if",
        replace: "if (verdict !== 'unknown') return method\n      if",
      },
    ],
    detectors: [here('writers', 'what a server only accepts')],
  },
  {
    name: 'untold-is-no-size',
    protects: 'from the proof `size` where the server told none',
    edits: [
      {
        file: 'src/engine/upload-proof.ts',
        find: "seen.is === 'there' && seen.file.size !== null && lengthTells",
        replace: "seen.is === 'there' && lengthTells",
      },
    ],
    detectors: [here('writers', 'a size that the server does not tell')],
  },
  {
    name: 'renames-are-tried-first',
    protects: 'from sending gigabytes to a server that will not let them be published',
    edits: [
      { file: 'src/engine/staging.ts', find: 'if (refusal !== null) return goDirect(session, remote, refusal, signal)', replace: '' },
    ],
    detectors: [here('publish', 'every rename is answered refused, 196685 bytes')],
  },
  {
    name: 'a-rename-that-says-done-is-looked-at',
    protects: 'from believing that a server renames which only says so',
    edits: [
      {
        file: 'src/engine/staging.ts',
        find: "return (await session.stat(remote, to, signal)).is !== 'missing' ||",
        replace: "return (await session.stat(remote, to, signal)).is !== 'unknown' ||",
      },
    ],
    detectors: [here('upload', 'is found out before the bytes travel')],
  },
  {
    name: 'no-writing-over-the-old-file',
    protects: 'from overwriting the old file in place where nothing can be renamed',
    edits: [
      {
        file: 'src/engine/staging.ts',
        find: "if (publishWithoutRename === 'auto' && !session.nothing",
        replace: "if (publishWithoutRename === 'never' && !session.nothing",
      },
    ],
    detectors: [here('publish', 'every rename is answered refused')],
  },
  {
    name: 'never-means-never',
    protects: 'from writing in place where publish-without-rename: never forbids it',
    edits: [
      {
        file: 'src/engine/staging.ts',
        find: "if (publishWithoutRename === 'never') throw cannotRename(refusal, publishWithoutRename)",
        replace: '',
      },
    ],
    detectors: [here('publish', 'publish-without-rename: nothing there yet')],
  },
  {
    name: 'the-old-file-goes-back',
    protects: 'from leaving nothing under the final name when the new file cannot follow',
    edits: [{ file: 'src/engine/publish.ts', find: '    await putBack(session, remote, [aside], signal)\n', replace: '' }],
    detectors: [here('publish', 'the new file cannot follow')],
  },
  {
    name: 'the-next-run-puts-back',
    protects: 'from leaving nothing under the final name after a process died between the renames',
    edits: [
      {
        file: 'src/engine/asides.ts',
        find: 'if (session.nothingThere && asides.length > 0 && hasTree(remote)) return putBack',
        replace: 'if (session.nothingThere && asides.length < 0 && hasTree(remote)) return putBack',
      },
    ],
    detectors: [here('publish', 'neither can the old one go back')],
  },
  {
    name: 'aside-until-the-new-one-is-there',
    protects: 'from removing the old file before the new one has its name',
    edits: [
      {
        file: 'src/engine/publish.ts',
        find: "  session.previous = { kind: 'aside', path: session.keptAsides[0] ?? aside }\n",
        replace: '  await session.remove(tree, aside, signal)\n',
      },
    ],
    detectors: [here('publish', 'a rename over a file is answered refused')],
  },
  {
    name: 'said-of-the-old-file-is-what-happened',
    protects: 'from saying "untouched" of a file that lies under another name',
    edits: [{ file: 'src/engine/asides.ts', find: "  session.previous = { kind: 'aside', path: old }\n", replace: '' }],
    detectors: [here('publish', 'neither can the old one go back')],
    maskedBy: { name: 'aside-is-remembered', why: 'the renames have said so already' },
  },
  {
    name: 'aside-is-remembered',
    protects: 'from forgetting where the old file is',
    edits: [
      { file: 'src/engine/publish.ts', find: "session.previous = { kind: 'aside', path: session.keptAsides[0] ?? aside }", replace: '' },
    ],
    detectors: [here('publish', 'neither can the old one go back')],
    maskedBy: { name: 'said-of-the-old-file-is-what-happened', why: 'putting back says so too' },
  },
  {
    name: 'two-names-one-file',
    protects: 'from a green step of which one line overwrote the file of another',
    edits: [
      {
        file: 'src/engine/targets.ts',
        find: 'if (digest !== content.blocks[range.start / content.blockSize])',
        replace: "if (digest === '')",
      },
    ],
    detectors: [unit('targets', 'two names of one file')],
  },
  {
    name: 'folded-names-are-refused',
    protects: 'from sending two files to one name on a server that folds letter case',
    edits: [
      {
        file: 'src/engine/targets.ts',
        find: "'looking for the scratch file', signal)).is === 'there'",
        replace: "'looking for the scratch file', signal)).is === 'unknown'",
      },
    ],
    detectors: [unit('targets', 'names that fold together')],
  },
]
