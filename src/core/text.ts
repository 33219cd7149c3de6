/** Escaping: nothing that a server, a file name or an error says reaches a sink without passing here. */

// Controls, line and paragraph separators, and all that takes no room: bidirectional controls (Trojan Source), joiners, tags, fillers, variation selectors.
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu

/** One printable line: control and direction characters become `\u{…}`, runner commands (`::`, `##[`) are broken, long text is cut in the middle. */
export function printable(text: string, lengthMax = 2000): string {
  // Escaping only lengthens, so that what is cut out below need not be escaped first.
  const needed = text.length > 2 * lengthMax ? text.slice(0, lengthMax) + text.slice(-lengthMax) : text
  const escaped = needed
    .toWellFormed()
    .replace(UNPRINTABLE, (c) => (c === '\t' ? ' ' : `\\u{${(c.codePointAt(0) ?? 0).toString(16)}}`))
    .replace(/:(?=:)/g, ':\u2009')
    .replaceAll('##[', '#\u2009#[')
  if (escaped.length <= lengthMax) return escaped
  const half = Math.floor((lengthMax - 5) / 2)
  return `${escaped.slice(0, half)} … ${escaped.slice(-half)}`.toWellFormed() // the cut may go through a surrogate pair
}

/** Foreign text in the summary: a code span that cannot be left, also inside a table. Pages make links and mentions of other text even where it is escaped. */
export function markdownCode(text: string, lengthMax = 300): string {
  return `\`${printable(text, lengthMax).replaceAll('`', "'").replaceAll('|', '¦').replaceAll('<', '‹').replaceAll('>', '›')}\``
}

/** Without the characters at the end that are among `characters`. A loop, because an expression such as `/=+$/` is quadratic where they do not end the text. */
export function trimmedEnd(text: string, characters: string): string {
  let end = text.length
  while (end > 0 && characters.includes(text.charAt(end - 1))) end -= 1
  return text.slice(0, end)
}
