import { createRequire as requireFrom } from 'node:module';
const require = requireFrom(import.meta.url);

// src/core/text.ts
var UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;
function printable(text, lengthMax = 2e3) {
  const escaped = text.toWellFormed().replace(UNPRINTABLE, (c) => c === "	" ? " " : `\\u{${(c.codePointAt(0) ?? 0).toString(16)}}`).replace(/:(?=:)/g, ": ").replaceAll("##[", "# #[");
  if (escaped.length <= lengthMax) return escaped;
  const half = Math.floor((lengthMax - 5) / 2);
  return `${escaped.slice(0, half)} … ${escaped.slice(-half)}`.toWellFormed();
}
function markdownCode(text) {
  return `\`${printable(text, 300).replaceAll("`", "'").replaceAll("|", "¦").replaceAll("<", "‹").replaceAll(">", "›")}\``;
}
var SECRET_LENGTH_MIN = 4;
function secretForms(secret, username = "") {
  const forms = /* @__PURE__ */ new Set();
  const add = (form) => {
    if (form.trim().length >= SECRET_LENGTH_MIN) forms.add(form);
  };
  add(secret);
  for (const line of secret.split(/\r?\n/)) add(line.trim());
  add(encodeURIComponent(secret.toWellFormed()));
  add(encodeURI(secret.toWellFormed()));
  try {
    add(decodeURIComponent(secret));
  } catch {
  }
  add(JSON.stringify(secret).slice(1, -1));
  for (const text of [secret, `${username}:${secret}`]) {
    add(Buffer.from(text).toString("base64").replace(/=+$/, ""));
    add(Buffer.from(text).toString("base64url"));
    add(Buffer.from(text).toString("hex"));
  }
  return [...forms];
}
function redactor(forms) {
  const sorted = [...new Set(forms)].sort((a, b) => b.length - a.length);
  return (text) => sorted.reduce((t, form) => t.replaceAll(form, "***"), text);
}

// src/state/store.ts
var STATE_BYTES_MAX = 8 * 1024 * 1024;

export {
  printable,
  markdownCode,
  secretForms,
  redactor,
  STATE_BYTES_MAX
};
