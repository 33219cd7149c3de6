/** Edit distance that counts an exchange of two neighbours as one slip (Damerau-Levenshtein, optimal string alignment). */
export function editDistance(a: string, b: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i]
    for (let j = 1; j <= b.length; j += 1) {
      const change = (last[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      let best = Math.min(change, (last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) best = Math.min(best, (beforeLast[j - 2] ?? 0) + 1)
      row.push(best)
    }
    beforeLast = last
    last = row
  }
  return last[b.length] ?? a.length
}

const LENGTH_MAX = 64

/** The known word that was probably meant, or null. A third of the letters may be wrong; case and `_` for `-` do not count. */
export function closest(word: string, known: readonly string[]): string | null {
  const wanted = word.slice(0, LENGTH_MAX).toLowerCase().replaceAll('_', '-')
  let best: string | null = null
  let bestDistance = Math.max(1, Math.floor(wanted.length / 3)) + 1
  for (const candidate of known) {
    const distance = editDistance(wanted, candidate)
    if (distance < bestDistance) {
      best = candidate
      bestDistance = distance
    }
  }
  return best
}

/** ` Did you mean 'x'?` or nothing, to append to a sentence. */
export function didYouMean(word: string, known: readonly string[]): string {
  const guess = closest(word, known)
  return guess === null ? '' : ` Did you mean '${guess}'?`
}
