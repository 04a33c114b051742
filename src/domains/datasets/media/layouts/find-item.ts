import type { UnpackedItem } from '../../../../ports/media/media.ts'

/** Finds the item that a text names: by its path, by the end of it, or by a file name that only one item has. */
export function itemFinder(items: readonly UnpackedItem[]) {
  const byPath = new Map<string, UnpackedItem>()
  const byName = new Map<string, UnpackedItem | null>()
  const byStem = new Map<string, UnpackedItem | null>()
  const note = (map: Map<string, UnpackedItem | null>, key: string, item: UnpackedItem) =>
    map.set(key, map.has(key) ? null : item)
  for (const item of items) {
    byPath.set(item.path, item)
    note(byName, nameOf(item.path), item)
    note(byStem, stemOf(nameOf(item.path)), item)
  }
  return (text: string, beside = ''): UnpackedItem | null => {
    const path = text
      .trim()
      .replaceAll('\\', '/')
      .replace(/^(\.?\/)+/, '')
      .normalize('NFC')
    if (path === '') return null
    const exact = byPath.get(path) ?? (beside && byPath.get(`${beside}/${path}`))
    if (exact) return exact
    const named = byName.get(nameOf(path)) ?? byStem.get(nameOf(path)) ?? byStem.get(stemOf(nameOf(path)))
    if (named) return named
    // Several of that name: the one whose path ends so.
    for (const [known, item] of byName.get(nameOf(path)) === null ? byPath : []) if (known.endsWith(`/${path}`)) return item
    return null
  }
}
export type FindItem = ReturnType<typeof itemFinder>

export const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1)
export const folderOf = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf('/')))
export const stemOf = (name: string): string => name.replace(/\.[A-Za-z0-9]{1,5}$/, '')
