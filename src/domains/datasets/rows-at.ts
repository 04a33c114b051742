import { identifier, parquet } from '../../ports/tables/sql.ts'
import type { Tables } from '../../ports/tables/tables.ts'
import type { Column } from './schema.ts'

/** Rows of a table by their numbers, in the order of the table. */
export async function rowsAt(
  tables: Tables,
  table: { path: string; columns: readonly Pick<Column, 'name'>[] },
  numbers: readonly number[],
): Promise<{ columns: string[]; rows: unknown[][] }> {
  const columns = ['__row', ...table.columns.map(({ name }) => name)]
  const wanted = numbers.filter(Number.isSafeInteger)
  if (wanted.length === 0) return { columns, rows: [] }
  const [found] = await tables.run({
    files: [table.path],
    quick: true,
    statements: [
      {
        sql: `SELECT ${columns.map(identifier).join(', ')} FROM ${parquet(table.path)} WHERE __row IN (${wanted.map((_, i) => `$${i + 1}`).join(', ')}) ORDER BY __row`,
        params: wanted,
      },
    ],
  })
  return { columns, rows: found!.rows }
}
