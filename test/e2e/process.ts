/** The process of the action itself, as Linux shows it. */
import { readdirSync, readFileSync } from 'node:fs'

/** The child of this process that runs `main`; null when there is none yet, or no /proc. */
export function actionProcess(): number | null {
  try {
    for (const task of readdirSync('/proc/self/task')) {
      const children = readFileSync(`/proc/self/task/${task}/children`, 'utf8').trim().split(' ')
      for (const pid of children) if (pid !== '' && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('main.js')) return Number(pid)
    }
  } catch {
    // no /proc, or the process ended while we looked
  }
  return null
}

/** The most memory that a process has held so far, in bytes; null when it is gone. */
export function memoryPeak(pid: number): number | null {
  try {
    const kilobytes = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
    return kilobytes === undefined ? null : Number(kilobytes) * 1024
  } catch {
    return null
  }
}
