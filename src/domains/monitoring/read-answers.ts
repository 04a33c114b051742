import { identifier, parquet } from '../../ports/tables/sql.ts'
import type { Tables } from '../../ports/tables/tables.ts'
import type { ModelVersion, Signature } from '../registry/schema.ts'
import type { Answer } from './answers.ts'
import { type Captured, capturedRows } from './captured-rows.ts'

export const mostAnswers = 10_000
const atOnce = 2_000

/** What was answered in a time: a sample by the hash of the prediction's id. */
export async function readAnswers(tables: Tables, captured: Captured, most = mostAnswers): Promise<Answer[]> {
  if (captured.captures.paths.length === 0) return []
  const answers: Answer[] = []
  const { captures, folder, signal } = captured
  await tables.session({ folders: [captures.folder, folder], scratch: folder, signal }, async (run) => {
    await run([
      {
        sql: `CREATE TEMP TABLE answered AS SELECT prediction::VARCHAR AS said FROM (${capturedRows(captured)})
          ORDER BY hash(prediction ->> '/id'), prediction ->> '/id' LIMIT ${most}`,
      },
    ])
    for (let from = 0; ; from += atOnce) {
      const [found] = await run([{ sql: `SELECT said FROM answered LIMIT ${atOnce} OFFSET ${from}` }])
      for (const [said] of found!.rows) answers.push({ said: JSON.parse(said as string), truth: null })
      if (found!.rows.length < atOnce) return
    }
  })
  return answers
}

/** Rows as clients sent them, a sample; hidden inputs are missing from them. */
export async function readInputs(tables: Tables, captured: Captured, most: number): Promise<Record<string, unknown>[]> {
  if (captured.captures.paths.length === 0) return []
  const { captures, folder, signal } = captured
  const [found] = await tables.run({
    folders: [captures.folder, folder],
    scratch: folder,
    signal,
    statements: [
      {
        sql: `SELECT row_values::VARCHAR FROM (${capturedRows(captured)}) ORDER BY hash(prediction ->> '/id'), prediction ->> '/id' LIMIT ${most}`,
      },
    ],
  })
  return found!.rows.map(([row]) => JSON.parse(row as string))
}

/** Rows of a table as clients would send them, a sample. */
export async function readTableInputs(
  tables: Tables,
  { signature, folder, most, signal }: { signature: Signature; folder: string; most: number; signal: AbortSignal },
): Promise<Record<string, unknown>[]> {
  const names = signature.inputs.map(({ name }) => name)
  const [found] = await tables.run({
    folders: [folder],
    signal,
    statements: [
      {
        sql: `SELECT ${names.map(identifier).join(', ')} FROM ${parquet(`${folder}/data.parquet`)} ORDER BY hash(__row), __row LIMIT ${most}`,
      },
    ],
  })
  return found!.rows.map((row) => Object.fromEntries(names.map((name, i) => [name, row[i]])))
}

/** Predictions with their truth as `labelledRows` lays them: of one version, the newest where there are many. */
export async function readLabelled(
  tables: Tables,
  { file, folder, version, signal }: { file: string; folder: string; version: ModelVersion; signal: AbortSignal },
): Promise<Answer[]> {
  const { signature } = version
  const said = signature.classes === null ? '__value' : '__label'
  const [found] = await tables.run({
    folders: [folder],
    signal,
    statements: [
      {
        sql: `SELECT ${said}, __probabilities, __truth FROM ${parquet(file)} WHERE __version = $1 AND __truth IS NOT NULL ORDER BY __at DESC LIMIT ${mostLabelled}`,
        params: [version.id],
      },
    ],
  })
  return found!.rows.map(([answer, probabilities, truth]) => ({
    said:
      signature.classes === null
        ? { value: answer as number }
        : { label: answer as string, probabilities: probabilities === null ? undefined : JSON.parse(probabilities as string) },
    truth: truth as string | number,
  }))
}

const mostLabelled = 20_000
