import { type RawBuilder, type SqlBool, sql } from 'kysely'
import { invalidInput } from '../../kernel/errors.ts'
import type { Comparator, RunField, RunFilter } from './run-filter.ts'

/** A filter as SQL on `runs`, every value a bound parameter. A key that a run lacks is null there, and so never matches, negated or not. */
export function runFilterSql(filter: RunFilter): RawBuilder<SqlBool> {
  if (filter.kind === 'not') return sql<SqlBool>`(not ${runFilterSql(filter.part)})`
  if (filter.kind === 'compare') return compare(filter.field, filter.comparator, filter.values)
  const word = filter.kind === 'and' ? sql` and ` : sql` or `
  return sql<SqlBool>`(${sql.join(filter.parts.map(runFilterSql), word)})`
}

/** What a field is in SQL, for ordering. Numbers order as numbers, whatever else the parameter holds. */
export function fieldSql(field: RunField): RawBuilder<number | string | null> {
  if (field.kind === 'metric') return metric(field.name)
  if (field.kind === 'param') return param(field.name, 'number')
  if (field.kind === 'column') return column(field.name)
  throw invalidInput('Runs cannot be ordered by tags.', { field: 'order' })
}

const metric = (name: string) =>
  sql<number | null>`(select value from run_metrics where run_metrics.run_id = runs.id and run_metrics.name = ${name})`

const param = (name: string, as: 'text' | 'number') =>
  sql<any>`(select ${sql.ref(as === 'text' ? 'text_value' : 'number_value')} from run_parameters where run_parameters.run_id = runs.id and run_parameters.name = ${name})`

function column(name: string): RawBuilder<string | number | null> {
  if (name === 'experiment') return sql`(select name from experiments where experiments.id = runs.experiment_id)`
  if (name === 'owner') return sql`(select name from users where users.id = runs.owner_id)`
  if (name === 'job') return sql`runs.job_id`
  return sql`${sql.ref(`runs.${name}`)}`
}

function compare(field: RunField, comparator: Comparator, values: (string | number)[]): RawBuilder<SqlBool> {
  if (field.kind === 'tag') return tagged(comparator, values)
  const side = (value: string | number): RawBuilder<unknown> => {
    if (field.kind === 'metric') return metric(field.name)
    if (field.kind === 'param') return param(field.name, typeof value === 'number' ? 'number' : 'text')
    return column(field.name)
  }
  const bound = (value: string | number): string | number => (field.kind === 'column' ? columnValue(field.name, value) : value)
  if (comparator === 'in')
    return sql<SqlBool>`(${sql.join(
      values.map((value) => sql`${side(value)} = ${bound(value)}`),
      sql` or `,
    )})`
  const value = values[0]!
  if (comparator === 'like') return sql<SqlBool>`(lower(${side(String(value))}) like ${String(value).toLowerCase()})`
  return sql<SqlBool>`(${side(value)} ${signs[comparator]} ${bound(value)})`
}

const signs = { '=': sql`=`, '!=': sql`<>`, '>': sql`>`, '>=': sql`>=`, '<': sql`<`, '<=': sql`<=` }

/** Tags are a JSON list of texts in one column: a tag is there when its quoted form is. */
function tagged(comparator: Comparator, values: (string | number)[]): RawBuilder<SqlBool> {
  const has = (tag: string | number) =>
    sql`${sql.ref('runs.tags')} like ${`%${escapeLike(JSON.stringify(String(tag)))}%`} escape '\\'`
  if (comparator === '=' || comparator === 'in') return sql<SqlBool>`(${sql.join(values.map(has), sql` or `)})`
  if (comparator === '!=') return sql<SqlBool>`(not ${has(values[0]!)})`
  throw invalidInput("Tags are compared with =, != or in: tags = 'baseline'.", { field: 'filter' })
}

const escapeLike = (text: string): string => text.replace(/[\\%_]/g, '\\$&')

function columnValue(name: string, value: string | number): string | number {
  const isTime = name === 'started_at' || name === 'ended_at'
  if (!isTime) return String(value)
  const ms = typeof value === 'number' ? value : Date.parse(value)
  if (Number.isNaN(ms)) throw invalidInput(`"${value}" is not a time. Write it as 2026-01-31T12:00:00Z.`, { field: 'filter' })
  return ms
}
