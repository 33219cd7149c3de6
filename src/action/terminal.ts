/** A terminal that shows lines and, below them, one line that is drawn over and over. */
export interface TerminalStream {
  readonly isTTY?: boolean
  readonly columns?: number
  write(text: string): unknown
}

export interface Terminal {
  readonly isLive: boolean
  line(text: string): void
  /** Replaces the live line; an empty text removes it. Does nothing without a terminal. Takes printable text. */
  live(text: string): void
}

const ERASE = '\r\u001b[K'
const COLUMNS_DEFAULT = 80

export function createTerminal(stream: TerminalStream): Terminal {
  const isLive = stream.isTTY === true
  let shown = ''
  return {
    isLive,
    line(text) {
      stream.write(shown === '' ? `${text}\n` : `${ERASE}${text}\n${shown}`)
    },
    live(text) {
      if (!isLive) return
      const next = fit(text, (stream.columns ?? COLUMNS_DEFAULT) - 1)
      if (next === shown) return
      stream.write(shown === '' ? next : ERASE + next)
      shown = next
    },
  }
}

/** At most `width` columns; a character beyond Latin may take two. */
function fit(text: string, width: number): string {
  let used = 0
  let kept = ''
  for (const character of text) {
    used += (character.codePointAt(0) ?? 0) >= 0x1100 && !/[\u2000-\u22ff]/.test(character) ? 2 : 1
    if (used > width) return `${[...kept].slice(0, -1).join('')}…`
    kept += character
  }
  return kept
}
