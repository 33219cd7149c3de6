/** Holds the journal while a step runs and brings it, in this order, to the machine's disk (at once) and to the store that outlives the machine (at checkpoints). */
import {
  decodeJournal,
  emptyJournal,
  encodeFitting,
  entryOf,
  hostOf,
  isWorthKeeping,
  type Journal,
  type JournalEntry,
  unendedUploads,
  uploadMark,
  withEnded,
  withEntry,
  withHost,
  withoutEntry,
} from '../core/journal.ts'
import type { HostEntry } from '../core/journal-hosts.ts'
import type { StateStore } from './store.ts'

/** A disk that takes longer for a small file hangs. */
const DISK_MS = 30_000

export interface KeeperPorts {
  readonly id: string
  /** Of the files of this step: what else a journal holds is not looked at, and not saved again. */
  readonly keys: ReadonlySet<string>
  /** Of the servers and directories of this step, likewise. */
  readonly places: ReadonlySet<string>
  /** On this machine, outside the workspace. */
  readonly disk: StateStore
  /** Outlives the machine; null when there is none. */
  readonly store: StateStore | null
  /** One line for people; each different one is told once. */
  warn(message: string): void
}

export interface JournalKeeper {
  /** Reads what earlier attempts left. Never rejects unless the signal aborts. */
  load(signal: AbortSignal): Promise<void>
  entry(key: string): JournalEntry | null
  /** What is known of a server. */
  host(key: string): HostEntry | null
  learn(host: HostEntry): void
  /** Resolves when the disk has it. Never rejects. */
  record(entry: JournalEntry): Promise<void>
  forget(key: string): void
  /** What has been recorded is on the disk. Never rejects. */
  flush(): Promise<void>
  /** Uploads under way that an earlier process recorded and did not mark as ended, as `key:nonce`. */
  unended(): readonly string[]
  /** This process writes to no server any more: marks the uploads that it recorded, and left unfinished, as ended. */
  ended(): void
  /** Brings the journal to the store when it differs from what is there. Never rejects. */
  checkpoint(signal: AbortSignal): Promise<void>
}

export function journalKeeper(ports: KeeperPorts): JournalKeeper {
  const { id, disk, store } = ports
  let journal = emptyJournal(id)
  let writing: Promise<void> | null = null
  let dirty = false
  let saving = Promise.resolve()
  const recorded = new Set<string>() // keys that this process wrote
  let stored = 0 // sequence that the store holds; a journal that is worth nothing need not go to a store that holds nothing

  const told = new Set<string>()
  const warn = (message: string): void => {
    if (!told.has(message)) ports.warn(message)
    told.add(message)
  }

  const read = async (from: StateStore, signal: AbortSignal): Promise<Journal | null> => {
    try {
      const bytes = await from.load(signal)
      if (bytes === null) return null
      const decoded = decodeJournal(bytes)
      if (decoded?.id === id) return decoded
      warn(`The saved state in the ${from.description} is unusable and is ignored; what the server holds is verified instead.`)
    } catch (error) {
      if (signal.aborted) throw error
      warn(`The saved state could not be read from the ${from.description}: ${reasonOf(error)}`)
    }
    return null
  }

  const encoded = (): Buffer => {
    const { text, leftOut } = encodeFitting(journal)
    if (leftOut > 0) warn('The state is too large to be saved whole: files whose transfer was recorded longest ago are left out.')
    return Buffer.from(text)
  }

  const writeOut = async (): Promise<void> => {
    while (dirty) {
      dirty = false
      try {
        await disk.save(encoded(), AbortSignal.timeout(DISK_MS))
      } catch (error) {
        warn(`The state could not be written to the ${disk.description}: ${reasonOf(error)}`)
      }
    }
  }

  const saveToStore = async (signal: AbortSignal): Promise<void> => {
    const { sequence } = journal
    if (store === null || sequence === stored || (stored === 0 && !isWorthKeeping(journal))) return
    try {
      await store.save(encoded(), signal)
      stored = sequence
    } catch (error) {
      warn(`The state could not be saved to the ${store.description}: ${reasonOf(error)}`)
    }
  }

  const change = (next: Journal): Promise<void> => {
    journal = { ...next, sequence: journal.sequence + 1 }
    dirty = true
    writing ??= writeOut().finally(() => {
      writing = null
    })
    return writing
  }

  return {
    load: async (signal) => {
      const [local, remote] = await Promise.all([read(disk, signal), store === null ? null : read(store, signal)])
      const sequence = Math.max(local?.sequence ?? 0, remote?.sequence ?? 0)
      // The newer one as a whole: an entry that it lacks was finished and forgotten.
      const newest = local !== null && local.sequence >= (remote?.sequence ?? 0) ? local : remote
      const entries = (newest?.entries ?? []).filter((entry) => ports.keys.has(entry.key))
      const hosts = (newest?.hosts ?? []).filter((host) => ports.places.has(host.key))
      journal = { ...emptyJournal(id), sequence, hosts, entries }
      stored = remote === null || !isWorthKeeping(remote) ? 0 : remote.sequence
    },
    entry: (key) => entryOf(journal, key),
    host: (key) => hostOf(journal, key),
    learn: (host) => void change(withHost(journal, host)),
    record: (entry) => {
      recorded.add(entry.key)
      return change(withEntry(journal, entry))
    },
    unended: () => unendedUploads(journal).map(uploadMark),
    ended: () => {
      const ours = unendedUploads(journal).filter((entry) => recorded.has(entry.key))
      if (ours.length > 0) void change(withEnded(journal, new Set(ours.map(uploadMark))))
    },
    forget: (key) => {
      if (entryOf(journal, key) !== null) void change(withoutEntry(journal, key))
    },
    flush: async () => {
      while (writing !== null) await writing
    },
    checkpoint: (signal) => {
      // One after the other: the newest must be the last to arrive.
      saving = saving.then(() => saveToStore(signal))
      return saving
    },
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
