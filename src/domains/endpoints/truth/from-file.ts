import { invalidInput } from '../../../kernel/errors.ts'
import { identifier, literal, parquet } from '../../../ports/tables/sql.ts'
import type { TableQuery, TableResult } from '../../../ports/tables/tables.ts'
import { parameters } from '../../datasets/import/cast.ts'
import { pseudonymOf } from '../../datasets/import/pseudonym.ts'
import type { TruthKind } from './values.ts'

type Run = (statements: readonly TableQuery[]) => Promise<TableResult[]>

const pageRows = 10_000

/** Reads a CSV or Parquet file of truth into the table `given` (n, kind, ref, value, at) of a session, or refuses it, naming the row. */
export async function readTruthFile(
  run: Run,
  { source, kind, now, hashKey }: { source: string; kind: TruthKind; now: number; hashKey: string | null },
): Promise<{ rows: number; empty: number; by: 'id' | 'key' }> {
  if (!kind.ofText) throw invalidInput(`A file cannot hold ${kind.wanted}. Send such truth as items.`, { field: 'upload' })
  const [described] = await run([{ sql: `DESCRIBE SELECT * FROM ${source}` }])
  const names = described!.rows.map(([name]) => String(name))
  const column = (name: string) => names.find((one) => one.trim().toLowerCase() === name)
  const [id, key, value, at] = ['id', 'key', 'value', 'at'].map(column)
  const ref = id ?? key
  if (ref === undefined || value === undefined || (id !== undefined && key !== undefined))
    throw invalidInput(`The file needs the columns "value" and either "id" or "key"; it has ${names.slice(0, 20).join(', ')}.`, {
      field: 'upload',
      columns: names.slice(0, 20),
    })
  const cell = (name: string) => `NULLIF(trim(${identifier(name)}::VARCHAR), '')`
  await run([
    {
      sql: `CREATE TEMP TABLE given AS SELECT row_number() OVER () AS n, ${cell(ref)} AS ref, ${cell(value)} AS said,
        ${at === undefined ? 'NULL' : cell(at)} AS at_text FROM ${source}`,
    },
    {
      sql: `CREATE TEMP VIEW read AS SELECT n, ref, said, at_text, ${kind.ofText('said')} AS value,
        ${at === undefined ? `${now}::BIGINT` : `coalesce(epoch_ms(TRY_CAST(at_text AS TIMESTAMPTZ)), CASE WHEN at_text IS NULL THEN ${now} END)`} AS "at" FROM given`,
    },
  ])
  const refuse = async (where: string, say: (row: unknown[]) => string) => {
    const [found] = await run([{ sql: `SELECT n, ref, said, at_text FROM read WHERE ${where} ORDER BY n LIMIT 1` }])
    const [row] = found!.rows
    if (row) throw invalidInput(`Row ${row[0]} of the file: ${say(row)}`, { field: 'upload', row: row[0] })
  }
  await refuse('said IS NOT NULL AND ref IS NULL', () => `it has a value and no ${ref}.`)
  await refuse(
    'said IS NOT NULL AND value IS NULL',
    ([, , said]) => `the truth must be ${kind.wanted}, not ${JSON.stringify(said).slice(0, 80)}.`,
  )
  await refuse(
    '"at" IS NULL',
    ([, , , text]) => `"at" must be a time such as 2026-01-31T12:00:00Z, not ${JSON.stringify(text).slice(0, 80)}.`,
  )
  if (key !== undefined && hashKey !== null) {
    const { values, add } = parameters()
    const sql = `UPDATE given SET ref = ${pseudonymOf('ref', hashKey, add)}`
    await run([{ sql, params: values }])
  }
  const [counts] = await run([{ sql: 'SELECT count(*), count(*) FILTER (WHERE said IS NULL) FROM given' }])
  const [rows, empty] = counts!.rows[0] as [number, number]
  return { rows, empty, by: id !== undefined ? 'id' : 'key' }
}

/** What `readTruthFile` read, in pages. */
export async function* truthOfFile(run: Run, rows: number): AsyncGenerator<{ ref: string; value: string; at: number }[]> {
  for (let from = 0; from < rows; from += pageRows) {
    const [page] = await run([
      { sql: `SELECT ref, value, "at" FROM read WHERE n > ${from} AND n <= ${from + pageRows} AND said IS NOT NULL` },
    ])
    yield page!.rows.map(([ref, value, at]) => ({ ref: String(ref), value: String(value), at: Number(at) }))
  }
}

/** SQL of a file as a table of texts (CSV) or of what it holds (Parquet). */
export const fileTable = (path: string, kind: 'csv' | 'parquet'): string =>
  kind === 'parquet' ? parquet(path) : `read_csv(${literal(path)}, all_varchar = true, header = true)`
