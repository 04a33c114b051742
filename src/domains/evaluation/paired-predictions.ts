import { randomUUID } from 'node:crypto'
import { preconditionFailed } from '../../kernel/errors.ts'
import type { BlobStore } from '../../ports/blobs/blob-store.ts'
import type { Files } from '../../ports/files/files.ts'
import { parquet } from '../../ports/tables/sql.ts'
import type { Tables } from '../../ports/tables/tables.ts'
import type { Signature } from '../registry/schema.ts'
import type { ClassPredictions, NumberPredictions, Predictions } from './statistics/predictions.ts'

export interface PairedPredictions {
  a: Predictions
  b: Predictions
  rows: number
}

/** Few enough that reading them never holds up other work. */
const rowsPerQuery = 20_000

/** What two versions said about the sealed rows that both answered, row by row; from blobs. */
export async function pairedPredictions(
  { blobs, files, tables, folder }: { blobs: BlobStore; files: Files; tables: Tables; folder: string },
  { a, b, signature }: { a: string; b: string; signature: Signature },
): Promise<PairedPredictions> {
  const copies: string[] = []
  const located = async (sha256: string): Promise<string> => {
    const path = blobs.localPath(sha256)
    if (path) return path
    const name = `${randomUUID()}.parquet`
    copies.push(name)
    await files.makeFolder(folder)
    await blobs.materialise(sha256, files.resolvePath(folder, name))
    return files.resolvePath(folder, name)
  }
  try {
    return await readPaired(tables, { a: await located(a), b: await located(b), signature })
  } finally {
    for (const name of copies) await files.remove(folder, name)
  }
}

/** The same, from files. */
export async function readPaired(
  tables: Tables,
  { a, b, signature }: { a: string; b: string; signature: Signature },
): Promise<PairedPredictions> {
  const width = signature.classes?.length ?? 0
  const said = (side: 'a' | 'b') =>
    width > 0
      ? [`${side}.predicted`, ...Array.from({ length: width }, (_, k) => `CAST(${side}.p_${k} AS DOUBLE)`)]
      : [`CAST(${side}.prediction AS DOUBLE)`]
  const rows: unknown[][] = []
  let last = -1
  for (;;) {
    const [part] = await tables.run({
      files: [a, b],
      quick: true,
      statements: [
        {
          sql: `SELECT a.__row, a.actual, ${[...said('a'), ...said('b')].join(', ')}
            FROM ${parquet(a)} a JOIN ${parquet(b)} b ON a.__row = b.__row
            WHERE a.__row > $1 AND b.__row > $1 ORDER BY a.__row LIMIT ${rowsPerQuery}`,
          params: [last],
        },
      ],
    })
    for (const [, ...row] of part!.rows) rows.push(row)
    last = Number(part!.rows.at(-1)?.[0] ?? last)
    if (part!.rows.length < rowsPerQuery) break
  }
  if (rows.length === 0) throw preconditionFailed('The two versions have no sealed row in common.', {})
  return signature.classes
    ? { a: classesOf(rows, signature.classes, 1), b: classesOf(rows, signature.classes, 2 + width), rows: rows.length }
    : { a: numbersOf(rows, 1), b: numbersOf(rows, 2), rows: rows.length }
}

/** Columns from `at`: the label, then the probability of each class. Engines put the positive class of two last. */
function classesOf(rows: readonly unknown[][], classes: readonly string[], at: number): ClassPredictions {
  const indexOf = new Map(classes.map((name, k) => [name, k]))
  const width = classes.length
  const probabilities = new Float64Array(rows.length * width)
  rows.forEach((row, i) => {
    for (let k = 0; k < width; k++) probabilities[i * width + k] = row[at + 1 + k] as number
  })
  return {
    kind: 'classes',
    classes: width,
    actual: Int32Array.from(rows, (row) => indexOf.get(row[0] as string)!),
    label: Int32Array.from(rows, (row) => indexOf.get(row[at] as string)!),
    probabilities,
  }
}

const numbersOf = (rows: readonly unknown[][], at: number): NumberPredictions => ({
  kind: 'numbers',
  actual: Float64Array.from(rows, (row) => row[0] as number),
  predicted: Float64Array.from(rows, (row) => row[at] as number),
})
