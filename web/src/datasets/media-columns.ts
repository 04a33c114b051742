import type { Column, DatasetVersion } from '@atoll/sdk'

/** What the columns of a media version are for. */
export interface MediaColumns {
  /** The column whose items the rows are. */
  own: Column
  kind: 'image' | 'audio'
  masks: Column[]
  boxes: Column | null
  /** Shown under an item: the target, or what looks like a label. */
  label: Column | null
  measured: Record<'width' | 'height' | 'seconds', string | null>
}

export function mediaColumns(version: DatasetVersion, target: string | null): MediaColumns | null {
  const media = version.columns.filter(({ type }) => type === 'image' || type === 'audio')
  const [own, ...masks] = media
  if (!own) return null
  const named = (name: string) => version.columns.find((column) => column.name === name) ?? null
  const first = (...names: string[]) => names.map(named).find((column) => column !== null)?.name ?? null
  const categories = version.columns.filter(
    ({ name, type }) => (type === 'category' || type === 'boolean') && !['part', 'came_in', 'copy_group'].includes(name),
  )
  const aimed = target ? named(target) : null
  return {
    own,
    kind: own.type === 'audio' ? 'audio' : 'image',
    masks,
    boxes: named('boxes'),
    label: (aimed && !media.includes(aimed) ? aimed : null) ?? named('label') ?? categories[0] ?? null,
    measured: {
      width: first('file_width', 'width'),
      height: first('file_height', 'height'),
      seconds: first('file_seconds', 'seconds'),
    },
  }
}
