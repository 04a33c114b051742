interface Kind {
  name: string
  isRead: boolean
  matches(content: Uint8Array): boolean
}

/** What a file is by its first bytes, whatever its name says; `kind` is null for what is no image. */
export function imageKind(content: Uint8Array): { kind: string | null; isRead: boolean } {
  const found = kinds.find((kind) => kind.matches(content))
  return { kind: found?.name ?? null, isRead: found?.isRead ?? false }
}

const starts =
  (text: string, at = 0) =>
  (content: Uint8Array) =>
    Array.from(text).every((letter, i) => content[at + i] === letter.charCodeAt(0))

const kinds: Kind[] = [
  { name: 'a PNG', isRead: true, matches: starts('\x89PNG\r\n\x1a\n') },
  { name: 'a JPEG', isRead: true, matches: starts('\xff\xd8\xff') },
  { name: 'a GIF', isRead: true, matches: starts('GIF8') },
  { name: 'a WebP', isRead: true, matches: (content) => starts('RIFF')(content) && starts('WEBP', 8)(content) },
  { name: 'a TIFF', isRead: true, matches: (content) => starts('II*\0')(content) || starts('MM\0*')(content) },
  { name: 'a BMP', isRead: false, matches: starts('BM') },
  { name: 'a PDF', isRead: false, matches: starts('%PDF') },
  { name: 'an HEIC or AVIF', isRead: false, matches: starts('ftyp', 4) },
  { name: 'a JPEG XL', isRead: false, matches: (content) => starts('\xff\x0a')(content) || starts('\0\0\0\x0cJXL')(content) },
  { name: 'a JPEG 2000', isRead: false, matches: starts('\0\0\0\x0cjP') },
  { name: 'an SVG or other XML', isRead: false, matches: (content) => /^\uFEFF?\s*<(\?xml|svg|!)/i.test(textOf(content)) },
]

const textOf = (content: Uint8Array): string => new TextDecoder().decode(content.subarray(0, 200))
