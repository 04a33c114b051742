import type * as z from 'zod'
import { copyColumn, gatheredColumn, partColumn, speakerColumn } from '../media/column-names.ts'
import { isMediaColumn } from '../media/lay-items.ts'
import type { Column, SplitInput } from '../schema.ts'
import type { ColumnStatistics } from '../store.ts'

type Kind = 'random' | 'stratified' | 'grouped' | 'time' | 'given'

/** Conversations take two: with fewer speakers a sealed part of its own speakers would hear one alone. */
export const fewestForConversations = 8

/** What is asked for, or what the data calls for where nothing is: the column that divides goes with the kind. */
export function chooseKind(
  input: Pick<z.output<typeof SplitInput>, 'kind' | 'groupColumn' | 'timeColumn' | 'partColumn'>,
  data: {
    columns: readonly Column[]
    statistics: Record<string, ColumnStatistics>
    target: string | null
    classes: boolean
    /** From how many speakers on nobody is heard in two parts. */
    fewestSpeakers?: number
  },
): { kind: Kind; groupColumn: string | null; partColumn: string | null } {
  const asked = { groupColumn: input.groupColumn, partColumn: input.partColumn }
  if (input.kind !== 'auto') return { kind: input.kind, ...asked }
  if (input.partColumn) return { kind: 'given', ...asked }
  if (input.timeColumn) return { kind: 'time', ...asked }
  if (input.groupColumn) return { kind: 'grouped', ...asked }
  if (data.columns.some(({ name }) => name === gatheredColumn)) return { kind: 'given', ...asked, partColumn: gatheredColumn }
  const found = ofMedia(data)
  return found ? { ...asked, ...found } : { kind: data.classes ? 'stratified' : 'random', ...asked }
}

/**
 * Images and recordings bring their own honest split: the one they came with; else speakers who are heard in one part only; else
 * copies of an item together.
 */
function ofMedia({ columns, statistics, target, fewestSpeakers = 3 }: Parameters<typeof chooseKind>[1]) {
  if (!columns.some(isMediaColumn)) return null
  const several = (name: string, least: number) =>
    name !== target && columns.some((column) => column.name === name) && (statistics[name]?.distinct ?? 0) >= least
  const speaker = columns.find(({ name }) => speakerColumn.test(name))?.name
  if (several(partColumn, 2) && statistics[partColumn]?.missing === 0) return { kind: 'given' as const, partColumn }
  if (columns.some(({ type }) => type === 'audio') && speaker !== undefined && several(speaker, fewestSpeakers))
    return { kind: 'grouped' as const, groupColumn: speaker }
  if (several(copyColumn, 1)) return { kind: 'grouped' as const, groupColumn: copyColumn }
  return null
}
