import { Readable } from 'node:stream'
import type { Files } from '../../../ports/files/files.ts'
import type { Db } from '../../../ports/metadata/metadata.ts'
import { identifier, literal } from '../../../ports/tables/sql.ts'
import type { Signature } from '../../registry/schema.ts'
import { type CapturedWindow, type CaptureFiles, capturedRows, fieldTexts, pointer } from '../log/captured-sql.ts'
import { truthPages } from './store.ts'
import type { TruthKind } from './values.ts'

export const truthFile = 'truth.jsonl'

/** Writes what is known of an endpoint beside a query; answers how much that is. */
export async function layTruth({ db, files }: { db: Db; files: Files }, endpointId: string, folder: string): Promise<number> {
  let count = 0
  async function* lines() {
    for await (const page of truthPages(db, endpointId)) {
      count += page.length
      if (page.length > 0)
        yield page.map(({ ref, value }) => `${JSON.stringify({ k: kindOf(ref), r: refText(ref), v: value })}\n`).join('')
    }
  }
  await files.writeStream(folder, truthFile, Readable.from(lines()))
  return count
}

const kindOf = (ref: string): string => ref.slice(0, ref.indexOf(':'))
const refText = (ref: string): string => ref.slice(ref.indexOf(':') + 1)

const truthOf = (folder: string, kind: 'id' | 'key'): string =>
  `(SELECT r, v FROM read_json(${literal(`${folder}/${truthFile}`)}, format = 'newline_delimited',
    columns = {k: 'VARCHAR', r: 'VARCHAR', v: 'VARCHAR'}) WHERE k = '${kind}')`

/**
 * A query of captured rows with what is known of each in `truth` (JSON, or NULL), by its id or else by its key. What is known is what is kept in memory,
 * the captured rows stream past it.
 */
export function rowsWithTruth(
  captures: CaptureFiles,
  { window, key, folder }: { window: CapturedWindow; key: string | null; folder: string },
): string {
  const byId = `LEFT JOIN ${truthOf(folder, 'id')} i ON i.r = c.id`
  if (key === null) return `SELECT c.*, i.v AS truth FROM (${capturedRows(captures, window)}) c ${byId}`
  const keyed = `SELECT *, row_values ->> ${literal(pointer(key))} AS key_text FROM (${capturedRows(captures, window)})`
  return `SELECT c.*, coalesce(i.v, k.v) AS truth FROM (${keyed}) c ${byId} LEFT JOIN ${truthOf(folder, 'key')} k ON k.r = c.key_text`
}

/** The columns of a labelled row: each input by its own name and type, then `__id`, `__at`, `__version`, `__variant`, what was said, and `__truth`. */
export function labelledColumns(signature: Signature, kind: TruthKind): { select: string; from(rows: string): string } {
  const names = signature.inputs.map(({ name }) => name)
  const inputs = signature.inputs.map(
    ({ name, type, tensor }, i) => `${typedInput(`texts[${i + 1}]`, type, tensor)} AS ${identifier(name)}`,
  )
  const said =
    kind.score === 'classes'
      ? [`prediction ->> '/label' AS __label`]
      : kind.score === 'numbers'
        ? [`TRY_CAST((prediction ->> '/value') AS DOUBLE) AS __value`]
        : [`prediction::VARCHAR AS __prediction`]
  const own = [
    'id AS __id',
    'make_timestamp("at" * 1000) AS __at',
    'version AS __version',
    'variant AS __variant',
    ...said,
    `(prediction -> '/probabilities')::VARCHAR AS __probabilities`,
    `${kind.toColumn('truth')} AS __truth`,
  ]
  return {
    select: [...inputs, ...own].join(', '),
    from: (rows) =>
      `SELECT *, ${names.length > 0 ? fieldTexts('row_values', names) : '[]'} AS texts FROM (${rows}) WHERE truth IS NOT NULL`,
  }
}

/** A captured text as the column that training had: what is not of its type (a hash, a hidden value) is missing. */
export function typedInput(text: string, type: string, tensor: string): string {
  if (tensor !== 'numbers') return `NULLIF(${text}, '')`
  if (type === 'integer') return `TRY_CAST(TRY_CAST(${text} AS DOUBLE) AS BIGINT)`
  if (type === 'boolean') return `TRY_CAST(CASE ${text} WHEN '1' THEN 'true' WHEN '0' THEN 'false' ELSE ${text} END AS BOOLEAN)`
  if (type === 'datetime') return `TRY_CAST(${text} AS TIMESTAMPTZ)::TIMESTAMP`
  return `TRY_CAST(${text} AS DOUBLE)`
}
