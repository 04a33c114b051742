import type { Column } from '@atoll/sdk'

export type ColumnType = Column['type']
const columnTypes: readonly ColumnType[] = [
  'number',
  'integer',
  'boolean',
  'datetime',
  'category',
  'text',
  'id',
  'image',
  'audio',
]

/** Types that a column may be given: items of media come with their files, and stay what they are. */
export const typesFor = (now: ColumnType): readonly ColumnType[] =>
  isMedia(now) ? [now] : columnTypes.filter((type) => !isMedia(type))

const isMedia = (type: ColumnType) => type === 'image' || type === 'audio'

const marks: Record<ColumnType, string> = {
  number: '1.5',
  integer: '123',
  boolean: '0/1',
  datetime: 'date',
  category: 'A·B',
  text: 'text',
  id: 'id',
  image: 'image',
  audio: 'audio',
}

/** The type of a column, as a small mark. */
export const TypeMark = ({ type }: { type: ColumnType }) => (
  <span title={type} className="num inline-block min-w-8 rounded-sm bg-sunken px-1 text-center text-[0.6875rem] text-faint">
    <span aria-hidden="true">{marks[type]}</span>
    <span className="sr-only">{type}</span>
  </span>
)

export const isNumeric = (type: ColumnType): boolean => type === 'number' || type === 'integer'
