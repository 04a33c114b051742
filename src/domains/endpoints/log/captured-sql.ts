import type { LogSegment } from '../../../ports/logs/append-log.ts'
import { literal } from '../../../ports/tables/sql.ts'
import { mainVariant } from '../traffic/schema.ts'

/** Files of captured requests, with everything so far in them. */
export interface CaptureFiles {
  folder: string
  paths: string[]
  /** Size of the largest: no line is longer. */
  largestBytes: number
}

export const captureFiles = (folder: string, segments: readonly LogSegment[]): CaptureFiles => ({
  folder,
  paths: segments.map(({ path }) => path),
  largestBytes: Math.max(0, ...segments.map(({ sizeBytes }) => sizeBytes)),
})

/** A window of time, and whose answers of it: those of a version, of a variant, or all. */
export interface CapturedWindow {
  fromMs: number
  toMs: number
  variant?: string | undefined
  /** SQL that a request must meet, of `body` and `predictions` (JSON): what spares looking into each of its rows. */
  requests?: string | undefined
}

/**
 * A query of captured rows: `at` (ms), `version`, `variant`, `id`, `row_values` (JSON of what was sent) and `prediction` (JSON of what was answered).
 * A line that a crash cut short is no row.
 */
export function capturedRows(
  { paths, largestBytes }: CaptureFiles,
  { fromMs, toMs, variant, requests: meets }: CapturedWindow,
): string {
  if (paths.length === 0) return nothing
  const ofVariant = variant === undefined ? '' : ` AND coalesce(variant, ${literal(mainVariant)}) = ${literal(variant)}`
  const requests = `SELECT * FROM ${jsonLines(paths, largestBytes)} WHERE "at" >= ${Math.floor(fromMs)} AND "at" < ${Math.ceil(toMs)}${ofVariant}${meets ? ` AND ${meets}` : ''}`
  const rows = `SELECT "at", version, coalesce(variant, ${literal(mainVariant)}) AS variant,
      unnest(CASE WHEN json_exists(body, '$.rows') THEN json_extract(body, '$.rows[*]') ELSE [json_extract(body, '$.row')] END) AS row_values,
      unnest(json_extract(predictions, '$[*]')) AS prediction FROM (${requests})`
  return `SELECT "at", version, variant, prediction ->> '/id' AS id, row_values, prediction FROM (${rows})`
}

const nothing = `SELECT NULL::BIGINT AS "at", NULL::VARCHAR AS version, NULL::VARCHAR AS variant, NULL::VARCHAR AS id, NULL::JSON AS row_values,
  NULL::JSON AS prediction WHERE false`

/** A field as a JSON pointer (RFC 6901). */
export const pointer = (name: string): string => `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`

/** Fields of a JSON value as one list of texts: read once, however many there are. */
export const fieldTexts = (json: string, names: readonly string[]): string =>
  `(${json} ->> [${names.map((name) => literal(pointer(name))).join(', ')}])`

const leastLine = 2 ** 20
/** The engine sets twice this aside for each thread. */
const longestLine = 2 ** 27

const jsonLines = (paths: readonly string[], largestBytes: number): string =>
  `read_json([${paths.map(literal).join(', ')}], format = 'newline_delimited', ignore_errors = true,
    maximum_object_size = ${Math.min(longestLine, Math.max(leastLine, largestBytes + 1))},
    columns = {'at': 'BIGINT', version: 'VARCHAR', variant: 'VARCHAR', body: 'JSON', predictions: 'JSON'})`
