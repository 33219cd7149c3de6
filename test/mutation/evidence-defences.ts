/** What counts as evidence of the server: src/remotes/http, and what the engine and the identity of a file make of it. */
import { type Defence, type Detector, unit } from './defence.ts'

const AT = 'src/remotes/http'
const evidence = (pattern: string): Detector => unit('http-evidence', pattern)
const etags = (pattern: string): Detector => unit('http-etags', pattern)
const gateway: Detector = { file: 'test/wire/caches.test.ts', pattern: 'its answers are not believed' }

export const EVIDENCE_DEFENCES: readonly Defence[] = [
  {
    name: 'http-looks-past-caches',
    protects: 'from a cache that answers for the server, as it may when nobody asks it not to',
    edits: [
      {
        file: `${AT}/session.ts`,
        find: "request.pastCaches === true || (isLook(request) && ports.direction === 'upload')",
        replace: 'request.pastCaches === true || (isLook(request) && ports.timeoutMs < 0)',
      },
    ],
    detectors: [evidence('an upload looks and reads past them'), { file: 'test/wire/caches.test.ts', pattern: 'and obeys' }],
  },
  {
    name: 'http-nobody-else-decides-about-caches',
    protects: 'from a Cache-Control of the user, meant for the stored file, that lets a cache answer',
    edits: [
      {
        file: `${AT}/session.ts`,
        find: '    ...config.headers,\n    ...request.headers,\n    ...asking,\n',
        replace: '    ...asking,\n    ...config.headers,\n    ...request.headers,\n',
      },
    ],
    detectors: [evidence('an upload looks and reads past them')],
  },
  {
    name: 'http-cached-look-shows-nothing',
    protects: 'from "unchanged", or "there is none", by what a cache remembers',
    edits: [
      {
        file: `${AT}/look.ts`,
        find: 'if (session.evidence && isSecondHand(reply))',
        replace: 'if (session.evidence && reply.status < 0)',
      },
    ],
    detectors: [evidence('a look that a cache answers'), evidence('a cached 404, or an older size')],
  },
  {
    name: 'http-cached-bytes-prove-nothing',
    protects: 'from a read-back that reads what a cache has kept',
    edits: [
      { file: `${AT}/reading.ts`, find: '  if (at.session.evidence) requireOrigin(reply)\n', replace: '' },
      { file: `${AT}/reading.ts`, find: '  if (session.evidence) requireOrigin(reply)\n', replace: '' },
    ],
    detectors: [evidence('bytes from a cache prove nothing')],
  },
  {
    name: 'http-cached-end-proves-nothing',
    protects: 'from the end of a file as a cache remembers it',
    edits: [{ file: `${AT}/reading.ts`, find: '  if (session.evidence) requireOrigin(reply)\n', replace: '' }],
    detectors: [evidence('bytes from a cache prove nothing')],
  },
  {
    name: 'http-age-is-a-mark',
    protects: 'from an answer of a cache that leaves nothing but its age',
    edits: [{ file: `${AT}/caches.ts`, find: String.raw`/^\s*0*[1-9]\d*\s*$/.test(age)`, replace: "age === 'old'" }],
    detectors: [evidence('what a cache leaves on its answers'), gateway],
  },
  {
    name: 'http-marks-of-caches',
    protects: 'from an answer of a cache that tells no age',
    edits: [{ file: `${AT}/caches.ts`, find: 'return MARKS.test(name) && SERVED.test(value)', replace: 'return false' }],
    detectors: [evidence('what a cache leaves on its answers')],
  },
  {
    name: 'http-a-cached-directory-is-no-file',
    protects: 'from a failure because a cache answered for a directory',
    edits: [{ file: `${AT}/tree.ts`, find: "if (found === UNSEEN) return 'unseen'", replace: '' }],
    detectors: [evidence('no file in the way')],
  },
  {
    name: 'http-accepted-is-not-stored',
    protects: 'from believing in 202 Accepted while an older file of the same size is there',
    edits: [
      {
        file: `${AT}/writer.ts`,
        find: 'return status === 200 || status === 201 || status === 204',
        replace: 'return status >= 200 && status <= 299',
      },
    ],
    detectors: [evidence('PUT is stored with 200'), evidence('a range that is only accepted')],
  },
  {
    name: 'http-put-off-is-not-done',
    protects: 'from a MOVE that the server has only accepted',
    edits: [
      {
        file: `${AT}/tree.ts`,
        find: 'if (reply.status === 202) throw',
        replace: 'if (reply.status === 202) return\n  if (reply.status < 0) throw',
      },
    ],
    detectors: [evidence('that are put off')],
  },
  {
    name: 'http-copies-replace-nothing',
    protects: 'from a copy in the place of a file of somebody else',
    edits: [{ file: `${AT}/tree.ts`, find: "overwrite: 'F'", replace: "overwrite: 'T'" }],
    detectors: [evidence('that are put off')],
  },
  {
    name: 'http-time-and-size-are-no-validator',
    protects: 'from taking equal time and size for equal content, because an ETag is made of them',
    edits: [
      {
        file: `${AT}/etags.ts`,
        find: 'validator !== null && !isTimeAndSize(validator, size, modifiedAtMs)',
        replace: 'validator !== null',
      },
    ],
    detectors: [etags('stat tells them apart')],
  },
  {
    name: 'http-young-dates-identify-nothing',
    protects: 'from continuing a file that was written again within the second of its date',
    edits: [{ file: `${AT}/look.ts`, find: '|| !isYoung(reply, modifiedAtMs))', replace: '|| reply.status > 0)' }],
    detectors: [etags('a date as young as the reply')],
  },
  {
    name: 'http-weak-etags-are-no-if-range',
    protects: 'from fetching the whole file again, because a weak ETag never matches',
    edits: [{ file: `${AT}/reading.ts`, find: 'validator !== undefined && !isWeak(validator)', replace: 'validator !== undefined' }],
    detectors: [etags('If-Range carries')],
  },
  {
    name: 'http-weak-etags-are-compared',
    protects: 'from bytes of another version whose ETag is weak',
    edits: [{ file: `${AT}/reading.ts`, find: 'opaque(tag) === opaque(validator)', replace: "opaque(tag) !== ''" }],
    detectors: [etags('If-Range carries')],
  },
  {
    name: 'another-etag-is-a-change',
    protects: 'from continuing with another version because its ETag is only weak',
    edits: [{ file: 'src/core/fingerprint.ts', find: '  if (opaqueTag(a) !== opaqueTag(b)) return false\n', replace: '' }],
    detectors: [etags('another ETag, one that is gone'), unit('fingerprint', 'sameFingerprint')],
  },
  {
    name: 'another-date-is-a-change',
    protects: 'from a blend when a young file is rewritten while it is read',
    edits: [{ file: 'src/engine/download.ts', find: 'if (!same || isRedated(fingerprint, file, now))', replace: 'if (!same)' }],
    detectors: [unit('download', 'a file too young for its date')],
  },
  {
    name: 'comparing-asks-past-caches',
    protects: 'from comparing the copy of a cache with itself',
    edits: [
      {
        file: 'src/engine/download-session.ts',
        find: '{ range, sink, pastCaches: true }',
        replace: '{ range, sink, pastCaches: false }',
      },
    ],
    detectors: [unit('download', 'what is kept of a file with a strong validator')],
  },
  {
    name: 'query-is-identity',
    protects: 'from continuing one file of a script with another',
    edits: [{ file: 'src/action/identity.ts', find: "=== '' ? '' :", replace: "!== '' ? '' :" }],
    detectors: [unit('identifying-query', 'the key of a file'), unit('host', 'the identity survives')],
  },
]
