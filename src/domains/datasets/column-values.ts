import { identifier, parquet } from '../../ports/tables/sql.ts'
import type { Tables } from '../../ports/tables/tables.ts'
import type { Column } from './schema.ts'

/** How often which value stands in a column, exactly. */
export interface ColumnValues {
  rows: number
  missing: number
  distinct: number
  /** The most frequent first; values of equal count by their text. */
  values: { value: string; count: number }[]
}

/** Counts a column's values; the empty text counts as missing, and classes are written as engines write them (whole numbers without a point). */
export async function columnValues(
  tables: Tables,
  table: { path: string; column: Pick<Column, 'name' | 'type'> },
  most: number,
): Promise<ColumnValues> {
  const { name, type } = table.column
  const text = `CAST(${identifier(name)} AS VARCHAR)`
  const from = `(SELECT ${type === 'category' || type === 'text' ? `nullif(${text}, '')` : text} AS v FROM ${parquet(table.path)})`
  const [totals, top] = await tables.run({
    files: [table.path],
    quick: true,
    statements: [
      { sql: `SELECT count(*), count(v), count(DISTINCT v) FROM ${from}` },
      { sql: `SELECT v, count(*) AS n FROM ${from} WHERE v IS NOT NULL GROUP BY v ORDER BY n DESC, v LIMIT $1`, params: [most] },
    ],
  })
  const [rows, present, distinct] = totals!.rows[0] as number[]
  const shown = (value: string) => (type === 'number' ? value.replace(/\.0$/, '') : value)
  return {
    rows: rows!,
    missing: rows! - present!,
    distinct: distinct!,
    values: top!.rows.map(([value, count]) => ({ value: shown(value as string), count: count as number })),
  }
}
