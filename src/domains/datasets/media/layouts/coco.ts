import type { UnpackedItem } from '../../../../ports/media/media.ts'
import { type Box, type BoxedItem, boxColumns } from './boxes.ts'
import { folderOf, itemFinder, nameOf, stemOf } from './find-item.ts'
import { countOf, type LaidOut, type MediaWarning, quoted, type Survey } from './layout.ts'
import { partOf, partsColumn } from './parts.ts'

interface CocoFile {
  images: { id: number | string; file_name: string }[]
  annotations: { image_id: number | string; category_id: number | string; bbox?: number[]; segmentation?: unknown }[]
  categories: { id: number | string; name: string }[]
}

/** COCO: JSON files of images, annotations and categories. */
export async function layCoco(survey: Survey): Promise<LaidOut | null> {
  if (survey.kind !== 'image') return null
  const files: { path: string; coco: CocoFile }[] = []
  for (const item of survey.items) {
    if (item.kind !== 'text' || !/\.json$/i.test(item.path)) continue
    const coco = readCoco(await survey.text(item))
    if (coco) files.push({ path: item.path, coco })
  }
  if (files.length === 0) return null
  const find = itemFinder(survey.items)
  const usable = new Set(survey.media)
  const rows = new Map<UnpackedItem, BoxedItem & { part: string | null }>()
  const absent: string[] = []
  const lost: MediaWarning[] = []
  for (const { path, coco } of files) {
    const part =
      partOf(
        stemOf(nameOf(path))
          .replace(/\d+/g, '')
          .split(/[-_.]/)
          .find((word) => partOf(word) !== null) ?? '',
      ) ??
      folderOf(path).split('/').map(partOf).find(Boolean) ??
      null
    const images = new Map<string, BoxedItem & { part: string | null }>()
    for (const { id, file_name } of coco.images) {
      const item = find(String(file_name), folderOf(path))
      if (!item) absent.push(String(file_name))
      if (!item || !usable.has(item)) continue
      const row = rows.get(item) ?? { item, boxes: [], from: path, part }
      rows.set(item, row)
      images.set(String(id), row)
    }
    const names = new Map(coco.categories.map(({ id, name }) => [String(id), String(name)]))
    let orphans = 0
    for (const { image_id, category_id, bbox, segmentation } of coco.annotations) {
      const row = images.get(String(image_id))
      const label = names.get(String(category_id))
      const polygon = polygonOf(segmentation)
      const box = Array.isArray(bbox) && bbox.length === 4 ? (bbox.map(Number) as Box['box']) : around(polygon)
      if (!row || label === undefined || !box) orphans++
      else row.boxes.push({ label, box, ...(polygon && { polygon }) })
    }
    if (orphans > 0 && !survey.cut)
      lost.push({
        code: 'annotation_lost',
        message: `"${path}": ${orphans} annotations name an image or category that is not there, or have no box: they are left out.`,
        facts: { file: path, count: orphans },
      })
  }
  const bare = survey.media.filter((item) => !rows.has(item))
  const all = [...rows.values()]
  if (all.length === 0) return null
  const { columns, warnings, labels, count } = boxColumns(all)
  return {
    layout: 'coco',
    media: 'image',
    sentence: `${countOf(all.length, 'image')} with ${count.toLocaleString('en')} objects of ${labels.length} kinds (${quoted(labels)}), in COCO's form.`,
    items: all.map(({ item }) => item),
    columns: [...columns, ...partsColumn(all.map(({ part }) => part))],
    target: null,
    warnings: [...(survey.cut ? [] : [...missing(absent), ...unnamed(bare)]), ...lost, ...warnings],
  }
}

function readCoco(text: string): CocoFile | null {
  try {
    const { images, annotations, categories } = JSON.parse(text) as Partial<CocoFile>
    return Array.isArray(images) && Array.isArray(annotations) && Array.isArray(categories)
      ? { images, annotations, categories }
      : null
  } catch {
    return null
  }
}

/** The longest outline; masks in run lengths are not kept. */
function polygonOf(segmentation: unknown): number[] | undefined {
  if (!Array.isArray(segmentation)) return undefined
  const outlines = segmentation.filter(
    (one): one is number[] => Array.isArray(one) && one.length >= 6 && one.every(Number.isFinite),
  )
  return outlines.sort((a, b) => b.length - a.length)[0]
}

function around(polygon: number[] | undefined): Box['box'] | null {
  if (!polygon) return null
  const xs = polygon.filter((_, at) => at % 2 === 0)
  const ys = polygon.filter((_, at) => at % 2 === 1)
  const [x, y] = [Math.min(...xs), Math.min(...ys)]
  return [x, y, Math.max(...xs) - x, Math.max(...ys) - y]
}

const missing = (absent: readonly string[]): MediaWarning[] =>
  absent.length === 0
    ? []
    : [
        {
          code: 'absent_item',
          message: `${absent.length} images are described and not there: ${quoted(absent, 4)}.`,
          facts: { count: absent.length, items: absent.slice(0, 50) },
        },
      ]

export const unnamed = (bare: readonly UnpackedItem[]): MediaWarning[] =>
  bare.length === 0
    ? []
    : [
        {
          code: 'unnamed_item',
          message: `${countOf(bare.length, 'image')} ${bare.length === 1 ? 'is' : 'are'} described by nothing and in no row: ${quoted(
            bare.map(({ path }) => path),
            4,
          )}.`,
          facts: { count: bare.length, items: bare.slice(0, 50).map(({ path }) => path) },
        },
      ]
