/** Parsing and printing of sizes, durations and rates. Parsers return null for anything they do not know. */

const DURATION_UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** `30s`, `5h30m`, `1.5 h`; a bare number is milliseconds (the unit of the action whose workflows we accept). */
export function parseDuration(text: string): number | null {
  const compact = text.trim().toLowerCase().replaceAll(' ', '')
  if (/^\d{1,15}$/.test(compact)) return Number(compact)
  if (!/^(\d{1,9}(\.\d{1,3})?(ms|s|m|h|d))+$/.test(compact)) return null
  let total = 0
  for (const [, amount, , unit] of compact.matchAll(/(\d{1,9}(\.\d{1,3})?)(ms|s|m|h|d)/g))
    total += Number(amount) * (DURATION_UNITS[unit ?? ''] ?? Number.NaN)
  return Number.isSafeInteger(Math.round(total)) ? Math.round(total) : null
}

const SIZE_NAMES = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const

export function formatBytes(bytes: number): string {
  let value = bytes
  let unit = 0
  while (value >= 1024 && unit < SIZE_NAMES.length - 1) {
    value /= 1024
    unit += 1
  }
  return `${unit === 0 ? value : value.toFixed(value < 10 ? 2 : 1)} ${SIZE_NAMES[unit]}`
}

export function formatDuration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`
  const seconds = Math.round(ms / 1000)
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}

/** Rate over a stretch of time; `–` when there was no time to measure. */
export function formatRate(bytes: number, ms: number): string {
  return ms <= 0 ? '–' : `${formatBytes((bytes * 1000) / ms)}/s`
}
