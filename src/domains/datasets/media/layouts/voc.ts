import { type BoxedItem, boxColumns } from './boxes.ts'
import { unnamed } from './coco.ts'
import { folderOf, itemFinder, nameOf, stemOf } from './find-item.ts'
import { countOf, type LaidOut, type MediaWarning, quoted, type Survey } from './layout.ts'
import { partOf, partsColumn } from './parts.ts'

/** Pascal VOC: an XML file for each image. */
export async function layVoc(survey: Survey): Promise<LaidOut | null> {
  if (survey.kind !== 'image') return null
  const find = itemFinder(survey.media)
  const rows: (BoxedItem & { part: string | null })[] = []
  const broken: MediaWarning[] = []
  for (const item of survey.items) {
    if (item.kind !== 'text' || !/\.xml$/i.test(item.path)) continue
    const text = await survey.text(item)
    if (!/<annotation[\s>]/.test(text)) continue
    const named = inside(text, 'filename')
    const image = (named && find(named, folderOf(item.path))) || find(stemOf(nameOf(item.path)))
    if (!image) {
      if (!survey.cut) broken.push(warn('absent_item', item.path, `names the image "${named ?? ''}", which is not there`))
      continue
    }
    const boxes: BoxedItem['boxes'] = []
    for (const [, object] of text.matchAll(/<object>([\s\S]*?)<\/object>/g)) {
      const label = inside(object!, 'name')
      const box = inside(object!, 'bndbox') ?? ''
      const [x0, y0, x1, y1] = ['xmin', 'ymin', 'xmax', 'ymax'].map((name) => Number(inside(box, name) ?? Number.NaN)) as [
        number,
        number,
        number,
        number,
      ]
      if (label === null || [x0, y0, x1, y1].some(Number.isNaN))
        broken.push(warn('broken_object', item.path, 'holds an object without a name or a whole box'))
      else boxes.push({ label, box: [x0, y0, x1 - x0, y1 - y0] })
    }
    rows.push({ item: image, boxes, from: item.path, part: image.path.split('/').map(partOf).find(Boolean) ?? null })
  }
  if (rows.length === 0) return null
  const { columns, warnings, labels, count } = boxColumns(rows)
  const described = new Set(rows.map(({ item }) => item))
  return {
    layout: 'voc',
    media: 'image',
    sentence: `${countOf(rows.length, 'image')} with ${count.toLocaleString('en')} objects of ${labels.length} kinds (${quoted(labels)}), in Pascal VOC's form.`,
    items: rows.map(({ item }) => item),
    columns: [...columns, ...partsColumn(rows.map(({ part }) => part))],
    target: null,
    warnings: [
      ...broken.slice(0, 50),
      ...(survey.cut ? [] : unnamed(survey.media.filter((item) => !described.has(item)))),
      ...warnings,
    ],
  }
}

const warn = (code: string, file: string, what: string): MediaWarning => ({
  code,
  message: `"${file}" ${what}.`,
  facts: { file },
})

const entities: Record<string, string> = { '&lt;': '<', '&gt;': '>', '&quot;': '"', '&apos;': "'", '&amp;': '&' }
function inside(text: string, tag: string): string | null {
  const found = new RegExp(`<${tag}>([\\s\\S]*?)</${tag}>`).exec(text)
  return found ? found[1]!.trim().replace(/&(lt|gt|quot|apos|amp);/g, (sign) => entities[sign]!) : null
}
