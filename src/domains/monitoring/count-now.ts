import type { Tables } from '../../ports/tables/tables.ts'
import { type BaselineColumn, pointsOf } from './baseline.ts'
import type { NowColumn } from './compare-columns.ts'

const mostListed = 1000
const manyRows = 50_000

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
  const cellsOf = (part: typeof numbers) =>
    part.length === 0
      ? []
      : tables.countCells({
          ...job,
          query: { sql: `SELECT ${part.map(({ alias }) => alias).join(', ')} FROM (${source})` },
          points: part.map(({ column }) => pointsOf(column)),
        })
  // Of many rows each half of the columns is counted by itself, beside the other.
  const half = rows > manyRows ? Math.ceil(numbers.length / 2) : numbers.length
  const [first, second, listed] = await Promise.all([
    cellsOf(numbers.slice(0, half)),
    cellsOf(numbers.slice(half)),
    categories.length === 0
      ? []
      : tables.run({
          ...job,
          statements: [
            { sql: `CREATE TEMP VIEW source AS ${source}` },
            { sql: `SELECT ${categories.map(({ alias }) => `count(${alias})`).join(', ')} FROM source` },
            ...categories.map(({ alias }) => ({
              sql: `SELECT ${alias}, count(*) AS n FROM source WHERE ${alias} IS NOT NULL GROUP BY 1 ORDER BY n DESC, 1 LIMIT ${mostListed}`,
            })),
          ],
        }),
  ])
  const cells = [...first, ...second]
  let number = 0
  let category = 0
  return columns.map(({ column }): NowColumn => {
    if (column.kind === 'number') {
      const counted = cells[number++]!
      return { kind: 'number', rows, missing: counted.missing, cells: counted.cells }
    }
    const present = listed[1]!.rows[0]![category] as number
    const found = (listed[2 + category++]!.rows as [string, number][]).map(([value, count]) => ({ value, count }))
    const named = found.reduce((sum, { count }) => sum + count, 0)
    return { kind: 'category', rows, missing: rows - present, categories: found, others: present - named }
  })
}
