import { createRequire as requireFrom } from 'node:module';
const require = requireFrom(import.meta.url);

// src/core/text.ts
var UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;
function printable(text, lengthMax = 2e3) {
  const needed = text.length > 2 * lengthMax ? text.slice(0, lengthMax) + text.slice(-lengthMax) : text;
  const escaped = needed.toWellFormed().replace(UNPRINTABLE, (c) => c === "	" ? " " : `\\u{${(c.codePointAt(0) ?? 0).toString(16)}}`).replace(/:(?=:)/g, ": ").replaceAll("##[", "# #[");
  if (escaped.length <= lengthMax) return escaped;
  const half = Math.floor((lengthMax - 5) / 2);
  return `${escaped.slice(0, half)} … ${escaped.slice(-half)}`.toWellFormed();
}
function markdownCode(text, lengthMax = 300) {
  return `\`${printable(text, lengthMax).replaceAll("`", "'").replaceAll("|", "¦").replaceAll("<", "‹").replaceAll(">", "›")}\``;
}
function trimmedEnd(text, characters) {
  let end = text.length;
  while (end > 0 && characters.includes(text.charAt(end - 1))) end -= 1;
  return text.slice(0, end);
}

export {
  printable,
  markdownCode,
  trimmedEnd
};
