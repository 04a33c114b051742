import type { UnpackedItem } from '../../../../ports/media/media.ts'
import { type LaidColumn, type MediaWarning, quoted } from './layout.ts'

/** One object in an image: pixels from the upper left corner of the upright image. */
export interface Box {
  label: string
  /** x, y, width, height */
  box: [number, number, number, number]
  /** x1, y1, x2, y2, … where the outline is known. */
  polygon?: number[]
}

export interface BoxedItem {
  item: UnpackedItem
  boxes: Box[]
  /** The file (and line) that says so. */
  from: string
}

const mostNamed = 30

/**
 * The column of objects. A box that reaches beyond its image is cut to it; one that lies outside, or has no area, is left out: each is said.
 */
export function boxColumns(rows: readonly BoxedItem[]): {
  columns: LaidColumn[]
  warnings: MediaWarning[]
  labels: string[]
  count: number
} {
  const warnings: MediaWarning[] = []
  const labels = new Map<string, number>()
  let count = 0
  const beyond: string[] = []
  const values = rows.map(({ item, boxes, from }) => {
    const kept = boxes.flatMap((one): Box[] => {
      const fitted = fit(one, item)
      if (fitted === null) {
        if (warnings.length < mostNamed)
          warnings.push({
            code: 'box_outside',
            message: `"${from}": a box of "${one.label}" (${one.box.map(short).join(', ')}) lies outside of "${item.path}" or has no area: it is left out.`,
            facts: { item: item.path, file: from, box: one.box },
          })
        return []
      }
      if (fitted.cut) beyond.push(item.path)
      labels.set(one.label, (labels.get(one.label) ?? 0) + 1)
      count++
      return [{ label: one.label, box: fitted.box, ...(one.polygon && { polygon: one.polygon.map(round) }) }]
    })
    return JSON.stringify(kept)
  })
  if (beyond.length > 0)
    warnings.push({
      code: 'box_cut',
      message: `${beyond.length} boxes reached beyond their image and were cut to it: ${quoted([...new Set(beyond)], 4)}.`,
      facts: { count: beyond.length, items: [...new Set(beyond)].slice(0, 50) },
    })
  return {
    columns: [
      { name: 'boxes', type: 'text', values },
      { name: 'objects', type: 'integer', values: values.map((text) => String((JSON.parse(text) as Box[]).length)) },
    ],
    warnings,
    labels: [...labels].sort((a, b) => b[1] - a[1]).map(([label]) => label),
    count,
  }
}

function fit({ box: [x, y, width, height] }: Box, { image }: UnpackedItem): { box: Box['box']; cut: boolean } | null {
  if (![x, y, width, height].every(Number.isFinite) || width <= 0 || height <= 0) return null
  if (!image) return { box: [round(x), round(y), round(width), round(height)], cut: false }
  const [left, top] = [Math.max(0, x), Math.max(0, y)]
  const [right, bottom] = [Math.min(image.width, x + width), Math.min(image.height, y + height)]
  if (right - left < 0.5 || bottom - top < 0.5) return null
  // Annotation tools are off by a rounding; that is not worth a word.
  const cut = x < -1 || y < -1 || x + width > image.width + 1 || y + height > image.height + 1
  return { box: [round(left), round(top), round(right - left), round(bottom - top)], cut }
}

const round = (value: number) => Math.round(value * 100) / 100
const short = (value: number) => (Number.isFinite(value) ? String(round(value)) : '?')
