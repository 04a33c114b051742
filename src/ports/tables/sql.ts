import { invalidInput } from '../../kernel/errors.ts'

/** Quotes a name for SQL. The only way a column name gets into a statement. */
export function identifier(name: string): string {
  if (name.includes('\0')) throw invalidInput('A column name may not hold a NUL character.', { column: name })
  return `"${name.replaceAll('"', '""')}"`
}

/** Quotes a text for SQL, where the grammar has no place for a parameter: paths of ours, chosen words. Never what a user typed. */
export function literal(text: string): string {
  if (text.includes('\0')) throw invalidInput('A path may not hold a NUL character.')
  return `'${text.replaceAll("'", "''")}'`
}

/** A table of one Parquet file. */
export const parquet = (path: string): string => `read_parquet(${literal(path)})`

/** Rows of a Parquet row group: few enough that a very wide table still fits in memory, always whole vectors of 2,048. */
export const rowGroupSize = (columns: number): number =>
  Math.min(122_880, Math.max(2048, Math.floor(4_000_000 / Math.max(1, columns) / 2048) * 2048))

/** Writes a query as Parquet: zstd, in row groups that suit its width. */
export const copyToParquet = (select: string, path: string, columns: number): string =>
  `COPY (${select}) TO ${literal(path)} (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE ${rowGroupSize(columns)})`
