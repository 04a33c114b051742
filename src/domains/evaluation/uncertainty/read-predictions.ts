import { parquet } from '../../../ports/tables/sql.ts'
import type { Tables } from '../../../ports/tables/tables.ts'
import type { Signature } from '../../registry/schema.ts'
import type { Predictions } from '../statistics/predictions.ts'

const rowsPerQuery = 20_000
/** Limits of 20,000 rows are sharp enough, and nothing else waits for them. */
const mostRows = 20_000

/** Predictions of a file that an engine left (oof.parquet, predictions.parquet), at most so many rows, spread over the file. */
export async function readPredictions(
  tables: Tables,
  path: string,
  { classes }: Pick<Signature, 'classes'>,
): Promise<Predictions | null> {
  const width = classes?.length ?? 0
  const said = width > 0 ? Array.from({ length: width }, (_, k) => `CAST(p_${k} AS DOUBLE)`) : ['CAST(prediction AS DOUBLE)']
  const rows: unknown[][] = []
  await tables.session({ files: [path], quick: true }, async (run) => {
    const [counted] = await run([{ sql: `SELECT count(*) FROM ${parquet(path)}` }])
    const step = Math.max(1, Math.ceil(Number(counted!.rows[0]![0]) / mostRows))
    let last = -1
    for (;;) {
      const [part] = await run([
        {
          sql: `SELECT __row, actual, ${said.join(', ')} FROM ${parquet(path)} WHERE __row > $1 AND actual IS NOT NULL AND hash(__row) % ${step} = 0 ORDER BY __row LIMIT ${rowsPerQuery}`,
          params: [last],
        },
      ])
      for (const [, ...row] of part!.rows) rows.push(row)
      if (part!.rows.length < rowsPerQuery) return
      last = Number(part!.rows.at(-1)![0])
    }
  })
  if (!classes) {
    const actual = Float64Array.from(rows, ([value]) => Number(value))
    return rows.length === 0 ? null : { kind: 'numbers', actual, predicted: Float64Array.from(rows, (row) => row[1] as number) }
  }
  const indexOf = new Map(classes.map((name, k) => [name, k]))
  const known = rows.filter(([actual]) => indexOf.has(String(actual)))
  if (known.length === 0) return null
  const probabilities = new Float64Array(known.length * width)
  known.forEach((row, r) => {
    for (let k = 0; k < width; k++) probabilities[r * width + k] = row[1 + k] as number
  })
  const actual = Int32Array.from(known, (row) => indexOf.get(String(row[0]))!)
  return { kind: 'classes', classes: width, actual, label: actual, probabilities }
}
