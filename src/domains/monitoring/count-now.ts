import type { Tables } from '../../ports/tables/tables.ts'
import { type BaselineColumn, pointsOf } from './baseline.ts'
import type { NowColumn } from './compare-columns.ts'

const mostListed = 1000

/** Counts columns in `source`, a query in which each has an alias. */
export async function countNow(
  tables: Tables,
  {
    columns,
    source,
    rows,
    ...job
  }: {
    columns: readonly { column: BaselineColumn; alias: string }[]
    source: string
    rows: number
    folders: string[]
    files?: string[]
    signal: AbortSignal
  },
): Promise<NowColumn[]> {
  const numbers = columns.flatMap(({ column, alias }) => (column.kind === 'number' ? [{ column, alias }] : []))
  const categories = columns.filter(({ column }) => column.kind === 'category')
  const cells =
    numbers.length === 0
      ? []
      : await tables.countCells({
          ...job,
          query: { sql: `SELECT ${numbers.map(({ alias }) => alias).join(', ')} FROM (${source})` },
          points: numbers.map(({ column }) => pointsOf(column)),
        })
  const listed =
    categories.length === 0
      ? []
      : await tables.run({
          ...job,
          statements: [
            { sql: `CREATE TEMP VIEW source AS ${source}` },
            ...categories.flatMap(({ alias }) => [
              {
                sql: `SELECT ${alias}, count(*) AS n FROM source WHERE ${alias} IS NOT NULL GROUP BY 1 ORDER BY n DESC, 1 LIMIT ${mostListed}`,
              },
              { sql: `SELECT count(${alias}) FROM source` },
            ]),
          ],
        })
  let number = 0
  let category = 0
  return columns.map(({ column }): NowColumn => {
    if (column.kind === 'number') {
      const counted = cells[number++]!
      return { kind: 'number', rows, missing: counted.missing, cells: counted.cells }
    }
    const found = (listed[1 + 2 * category]!.rows as [string, number][]).map(([value, count]) => ({ value, count }))
    const present = listed[2 + 2 * category++]!.rows[0]![0] as number
    const named = found.reduce((sum, { count }) => sum + count, 0)
    return { kind: 'category', rows, missing: rows - present, categories: found, others: present - named }
  })
}
