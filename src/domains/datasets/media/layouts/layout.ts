import type { UnpackedItem } from '../../../../ports/media/media.ts'
import type { ColumnType } from '../../../../ports/tables/tables.ts'

/** Ways in which people lay out images or recordings and what is known of them. */
export const layoutNames = ['folders', 'table', 'coco', 'voc', 'yolo', 'masks', 'files'] as const
export type LayoutName = (typeof layoutNames)[number]
export type MediaKind = 'image' | 'audio'

export interface MediaWarning {
  code: string
  message: string
  facts: Record<string, unknown>
}

/** A column of the table to be. Without a type it is decided by its values, as in any table. */
export interface LaidColumn {
  name: string
  type: ColumnType | null
  values: (string | null)[]
}

/** The rows that a layout makes of the files. */
export interface LaidOut {
  layout: LayoutName
  media: MediaKind
  /** What was found, for people. */
  sentence: string
  /** The item of each row. */
  items: UnpackedItem[]
  /** What the layout adds to the item's own column. */
  columns: LaidColumn[]
  /** The column that one would predict. */
  target: string | null
  warnings: MediaWarning[]
}

/** The files of an archive or folder, as far as they were looked at. */
export interface Survey {
  items: UnpackedItem[]
  /** Usable images or recordings; those with a problem are not among them. */
  media: UnpackedItem[]
  kind: MediaKind
  byPath: ReadonlyMap<string, UnpackedItem>
  /** Texts are read whole: CSV, JSON, XML that describe items. */
  text(item: UnpackedItem): Promise<string>
  /** Only the beginning was looked at: what is absent may come later. */
  cut: boolean
}

export const nouns: Record<MediaKind, { one: string; many: string }> = {
  image: { one: 'image', many: 'images' },
  audio: { one: 'recording', many: 'recordings' },
}
export const countOf = (n: number, kind: MediaKind): string =>
  `${n.toLocaleString('en')} ${n === 1 ? nouns[kind].one : nouns[kind].many}`
export const quoted = (names: readonly string[], most = 6): string =>
  names
    .slice(0, most)
    .map((name) => `"${name}"`)
    .join(', ') + (names.length > most ? ` and ${names.length - most} more` : '')
