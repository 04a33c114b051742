import { identifier } from '../../ports/tables/sql.ts'
import type { Tables } from '../../ports/tables/tables.ts'
import type { Signature } from '../registry/schema.ts'
import type { Counted } from './captured-rows.ts'
import { type WatchedColumn, watchedAlias } from './watched-columns.ts'

/** Values of one column that are not as the model's signature says. */
export interface QualityCount {
  column: string
  rows: number
  /** Numbers below the least or above the most that training saw. */
  outside: number
  range: { min: number; max: number } | null
  /** Texts where there should be numbers; of a table alone, for an endpoint refuses them. */
  wrongType: number
}

/** Counts the values of a source that lie outside the signature's ranges; with `table`, its cells of a wrong type. */
export async function countQuality(
  tables: Tables,
  about: {
    signature: Signature
    columns: readonly WatchedColumn[]
    counted: Counted
    /** A query with the columns by their own names. */
    table: string | null
    signal: AbortSignal
  },
): Promise<QualityCount[]> {
  const { counted, table, signal } = about
  const watched = about.columns.flatMap((column, i) => {
    const input = column.role === 'input' ? about.signature.inputs.find(({ name }) => name === column.name) : undefined
    return input ? [{ ...column, input, alias: watchedAlias(i) }] : []
  })
  const ranged = watched.filter(
    ({ kind, format, input }) =>
      kind === 'number' && format === 'number' && typeof input.min === 'number' && typeof input.max === 'number',
  )
  const typed = table === null ? [] : watched.filter(({ kind, format }) => kind === 'number' && format === 'number')
  const count = (condition: string) => `count(*) FILTER (WHERE ${condition})`
  const of = (list: string[]) => (list.length > 0 ? list.join(', ') : '1')
  const [outside, wrong] = await tables.run({
    folders: counted.folders,
    signal,
    statements: [
      {
        sql: `SELECT ${of(ranged.map(({ alias, input }) => count(`${alias} < ${input.min} OR ${alias} > ${input.max}`)))} FROM (${counted.source})`,
      },
      {
        sql: `SELECT ${of(
          typed.map(({ name }) => {
            const text = `${identifier(name)}::VARCHAR`
            return count(`${text} <> '' AND TRY_CAST(${text} AS DOUBLE) IS NULL AND TRY_CAST(${text} AS BOOLEAN) IS NULL`)
          }),
        )} ${table === null ? '' : `FROM (${table})`}`,
      },
    ],
  })
  const of1 = (list: typeof ranged, values: readonly unknown[], name: string) => {
    const at = list.findIndex((column) => column.name === name)
    return at < 0 ? 0 : (values[at] as number)
  }
  return watched.map(({ name, input }) => ({
    column: name,
    rows: counted.rows,
    outside: of1(ranged, outside!.rows[0]!, name),
    range: ranged.some((column) => column.name === name) ? { min: input.min!, max: input.max! } : null,
    wrongType: of1(typed, wrong!.rows[0]!, name),
  }))
}
