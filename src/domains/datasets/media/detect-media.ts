import type * as z from 'zod'
import { invalidInput } from '../../../kernel/errors.ts'
import type { ColumnType } from '../../../ports/tables/tables.ts'
import type { Detection, ReadOptions } from '../schema.ts'
import { columnNamed } from '../target.ts'
import { type Changes, changesOf } from './import-media.ts'
import { layOut, layoutsOf } from './layouts/detect-layout.ts'
import type { LaidColumn } from './layouts/layout.ts'
import { mediaColumns } from './media-columns.ts'
import { type SurveyNeeds, survey } from './survey.ts'

/** Looking takes this much of an archive; the import reads all of it. */
const look = { maxBytes: 512 * 1024 ** 2, maxItems: 300 }
const previewRows = 50

/** How an archive or folder of media would be read. Stores nothing. */
export async function detectMedia(
  needs: SurveyNeeds,
  work: { folder: string; signal?: AbortSignal },
  from: string,
  wish: { options?: Partial<ReadOptions>; columns?: Changes },
): Promise<z.output<typeof Detection>> {
  const found = await survey(needs, { ...work, from, look })
  const laid = await layOut(found, { layout: wish.options?.layout })
  const columns = mediaColumns(laid)
  const changes = changesOf(columns, wish.columns ?? [])
  for (const { name } of changes) columnNamed(columns, name, 'columns')
  const dropped = new Set(changes.filter(({ action }) => action === 'drop').map(({ name }) => name))
  const shown = columns.filter(({ name }) => !dropped.has(name))
  const more = found.cut ? 'at least ' : ''
  return {
    options: { format: 'media', layout: laid.layout },
    columns: shown.map((column) => ({
      name: changes.find(({ name }) => name === column.name)?.rename ?? column.name,
      type: changes.find(({ name }) => name === column.name)?.type ?? column.type ?? guess(column),
      nullable: column.values.some((value) => value === null),
      personalData: null,
    })),
    preview: laid.items.slice(0, previewRows).map((_, row) => shown.map(({ values }) => values[row])),
    notes: [
      laid.sentence,
      ...(found.cut ? [`The archive is large: this is what its first ${found.items.length} files show.`] : []),
      ...[...found.warnings, ...laid.warnings].slice(0, 30).map(({ message }) => message),
    ],
    rowsEstimate: found.cut ? null : laid.items.length,
    media: {
      kind: laid.media,
      layout: laid.layout,
      sentence: more + laid.sentence,
      layouts: await layoutsOf(found),
      items: laid.items.length,
      sizeBytes: found.unpacked.sizeBytes,
      target: laid.target,
      cut: found.cut,
      warnings: [...found.warnings, ...laid.warnings].slice(0, 200),
    },
  }
}

/** A column whose type its values decide: shown as it will most likely be. */
const guess = ({ values }: LaidColumn): ColumnType => {
  const present = values.filter((value): value is string => value !== null && value !== '')
  if (present.every((value) => /^[+-]?\d{1,15}$/.test(value))) return 'integer'
  if (present.every((value) => Number.isFinite(Number(value)))) return 'number'
  return present.some((value) => value.split(' ').length > 4) ? 'text' : 'category'
}

/** Refuses a target that is not there. */
export function refuseMediaTarget(detection: z.output<typeof Detection>, target: string | null): void {
  if (target === null) return
  const { type } = columnNamed(detection.columns, target, 'target')
  if (type === 'image' || type === 'audio')
    throw invalidInput(`The target "${target}" names the items themselves. Choose what is to be told of them.`, {
      field: 'target',
      column: target,
    })
}
