/** The answer to PROPFIND, read in one pass: no tree, no entities but the five of XML and numbers, nothing that grows faster than the input. */

export interface DavResource {
  /** As the server wrote it: a path or a URL, percent-encoded. */
  readonly href: string
  readonly collection: boolean
  readonly size: number | null
}

interface Draft {
  href: string
  collection: boolean
  length: string
}

export function parseMultistatus(xml: string): readonly DavResource[] {
  const resources: DavResource[] = []
  let draft: Draft | null = null
  let capture: 'href' | 'length' | null = null
  const take = (text: string): void => {
    if (draft !== null && capture !== null) draft[capture] += text
  }
  for (const token of tokens(xml)) {
    if (token.kind === 'text') take(token.text)
    else if (token.name === 'response') {
      if (token.kind === 'open') draft = { href: '', collection: false, length: '' }
      else if (draft !== null) {
        resources.push({
          href: draft.href.trim(),
          collection: draft.collection,
          size: /^\d{1,15}$/.test(draft.length.trim()) ? Number(draft.length) : null,
        })
        draft = null
      }
      capture = null
    } else if (token.kind === 'close') capture = null
    else if (token.name === 'href' && draft !== null && draft.href === '') capture = 'href'
    else if (token.name === 'getcontentlength') capture = 'length'
    else if (token.name === 'collection' && draft !== null) draft.collection = true
  }
  return resources
}

type Token = { readonly kind: 'text'; readonly text: string } | { readonly kind: 'open' | 'close'; readonly name: string }

function* tokens(xml: string): Generator<Token> {
  let at = 0
  while (at < xml.length) {
    const tag = xml.indexOf('<', at)
    const textEnd = tag < 0 ? xml.length : tag
    if (textEnd > at) yield { kind: 'text', text: unescaped(xml.slice(at, textEnd)) }
    if (tag < 0) return
    const [opening, closing] = xml.startsWith('<!--', tag)
      ? ['<!--', '-->']
      : xml.startsWith('<![CDATA[', tag)
        ? ['<![CDATA[', ']]>']
        : ['<', '>']
    const end = xml.indexOf(closing, tag + opening.length)
    if (end < 0) return
    const inner = xml.slice(tag + opening.length, end)
    at = end + closing.length
    if (opening === '<![CDATA[') yield { kind: 'text', text: inner }
    else if (opening === '<') yield* element(inner)
  }
}

function* element(inner: string): Generator<Token> {
  const name = /^\/?(?:[^\s:/>]{1,100}:)?([^\s:/>]{1,100})/.exec(inner.slice(0, 250))?.[1]
  if (name === undefined || inner.startsWith('?') || inner.startsWith('!')) return
  if (!inner.startsWith('/')) yield { kind: 'open', name }
  if (inner.startsWith('/') || inner.endsWith('/')) yield { kind: 'close', name }
}

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

function unescaped(text: string): string {
  return text.replace(
    /&(?:#x([0-9a-f]{1,6})|#(\d{1,7})|(amp|lt|gt|quot|apos));/gi,
    (whole, hex?: string, digits?: string, name?: string) => {
      if (name !== undefined) return ENTITIES[name.toLowerCase()] ?? whole
      const point = Number.parseInt(hex ?? digits ?? '', hex === undefined ? 10 : 16)
      return point <= 0x10ffff ? String.fromCodePoint(point) : whole
    },
  )
}
