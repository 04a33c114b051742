import type { Files } from '../../ports/files/files.ts'
import { identifier, parquet } from '../../ports/tables/sql.ts'
import type { Tables } from '../../ports/tables/tables.ts'
import type { Signature } from '../registry/schema.ts'

/** Enough for a mean that a few rows more would hardly move. */
export const backgroundRows = 100

/** Draws rows of a laid table (data.parquet and schema.json) as a client would send them. The same seed draws the same rows. */
export async function drawRows(
  { files, tables }: { files: Files; tables: Tables },
  { folder, signature, rows, seed }: { folder: string; signature: Pick<Signature, 'inputs'>; rows: number; seed: number },
): Promise<Record<string, unknown>[]> {
  const path = files.resolvePath(folder, 'data.parquet')
  const columns = signature.inputs.map(({ name }) => identifier(name))
  const [drawn] = await tables.run({
    files: [path],
    quick: true,
    statements: [
      {
        sql: `SELECT ${columns.join(', ')} FROM (SELECT * FROM ${parquet(path)} ORDER BY hash(__row + $1), __row LIMIT ${rows}) ORDER BY __row`,
        params: [seed],
      },
    ],
  })
  return drawn!.rows.map((row) => Object.fromEntries(signature.inputs.map((input, i) => [input.name, asSent(row[i], input)])))
}

/** A cell as the encoder takes it: an identifier kept as a number is a text for the model, and a large whole number comes as text. */
export function asSent(value: unknown, { tensor, type }: Signature['inputs'][number]): unknown {
  if (value === null || value === undefined) return null
  if (tensor === 'strings') return String(value)
  if (type === 'number' || type === 'integer') {
    const number = Number(value)
    return Number.isFinite(number) ? number : null
  }
  return value
}

/** Whether a model reads nothing but plain columns, so that they can be exchanged one by one. */
export const readsPlainColumns = ({ inputs, classes, task }: Signature): boolean =>
  inputs.length > 0 &&
  inputs.every(({ tensor }) => tensor === 'numbers' || tensor === 'strings') &&
  (task === 'regression' || (classes?.length ?? 0) > 1)
