import type { UnpackedItem } from '../../../../ports/media/media.ts'
import { type Box, type BoxedItem, boxColumns } from './boxes.ts'
import { nameOf, stemOf } from './find-item.ts'
import { countOf, type LaidOut, type MediaWarning, quoted, type Survey } from './layout.ts'
import { partOf, partsColumn } from './parts.ts'

const line = /^\s*\d+(\s+-?\d*\.?\d+(e-?\d+)?){4,}\s*$/i

/** YOLO: beside each image (or in `labels/`) a text with a line for each object: class, then centre and size as shares of the image. */
export async function layYolo(survey: Survey): Promise<LaidOut | null> {
  if (survey.kind !== 'image') return null
  const texts = new Map<string, UnpackedItem>()
  let names: string[] | null = null
  for (const item of survey.items) {
    if (item.kind !== 'text') continue
    if (/(^|\/)(classes|obj)\.(txt|names)$|\.names$/i.test(item.path))
      names ??= (await survey.text(item))
        .split(/\r?\n/)
        .map((one) => one.trim())
        .filter(Boolean)
    else if (/\.ya?ml$/i.test(item.path)) names ??= namesInYaml(await survey.text(item))
    else if (/\.txt$/i.test(item.path)) texts.set(keyOf(item.path), item)
  }
  const pairs = survey.media.flatMap((item) => {
    const text = texts.get(keyOf(item.path))
    return text ? [{ item, text }] : []
  })
  if (pairs.length === 0) return null
  const rows: (BoxedItem & { part: string | null })[] = []
  const broken: MediaWarning[] = []
  let objects = 0
  for (const { item, text } of pairs) {
    const boxes: Box[] = []
    for (const [at, words] of (await survey.text(text)).split(/\r?\n/).entries()) {
      if (words.trim() === '') continue
      const box = line.test(words) ? boxOf(words, item, names) : null
      if (box) boxes.push(box)
      else if (broken.length < 50)
        broken.push({
          code: 'broken_line',
          message: `"${text.path}", line ${at + 1} is not "class x y width height" with shares between 0 and 1: it is left out.`,
          facts: { file: text.path, line: at + 1 },
        })
    }
    objects += boxes.length
    rows.push({ item, boxes, from: text.path, part: item.path.split('/').map(partOf).find(Boolean) ?? null })
  }
  if (objects === 0) return null
  const paired = new Set(pairs.map(({ item }) => item))
  // An image without a text has no objects: that is how YOLO writes it.
  for (const item of survey.media)
    if (!paired.has(item))
      rows.push({ item, boxes: [], from: item.path, part: item.path.split('/').map(partOf).find(Boolean) ?? null })
  const { columns, warnings, labels, count } = boxColumns(rows)
  return {
    layout: 'yolo',
    media: 'image',
    sentence: `${countOf(rows.length, 'image')} with ${count.toLocaleString('en')} objects of ${labels.length} kinds (${quoted(labels)}), in YOLO's form${names ? '' : '; no file names the classes, so they keep their numbers'}.`,
    items: rows.map(({ item }) => item),
    columns: [...columns, ...partsColumn(rows.map(({ part }) => part))],
    target: null,
    warnings: [...broken, ...warnings],
  }
}

const keyOf = (path: string) =>
  [
    ...path
      .split('/')
      .slice(0, -1)
      .filter((folder) => !/^(images?|labels?|obj_train_data|data)$/i.test(folder)),
    stemOf(nameOf(path)),
  ].join('/')

function boxOf(words: string, { image }: UnpackedItem, names: readonly string[] | null): Box | null {
  const [number, ...shares] = words.trim().split(/\s+/).map(Number) as [number, ...number[]]
  const label = names?.[number] ?? String(number)
  const { width, height } = image ?? { width: 1, height: 1 }
  if (shares.some((share) => !Number.isFinite(share) || Math.abs(share) > 2)) return null
  if (shares.length === 4 || shares.length === 5) {
    const [x, y, w, h] = shares as [number, number, number, number]
    return { label, box: [(x - w / 2) * width, (y - h / 2) * height, w * width, h * height] }
  }
  const polygon = shares.map((share, at) => share * (at % 2 === 0 ? width : height))
  const xs = polygon.filter((_, at) => at % 2 === 0)
  const ys = polygon.filter((_, at) => at % 2 === 1)
  const [left, top] = [Math.min(...xs), Math.min(...ys)]
  return { label, box: [left, top, Math.max(...xs) - left, Math.max(...ys) - top], polygon }
}

/** `names:` of a data.yaml: a list in brackets, a list of lines, or numbered lines. */
function namesInYaml(text: string): string[] | null {
  const inline = /^names:\s*\[(.*?)\]/ms.exec(text)
  if (inline) return inline[1]!.split(',').map((one) => one.trim().replace(/^['"]|['"]$/g, ''))
  const block = /^names:\s*\n((?:\s+.*\n?|-.*\n?)+)/m.exec(text)
  const lines = (block?.[1] ?? '').split('\n').flatMap((one) => /^\s*(?:-|\d+:)\s*(.+?)\s*$/.exec(one)?.[1] ?? [])
  return lines.length > 0 ? lines.map((one) => one.replace(/^['"]|['"]$/g, '')) : null
}
