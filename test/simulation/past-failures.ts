/** Histories that once broke a promise, and by what fault of ours. They run first. */
export const PAST_FAILURES: readonly (readonly [spec: string, found: string])[] = [
  [
    'openssh:upload:55:full:2:final-replaced,crash@3/read-long@34',
    'reading back went round for ever when the server sent more than was asked for',
  ],
  ['http-chunked:download:17:full:2:read-short@5', 'of a file without a length, a second reading stopped where the first had been cut off'],
  ['mod_sftp:upload:213:auto:1:crash@61', 'a server that digests whole files only had everything sent again for one hole'],
  [
    'openssh:upload:1:auto:4833:source-shrink/final-replaced,size-whole@1',
    'a file that was said to be empty passed for an empty source, read back',
  ],
  [
    'openssh:upload:17:auto:8129:-/source-shrink,size-whole@1',
    'a longer file whose size was told wrong passed for the source that it began with, read back',
  ],
  ['proftpd:upload:17:auto:8129:-/source-shrink,size-whole@1', 'the same, by a digest of as many bytes as the source has'],
  [
    'http-chunked:download:55:full:30201:read-long@1,read-long@11',
    'the judge: two readings that were given the same surplus bytes cannot tell, where no size is told',
  ],
  [
    'mod_sftp:download:17:auto:42128:size-short@1,size-short@1',
    'a download whose size was told too small, twice, passed by a digest of as many bytes',
  ],
  ['openssh:download:17:full:1:size-short@1,size-short@1', 'the same, by a second reading'],
  ['openssh:download:1:full:95184:flip@1,flip@1', 'the judge: the same bit turned over in both readings'],
  [
    'http-chunked:download:1:full:130793:read-short@1,crash@8',
    'of a file without a length, a reading that was cut off before the first byte was not read a second time',
  ],
  [
    'openssh:upload:55:auto:138217:final-removed@33,flip@1',
    'the judge: a file that only its size vouches for is taken away by others after the commit',
  ],
  ['openssh:download:17:auto:186018:flip@1,final-replaced@14', 'the judge: the same of a download'],
  [
    'openssh:download:55:given:201251:-/source-replace,partial-flip@7,crash@21',
    'the judge: it asked for the given digest of a version that none was given of',
  ],
  [
    'http-undated:download:1:auto:203200:source-grow@5,partial-removed@3',
    'a source without a date that grew between two tries went into the journal under its old size, which made that unreadable',
  ],
  [
    'apache-dav:download:17:auto:323745:flip@1/crash@3/state-stale',
    'the judge: a download that was published by its size, found in place by a journal that came back',
  ],
  ['openssh:download:96:auto:171829:crash@29,flip@1/final-flip@3', 'the judge: the same, changed by others after it was found'],
  [
    'openssh:upload:213:always:1001108:crash@41/-/crash@24:1.same.own.ends@44-50-58',
    'of two runs with the same content each took the partial of the other twice, and the late one ended red',
  ],
  ['mod_sftp:upload:17:auto:303550:crash@24/-:1.same.own.ends@11-10-27', 'the same, with a partial that was whole'],
  [
    'rclone-sftp:upload:96:auto:302298:-:0.same.shared.ends@24-23-47-47-17',
    'plans that another run made void counted as disagreements with the server, the third one red',
  ],
  [
    'dav-accepts:upload:17:size:1003243:-:0.same.own.dies@25-9-1-21-3',
    'a run removed what another had just published, to put the same content there, and died: the other one ended red',
  ],
  [
    'dav-untold:upload:41:auto:7103404:denied@41,denied@39',
    'a rename that was refused and done all the same, and a look that failed: the new file was called the old one, untouched',
  ],
  ['ftp-srv:upload:16:auto:7256767:stop@18,denied@17', 'the same, stopped in between'],
  [
    'openssh:upload:0:auto:7131321:stop@5/partial-linked',
    'an empty source: what somebody had put in the place of its partial was cut to nothing',
  ],
  [
    'dav-cached:upload:213:auto:7228959:-/source-shrink@1/cache-copies@12,size-whole@1',
    'a size that was told wrong, read back, and a cache that hid what came behind it: a longer file passed for its beginning',
  ],
  [
    'http-put:upload:1:auto:7119331:flip@1,accepted-late@1',
    'the judge: a PUT to the final name that was stored when the step had ended red',
  ],
  [
    'sftp-copies:upload:55:auto:9:crash@27/source-first,restart-lost@29',
    'the server restarted under a reading beside sending; what had been sent was built on without a new proof, once the reading began again',
  ],
  [
    'openssh:upload:1:auto:7416650:-/refused@7:1.other.own.ends@0-0-4',
    'the judge: a look at the size came after another version had replaced what was compared',
  ],
  [
    'http-put:upload:0:auto:7431684:final-replaced,denied@6',
    'an empty file that was stored and refused: the old one was said to be untouched',
  ],
  [
    'openssh:download:55:auto:7497799:disk-full@9/partial-cut@7',
    'blocks that others had cut off were fetched once more, and the running digest kept what it had taken in before',
  ],
  [
    'dav-untold:upload:17:auto:58698:-:0.same.own.ends@5-0-9-8',
    'a partial that another run had only just made was taken for one that nobody needs, and removed',
  ],
  [
    'dav-untold:upload:213:auto:18:-/crash@41:0.same.shared.ends@2-32-30',
    'what another run had published was no sign of it, because the server tells no sizes',
  ],
  [
    'dav-untold:upload:16:auto:82575:restart-zeroed@23,restart-zeroed@46',
    'a server that restarted at the rename for the second time was taken for one that refuses it, and what it had lost was published without a new proof',
  ],
  [
    'vsftpd:upload:213:auto:9105054:stop@34:0.other.shared.ends@32',
    'a run that was stopped had ended, and what its connection had brought was stored over what the next version wrote into its partial',
  ],
  [
    'sftp-hides:upload:55:auto:9101129:restart-lost@42,crash@49',
    'a listing that was cut off by a restart was no knowledge, and what the restart had lost was published by its acknowledgements',
  ],
  [
    'ftp-mailbox:upload:1:auto:143:-/denied@8,restart-lost@14',
    'what a run that died had left was taken for a run at work in every attempt, and a server that takes files away was sent seven of them',
  ],
  [
    'sftp-hides:upload:17:auto:5200207:restart-lost@34',
    'a look for another run was cut off by a restart, and what the restart had lost was published by its acknowledgements',
  ],
  [
    'dav-moody:upload:213:always:1000:write-short@1,unsupported@1',
    'what was written to the final name was seen to be other bytes, and the next look failed: it passed for confirmed',
  ],
  [
    'sftp-extension:upload:0:never:5402440:-/-:1.same.shared.ends@3-0-6',
    'an empty file whose partial another run had cleared away ended red, although that run had published it',
  ],
  [
    'sftp-statless:upload:16:given:5500103:state-other-key,partial-zeroed@17/cache-copies@10/final-flip,source-replace-quietly@30,conflict@8',
    'a server that said of every file that it is not there let it be read: it was seen to differ, and published',
  ],
  [
    'sftp-statless:upload:0:always:5500001:disconnect@19,unsupported@16/state-lost,partial-cut@8,saves-lost@8',
    'what the run itself had left under an earlier name of its own was taken for another run until it gave up',
  ],
  [
    'sftp-pretends:upload:41:auto:5500037:source-flip,final-replaced@12/crash@45,source-replace-quietly@49',
    'a rename over a file as long as ours, which had come after the first look, was confirmed and not done',
  ],
  [
    'sftp-statless:upload:96:size:6500104:crash@45/-:1.same.shared.dies@10-54-43-54-4',
    'plans that another run made void counted as disagreements with a server that shows nothing to who asks for a file, the third one red',
  ],
  [
    'sftp-moody-keeps:upload:55:auto:49:crash@19/final-linked,refused@41',
    'a rename that was refused and done all the same, and a look that failed: the old file, which had lain aside, was said to be untouched',
  ],
]
