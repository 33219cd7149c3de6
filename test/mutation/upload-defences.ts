/** The way up: src/engine/upload*.ts, verify.ts. Who may write, and how it is published: publish-defences.ts. */
import { type Defence, here, simulated, unit } from './defence.ts'

export const UPLOAD_DEFENCES: readonly Defence[] = [
  {
    name: 'kept-bytes-are-proven',
    protects: 'from building on bytes of a partial that are not the source: torn, tampered with, of another file',
    edits: [
      {
        file: 'src/engine/upload-plan.ts',
        find: 'planUpload(facts, told(session, worth, read))',
        replace: 'planUpload(facts, worth)',
      },
      { file: 'src/engine/upload-plan.ts', find: 'planUpload(facts, told(session, worth, proof))', replace: 'planUpload(facts, worth)' },
    ],
    detectors: [simulated('upload', 'vsftpd'), simulated('upload', 'proftpd')],
  },
  {
    name: 'a-link-is-no-partial',
    protects: 'from continuing, or publishing, what a link in the place of the partial points at',
    edits: [
      {
        file: 'src/engine/claim.ts',
        find: 'if (!(await session.isLink(remote, path, signal))) return false',
        replace: 'if (path !== null) return false',
      },
    ],
    detectors: [here('upload', 'a link in the place of the partial')],
  },
  {
    name: 'read-back-compares',
    protects: 'from taking bytes that were read back for the source without a comparison',
    edits: [
      {
        file: 'src/engine/read-back.ts',
        find: "if (!judged(piece, hash.digest('hex') === ours)",
        replace: 'if (!judged(piece, ours !== undefined)',
      },
    ],
    detectors: [simulated('upload', 'openssh'), simulated('upload', 'vsftpd')],
  },
  {
    name: 'server-digest-compares',
    protects: "from taking the server's answer to a digest request for a proof, whatever it says",
    edits: [
      {
        file: 'src/engine/verify.ts',
        find: 'return (await digester.digest(context.path, range, s)) === (await local)',
        replace: 'return (await digester.digest(context.path, range, s)) !== (await local) || true',
      },
    ],
    detectors: [simulated('upload', 'mod_sftp'), unit('verify', 'one flipped byte')],
  },
  {
    name: 'digest-proves-only-its-ranges',
    protects: 'from asking a digester of whole files about a part of one',
    edits: [
      {
        file: 'src/engine/verify.ts',
        find: 'if (ranges.length !== 1 || ranges[0]?.start !== 0) return false',
        replace: 'if (ranges.length > 0) return true',
      },
    ],
    detectors: [unit('verify')],
  },
  {
    name: 'the-end-is-looked-for',
    protects: 'from calling a longer file the same, because its size was told wrong',
    edits: [{ file: 'src/engine/end-of-file.ts', find: ")\n    return 'later'\n", replace: ")\n    return 'here'\n" }],
    detectors: [unit('verify', 'goes on is another one')],
  },
  {
    name: 'whole-is-read-to-its-end',
    protects: 'from calling a file the same whose end could not be read back',
    edits: [{ file: 'src/engine/verify.ts', find: 'if (good < size) return', replace: "if (end === 'refused') return" }],
    detectors: [here('upload', 'ends early when it is read back')],
  },
  {
    name: 'whole-is-compared',
    protects: 'from publishing a file whose digest, or whose bytes read back, are not those of the source',
    edits: [
      {
        file: 'src/engine/upload-proof.ts',
        find: "if (first.verdict === 'same') return first.method",
        replace: 'if (context.path !== null) return first.method',
      },
    ],
    detectors: [simulated('upload', 'mod_sftp'), here('upload', 'verify: full finds a byte that the server changed')],
  },
  {
    name: 'unknown-is-no-proof',
    protects: 'from calling an upload proven that verify: full could not read back',
    edits: [
      {
        file: 'src/engine/upload-proof.ts',
        find: "if (policy.verify === 'full') throw isGone",
        replace: 'if (policy.timeoutMs < 0) throw isGone',
      },
    ],
    detectors: [here('upload', 'verify: full at a server that lets nothing be read')],
  },
  {
    name: 'size-after-the-upload',
    protects: 'from publishing a file that is shorter or longer than the source, on a server without digests',
    edits: [
      {
        file: 'src/engine/upload-proof.ts',
        find: 'return told === null || told === size',
        replace: 'return told === null || size >= 0',
      },
    ],
    detectors: [here('upload', 'keeps less than it confirms')],
  },
  {
    name: 'rename-after-the-proof',
    protects: 'from replacing the old file before the new one is proven',
    edits: [
      {
        file: 'src/engine/upload.ts',
        find: '    return proveSent(session, remote, signal)\n',
        replace:
          '    if (!session.direct && hasTree(remote)) await publish(session, published, remote, signal)\n    return proveSent(session, remote, signal)\n',
      },
    ],
    detectors: [here('upload', 'verify: full finds a byte that the server changed')],
  },
  {
    name: 'source-is-checked-at-the-end',
    protects: 'from calling a source sent that was rewritten meanwhile',
    edits: [{ file: 'src/engine/upload.ts', find: '  await source.recheck()\n', replace: '' }],
    detectors: [here('upload', 'rewritten after its last byte was read')],
  },
  {
    name: 'final-size-after-the-rename',
    protects: 'from believing a rename that did nothing, or that somebody else undid',
    edits: [
      {
        file: 'src/engine/published.ts',
        find: 'if (this.fits(final)) return this.replaced(remote, final, signal)',
        replace: 'if (session.policy.retries >= 0) return final',
      },
    ],
    detectors: [here('upload', 'a rename that only says it was done at the end')],
  },
  {
    name: 'lost-reply-to-the-rename',
    protects: 'from sending everything again, or failing, because the reply to the rename was lost',
    edits: [{ file: 'src/engine/publish.ts', find: 'published.mayHold = true', replace: 'published.mayHold = false' }],
    detectors: [here('upload', 'the reply to the rename is lost')],
  },
  {
    name: 'unchanged-only-by-proof',
    protects: 'from leaving an old file of the same size in place as "unchanged"',
    edits: [
      {
        file: 'src/engine/published.ts',
        find: "    if (verdict === 'same') return method\n    // It is",
        replace: "    if (verdict !== 'unknown') return method\n    // It is",
      },
    ],
    detectors: [simulated('upload', 'openssh'), simulated('upload', 'proftpd')],
  },
  {
    name: 'unchanged-only-of-the-same-size',
    protects: 'from comparing, and with a digest of a prefix accepting, a file of another size',
    edits: [
      {
        file: 'src/engine/published.ts',
        find: 'if (!(size === source.size || (size === null && this.mayHold))) return null',
        replace: 'if (size === -1) return null',
      },
    ],
    detectors: [here('upload', 'a longer final file that begins with the source')],
    maskedBy: { name: 'the-end-is-looked-for', why: 'a file that goes on behind the source is seen to go on' },
  },
  {
    name: 'partial-is-named-by-its-source',
    protects: 'from two jobs with different sources for one target writing into one partial',
    edits: [
      {
        file: 'src/engine/upload-session.ts',
        find: 'partialName(baseName(path), fingerprintTag(fingerprint), nonce, form)',
        replace:
          "partialName(baseName(path), fingerprintTag({ ...fingerprint, strength: 'hint', size: 0, modifiedAtMs: 0, etag: null }), nonce, form)",
      },
    ],
    detectors: [here('upload', 'two machines with different sources')],
  },
  {
    name: 'append-only-at-the-proven-end',
    protects: 'from appending behind bytes that were not proven',
    edits: [{ file: 'src/engine/plan.ts', find: 'if (kept === partialSize) return', replace: 'if (kept >= 0) return' }],
    detectors: [unit('plan', 'planUpload')],
  },
  {
    name: 'longer-partial-is-cut',
    protects: 'from a file that is longer than the source, where the server writes anywhere',
    edits: [
      {
        file: 'src/engine/plan.ts',
        find: 'truncateTo: partialSize > size ? size : null',
        replace: 'truncateTo: partialSize > 2 ** 52 ? size : null',
      },
      {
        file: 'src/engine/plan.ts',
        find: 'const truncateTo = partialSize !== null && partialSize > size ? size : null',
        replace: 'const truncateTo = partialSize !== null && partialSize > 2 ** 52 ? size : null',
      },
    ],
    detectors: [simulated('upload', 'openssh'), unit('plan', 'planUpload')],
  },
  {
    name: 'longer-partial-is-not-appended-to',
    protects: 'from continuing a partial that is longer than the source, where the server only appends',
    edits: [{ file: 'src/engine/plan.ts', find: "  if (partialSize > size) return start('partial-too-long')\n", replace: '' }],
    detectors: [unit('plan', 'planUpload')],
  },
  {
    name: 'crc-is-no-full-proof',
    protects: 'from a CRC-32, which collides by chance, counting as the proof that verify: full asks for',
    edits: [
      {
        file: 'src/engine/upload-session.ts',
        find: "this.policy.verify === 'full' && context.digester?.algorithm === 'crc32'",
        replace: "this.policy.verify === 'full' && context.path === ''",
      },
    ],
    detectors: [unit('upload', 'CRC-32')],
  },
  {
    name: 'on-change-fail-upload',
    protects: 'from sending another version where on-change: fail forbids it',
    edits: [
      {
        file: 'src/engine/salvage.ts',
        find: "if (policy.onChange === 'fail') {",
        replace: "if (policy.onChange === 'fail' && old === null) {",
      },
    ],
    detectors: [here('upload', 'on-change: fail')],
  },
  {
    name: 'directory-is-no-target',
    protects: 'from renaming onto a directory, which some servers replace with everything in it',
    edits: [
      {
        file: 'src/engine/published.ts',
        find: "if (final.is === 'there' && final.file.kind === 'directory') {",
        replace: "if (final.is === 'there' && final.file.kind === 'directory' && final.file.size === -1) {",
      },
    ],
    detectors: [here('upload', 'a directory of the name')],
  },
]
