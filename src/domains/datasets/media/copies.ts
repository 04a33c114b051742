import type { ImageFacts, UnpackedItem } from '../../../ports/media/media.ts'
import { copyColumn } from './column-names.ts'
import { type LaidColumn, type LaidOut, type MediaWarning, quoted } from './layouts/layout.ts'

/** Bits of 64 in which two pictures of one motif may differ. */
const mostBits = 5
/** Shades of 256 by which any field of their 9 x 8 thumbnails may differ, and by which they do on average. */
const mostShade = 18
const meanShade = 4
/** Where more pictures than this share a quarter of their bits (plain backgrounds), the rest of them is not compared. */
const mostInBand = 400

export interface Copies {
  column: LaidColumn | null
  warnings: MediaWarning[]
}

/**
 * Finds items that are the same bytes, and pictures that look the same: their dHashes differ in at most 5 of 64 bits and share one of
 * four bands of 16, and their shades are close. They are one group, so that no split tests on what training has seen.
 */
export function findCopies(laid: Pick<LaidOut, 'items' | 'columns' | 'media' | 'target'>, sha256: readonly string[]): Copies {
  const groups = disjointSets(laid.items.length)
  const byContent = firstOf(sha256)
  let same = 0
  for (const [row, hash] of sha256.entries()) {
    const first = byContent.get(hash)!
    if (first !== row) {
      groups.join(first, row)
      same++
    }
  }
  if (laid.media === 'image') joinLookAlikes(laid.items, groups)
  const sizes = new Map<number, number>()
  for (let row = 0; row < laid.items.length; row++) sizes.set(groups.of(row), (sizes.get(groups.of(row)) ?? 0) + 1)
  const inGroups = [...sizes.values()].filter((size) => size > 1).reduce((sum, size) => sum + size, 0)
  if (inGroups === 0) return { column: null, warnings: [] }
  const values = laid.items.map((_, row) => (sizes.get(groups.of(row))! > 1 ? laid.items[groups.of(row)]!.path : null))
  const alike = inGroups - same
  return {
    column: { name: copyColumn, type: 'category', values },
    warnings: [
      {
        code: 'copies',
        message: `${same > 0 ? `${same} ${same === 1 ? 'item has' : 'items have'} the very bytes of another` : `${alike} images look alike`}${
          same > 0 && laid.media === 'image' && alike > same ? ', and more look alike' : ''
        }: column "${copyColumn}" says which, and a split keeps them together.`,
        facts: { same, grouped: inGroups },
      },
      ...contradictions(laid, values),
    ],
  }
}

function joinLookAlikes(items: readonly UnpackedItem[], groups: ReturnType<typeof disjointSets>): void {
  const pictures = items.flatMap(({ image }, row) => (image && !isPlain(image.look) ? [{ row, ...pictureOf(image) }] : []))
  for (let band = 0; band < 4; band++) {
    const buckets = new Map<number, Picture[]>()
    for (const picture of pictures) {
      const key = picture.bands[band]!
      const bucket = buckets.get(key) ?? []
      if (bucket.length === 0) buckets.set(key, bucket)
      const like = bucket.length <= mostInBand ? bucket.find((other) => alike(picture, other)) : undefined
      if (like) groups.join(like.row, picture.row)
      // Whoever is like it is like the one that is there already.
      if (!like) bucket.push(picture)
    }
  }
}

interface Picture {
  row: number
  bands: number[]
  grey: Buffer
  shape: number
}

const pictureOf = ({ look, grey, width, height }: ImageFacts) => ({
  bands: [0, 4, 8, 12].map((at) => Number.parseInt(look.slice(at, at + 4), 16)),
  grey: Buffer.from(grey, 'base64'),
  shape: width / height,
})

/** A copy keeps its edges, its shape and its shades, whatever its size and how it was packed. */
function alike(a: Picture, b: Picture): boolean {
  let bits = 0
  for (let at = 0; at < 4; at++) bits += countBits(a.bands[at]! ^ b.bands[at]!)
  if (bits > mostBits || Math.abs(a.shape - b.shape) > 0.03 * a.shape) return false
  let sum = 0
  for (let at = 0; at < a.grey.length; at++) {
    const apart = Math.abs(a.grey[at]! - b.grey[at]!)
    if (apart > mostShade) return false
    sum += apart
  }
  return sum <= meanShade * a.grey.length
}

/** Few edges tell few motifs apart. */
const isPlain = (look: string) => {
  const set = countBits(Number.parseInt(look.slice(0, 8), 16)) + countBits(Number.parseInt(look.slice(8), 16))
  return set < 6 || set > 58
}

function countBits(bits: number): number {
  let count = 0
  for (let left = bits >>> 0; left !== 0; left &= left - 1) count++
  return count
}

function contradictions(
  { columns, target, items }: Pick<LaidOut, 'columns' | 'target' | 'items'>,
  groups: (string | null)[],
): MediaWarning[] {
  const labels = columns.find(({ name }) => name === target)
  if (!labels) return []
  const seen = new Map<string, { label: string | null; row: number }>()
  const found: string[] = []
  for (const [row, group] of groups.entries()) {
    if (group === null) continue
    const before = seen.get(group)
    if (!before) seen.set(group, { label: labels.values[row]!, row })
    else if (before.label !== labels.values[row]) found.push(`${items[before.row]!.path} and ${items[row]!.path}`)
  }
  if (found.length === 0) return []
  return [
    {
      code: 'copies_disagree',
      message: `${found.length} ${found.length === 1 ? 'pair' : 'pairs'} of items that are alike have different values of "${target}": ${quoted(found, 3)}.`,
      facts: { count: found.length, pairs: found.slice(0, 20) },
    },
  ]
}

function firstOf(values: readonly string[]): Map<string, number> {
  const first = new Map<string, number>()
  for (const [at, value] of values.entries()) if (!first.has(value)) first.set(value, at)
  return first
}

/** Union-find with path halving; a set is named by its smallest member. */
function disjointSets(size: number) {
  const parent = Int32Array.from({ length: size }, (_, at) => at)
  const of = (member: number): number => {
    let at = member
    while (parent[at] !== at) {
      parent[at] = parent[parent[at]!]!
      at = parent[at]!
    }
    return at
  }
  return {
    of,
    join(a: number, b: number): void {
      const [x, y] = [of(a), of(b)]
      if (x !== y) parent[Math.max(x, y)] = Math.min(x, y)
    },
  }
}
