import { countOf, type LaidOut, type Survey } from './layout.ts'
import { partOf, partsColumn } from './parts.ts'

/** Items and nothing said of them. */
export function layFiles({ media, kind }: Survey): LaidOut {
  const folders = new Set(media.map(({ path }) => path.split('/').slice(0, -1).join('/')))
  const parts = media.map(
    ({ path }) =>
      path
        .split('/')
        .slice(0, -1)
        .map(partOf)
        .find((part) => part !== null) ?? null,
  )
  return {
    layout: 'files',
    media: kind,
    sentence: `${countOf(media.length, kind)}${folders.size > 1 ? ` in ${folders.size} folders` : ''}, and nothing that says what they show: no label.`,
    items: media,
    columns: partsColumn(parts),
    target: null,
    warnings: [],
  }
}
