import { availableParallelism } from 'node:os'
import type { Tables } from '../../ports/tables/tables.ts'
import { type BaselineColumn, pointsOf } from './baseline.ts'
import type { NowColumn } from './compare-columns.ts'

const mostListed = 1000
const manyRows = 50_000

interface Watched {
  column: BaselineColumn
  alias: string
}

interface Job {
  source: string
  rows: number
  folders: string[]
  files?: string[]
  signal: AbortSignal
}

/** Counts columns in `source`, a query in which each has an alias. Of many rows each half of the columns is counted by itself, beside the other. */
export async function countNow(tables: Tables, { columns, ...job }: Job & { columns: readonly Watched[] }): Promise<NowColumn[]> {
  const isHalved = job.rows > manyRows && columns.length > 1
  const parts = isHalved ? [0, 1].map((half) => everyOther(columns, half)) : [columns]
  const threads = isHalved ? Math.max(1, Math.floor(availableParallelism() / 2)) : undefined
  const counted = await Promise.all(parts.map((part) => countPart(tables, part, { ...job, threads })))
  return columns.map((_, i) => (isHalved ? counted[i % 2]![i >> 1]! : counted[0]![i]!))
}

/** Numbers cost more than categories, and either kind mostly stands together: every other column makes even halves. */
const everyOther = (columns: readonly Watched[], half: number): Watched[] => columns.filter((_, i) => i % 2 === half)

async function countPart(
  tables: Tables,
  columns: readonly Watched[],
  { source, rows, ...job }: Job & { threads: number | undefined },
): Promise<NowColumn[]> {
  const numbers = columns.flatMap(({ column, alias }) => (column.kind === 'number' ? [{ column, alias }] : []))
  const texts = columns.filter(({ column }) => column.kind === 'category')
  const { cells, listed } = await tables.session(job, async (run, countCells) => ({
    cells:
      numbers.length === 0
        ? []
        : await countCells(
            { sql: `SELECT ${numbers.map(({ alias }) => alias).join(', ')} FROM (${source})` },
            numbers.map(({ column }) => pointsOf(column)),
          ),
    listed:
      texts.length === 0
        ? []
        : await run([
            { sql: `CREATE TEMP VIEW source AS ${source}` },
            ...texts.map(({ alias }) => ({
              sql: `SELECT ${alias}, count(*) AS n FROM source GROUP BY 1 ORDER BY ${alias} IS NULL DESC, n DESC, 1 LIMIT ${mostListed + 1}`,
            })),
          ]),
  }))
  let number = 0
  let category = 0
  return columns.map(({ column }): NowColumn => {
    if (column.kind === 'number') {
      const counted = cells[number++]!
      return { kind: 'number', rows, missing: counted.missing, cells: counted.cells }
    }
    const groups = listed[1 + category++]!.rows as [string | null, number][]
    const missing = groups[0]?.[0] === null ? groups[0][1] : 0
    const categories = groups.flatMap(([value, count]) => (value === null ? [] : [{ value, count }])).slice(0, mostListed)
    const named = categories.reduce((sum, { count }) => sum + count, 0)
    return { kind: 'category', rows, missing, categories, others: rows - missing - named }
  })
}
