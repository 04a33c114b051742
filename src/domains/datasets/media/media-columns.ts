import type { UnpackedItem } from '../../../ports/media/media.ts'
import type { LaidColumn, LaidOut } from './layouts/layout.ts'

/** The whole table: the items' own column, what the layout says of them, and what the files say of themselves. */
export function mediaColumns({ media, items, columns }: LaidOut): LaidColumn[] {
  const taken = new Set(columns.map(({ name }) => name.toLowerCase()))
  const own = (name: string, type: LaidColumn['type'], value: (item: UnpackedItem) => string | number | null): LaidColumn => {
    let free = name
    while (taken.has(free.toLowerCase())) free = `file_${free}`
    taken.add(free.toLowerCase())
    return { name: free, type, values: items.map((item) => value(item)?.toString() ?? null) }
  }
  const path = own(media, media, (item) => item.path)
  const facts =
    media === 'image'
      ? [
          own('width', 'integer', ({ image }) => image?.width ?? null),
          own('height', 'integer', ({ image }) => image?.height ?? null),
          own('bytes', 'integer', ({ sizeBytes }) => sizeBytes),
        ]
      : [
          own('seconds', 'number', ({ audio }) => audio?.seconds ?? null),
          own('sample_rate', 'integer', ({ audio }) => audio?.sampleRate ?? null),
          own('channels', 'integer', ({ audio }) => audio?.channels ?? null),
          own('bytes', 'integer', ({ sizeBytes }) => sizeBytes),
        ]
  return [path, ...columns, ...facts]
}
