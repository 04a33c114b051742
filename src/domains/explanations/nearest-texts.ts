import { identifier, parquet } from '../../ports/tables/sql.ts'
import type { Signature } from '../registry/schema.ts'

/** Training texts that are compared; of more, a part drawn by a hash of their numbers. */
export const mostTexts = 50_000

/** Whether a model reads texts and nothing else. */
export const readsTexts = ({ inputs }: Pick<Signature, 'inputs'>): boolean =>
  inputs.length > 0 && inputs.every(({ type, tensor }) => type === 'text' && (tensor === 'tokens' || tensor === 'strings'))

/** Several columns make one text, missing ones left out. */
export function textOf({ inputs }: Pick<Signature, 'inputs'>, row: Record<string, unknown>): string {
  return inputs
    .map(({ name }) => row[name])
    .filter((value) => value !== null && value !== undefined && value !== '')
    .join(' ')
}

/**
 * Rows of a table by the cosine of their words' TF-IDF weights with those of a text ($1): the logarithm of how often a word stands in it, times the smoothed
 * logarithm of how few texts have it (Salton and Buckley 1988). Texts that share no word are not among them.
 */
export function nearestTextsSql(path: string, { inputs, target }: Pick<Signature, 'inputs' | 'target'>, limit: number): string {
  const columns = inputs.map(({ name }) => identifier(name))
  const words = String.raw`'[\p{L}\p{N}]+'`
  const said = `concat_ws(' ', ${columns.map((column) => `nullif(CAST(${column} AS VARCHAR), '')`).join(', ')})`
  return `WITH
  texts AS (SELECT __row, ${target ? identifier(target) : 'NULL'} AS __actual, ${said} AS __said, ${columns.join(', ')}
            FROM ${parquet(path)} ORDER BY hash(__row), __row LIMIT ${mostTexts}),
  counted AS (SELECT __row, word, 1 + ln(count(*)) AS often
              FROM (SELECT __row, unnest(regexp_extract_all(lower(__said), ${words})) AS word FROM texts) GROUP BY __row, word),
  rare AS (SELECT word, ln((1 + (SELECT count(*) FROM texts)) / (1 + count(*))) + 1 AS weight FROM counted GROUP BY word),
  weighed AS (SELECT __row, word, often * weight AS x FROM counted JOIN rare USING (word)),
  lengths AS (SELECT __row, sqrt(sum(x * x)) AS length FROM weighed GROUP BY __row),
  asked AS (SELECT word, (1 + ln(count(*))) * any_value(weight) AS x
            FROM (SELECT unnest(regexp_extract_all(lower($1), ${words})) AS word) JOIN rare USING (word) GROUP BY word),
  near AS (SELECT __row, greatest(0, 1 - sum(weighed.x * asked.x) / any_value(length) / (SELECT sqrt(sum(x * x)) FROM asked)) AS apart
           FROM weighed JOIN asked USING (word) JOIN lengths USING (__row) GROUP BY __row)
SELECT __row, __actual, apart, ${columns.join(', ')} FROM near JOIN texts USING (__row) ORDER BY apart, __row LIMIT ${limit}`
}
