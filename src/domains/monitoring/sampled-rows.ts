import type { Tables } from '../../ports/tables/tables.ts'
import { spread } from './spread.ts'
import type { MixedColumn } from './statistics/domain-classifier.ts'

/** Whole rows, column by column: what tells how columns go together. */
export interface JointSample {
  rows: number
  columns: { name: string; kind: 'number' | 'category'; values: (number | string | null)[] }[]
}

/** Rows of the baseline and of now, one after the other, of the columns that both have. */
export interface SampledRows {
  baselineRows: number
  columns: MixedColumn[]
}

/** Few enough that a baseline stays small whatever its width. */
const mostCells = 400_000
export const mostJointRows = (columns: number): number =>
  Math.max(300, Math.min(5000, Math.floor(mostCells / Math.max(1, columns))))

/** Draws rows by a hash of their number: the same rows whenever it is asked. */
export async function drawRows(
  tables: Tables,
  about: {
    /** A query with `row_id` and the columns by their aliases. */
    source: string
    rows: number
    columns: readonly { name: string; kind: 'number' | 'category'; alias: string }[]
    most: number
    folders: string[]
    signal: AbortSignal
  },
): Promise<JointSample> {
  const { columns, source, rows, most, ...job } = about
  if (columns.length === 0) return { rows: 0, columns: [] }
  // Filtered first, so that the sort sees few rows; twice as many, as a hash does not fall evenly.
  const every = Math.max(1, Math.floor(rows / (2 * most)))
  const filter = every > 1 ? `WHERE hash(row_id) % ${every} = 0` : ''
  const [found] = await tables.run({
    ...job,
    statements: [
      {
        sql: `SELECT ${columns.map(({ alias }) => alias).join(', ')} FROM (${source}) ${filter} ORDER BY hash(row_id + 1), row_id LIMIT ${most}`,
      },
    ],
  })
  return {
    rows: found!.rows.length,
    columns: columns.map(({ name, kind }, c) => ({
      name,
      kind,
      values: found!.rows.map((row) => row[c] as number | string | null),
    })),
  }
}

/** As many rows of both as there are of the fewer, at most so many. */
export function besideEachOther(baseline: JointSample, now: JointSample, most: number): SampledRows {
  const [before, after] = [Math.min(baseline.rows, most), Math.min(now.rows, most)]
  const columns = baseline.columns.flatMap((column) => {
    const other = now.columns.find(({ name, kind }) => name === column.name && kind === column.kind)
    if (!other) return []
    const values = [...spread(column.values, before), ...spread(other.values, after)]
    return [{ name: column.name, kind: column.kind, values } as MixedColumn]
  })
  return { baselineRows: before, columns }
}
