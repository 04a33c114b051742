import { identifier } from '../../../ports/tables/sql.ts'
import type { TableQuery } from '../../../ports/tables/tables.ts'
import { type Parameters, parameters } from '../import/cast.ts'
import { isMediaColumn } from '../media/lay-items.ts'
import type { Column, ColumnProfile, Profile } from '../schema.ts'
import { taskOf } from '../target.ts'
import { contingencyOf, correlationRatio, cramersV } from './associations.ts'
import { isNumeric, number, valueSql } from './column-statements.ts'
import { asCorrelation, contingencyStatement, groupOf, type Queries } from './correlations.ts'

const mostClasses = 200
const mostGroups = 10
/** A table of classes by more values than this says nothing. */
const mostValues = 1000

/** Words that mean "this is the case" in a column with two values. */
const positiveWords = ['yes', 'true', '1', 'y', 't', 'positive', 'churn', 'churned', 'bad', 'fraud', 'default']

export interface TargetProfile {
  target: NonNullable<Profile['target']>
  relations: Map<string, NonNullable<ColumnProfile['target']>>
}

/** How each column goes with the target: one measure, and the target's mean (or the share of one class) along the column. */
export async function targetRelations(
  queries: Queries,
  relation: string,
  columns: readonly Column[],
  profiles: readonly ColumnProfile[],
  name: string,
): Promise<TargetProfile> {
  const target = columns.find((one) => one.name === name)!
  const task = taskOf({ type: target.type, distinct: profiles.find((one) => one.name === name)!.distinct })
  const classes = task === 'regression' ? [] : await classesOf(queries, relation, target)
  const watched = watchedClass(classes)
  const y: Asked['y'] = (add) =>
    task === 'regression' ? valueSql(target) : `(${identifier(name)}::VARCHAR = ${add(watched)}::VARCHAR)::INTEGER`
  const related = profiles
    .filter(
      (other) => other.name !== name && !other.constant && other.type !== 'id' && other.type !== 'text' && !isMediaColumn(other),
    )
    .map((profile) => ({
      profile,
      ...relate({ relation, target, task, y }, columns.find((one) => one.name === profile.name)!, profile),
    }))
  const results = await queries(related.flatMap(({ along, measure }) => [along, measure]))
  const relations = new Map<string, NonNullable<ColumnProfile['target']>>()
  for (const [at, { profile, read, label }] of related.entries()) {
    const groups = results[2 * at]!.map((row) => ({ label: label(row), count: Number(row[1]), target: Number(row[2]) }))
    const found = read(results[2 * at + 1]!)
    if (found.value !== null) relations.set(profile.name, { ...found, value: found.value, groups })
  }
  return { target: { column: name, task, classes }, relations }
}

async function classesOf(queries: Queries, relation: string, { name }: Column): Promise<{ value: string; count: number }[]> {
  const [rows] = await queries([
    `SELECT v, count(*) AS n FROM (SELECT ${identifier(name)}::VARCHAR AS v FROM ${relation}) WHERE v IS NOT NULL GROUP BY v ORDER BY n DESC, v LIMIT ${mostClasses}`,
  ])
  return rows!.map(([value, count]) => ({ value: String(value), count: Number(count) }))
}

/** The class whose share is shown: the positive one of two, else the most frequent. */
function watchedClass(classes: readonly { value: string; count: number }[]): string {
  if (classes.length !== 2) return classes[0]?.value ?? ''
  return (classes.find(({ value }) => positiveWords.includes(value.toLowerCase())) ?? classes[1]!).value
}

interface Asked {
  relation: string
  target: Column
  task: string
  /** The target as a number: itself, or 1 for the watched class. */
  y(add: Parameters['add']): string
}

interface Relation {
  /** The target along the column: label parts, count, mean. */
  along: TableQuery
  label(row: readonly unknown[]): string
  measure: string | TableQuery
  read(rows: unknown[][]): { measure: 'pearson' | 'correlation_ratio' | 'cramers_v'; value: number | null }
}

function relate(asked: Asked, column: Column, profile: ColumnProfile): Relation {
  const { relation, target, task } = asked
  const ordered = isNumeric(column.type) || column.type === 'datetime'
  const along = ordered ? rangesStatement(asked, column, profile) : valuesStatement(asked, column, profile)
  const say = (value: unknown) =>
    column.type === 'datetime' ? new Date(Number(value)).toISOString().slice(0, 10) : String(Number(Number(value).toPrecision(5)))
  const label = ([value, , , low, high]: readonly unknown[]) =>
    !ordered ? String(value) : low === high ? say(low) : `${say(low)} to ${say(high)}`
  const x = `${valueSql(column)} - ${number(middle(profile))}`
  if (task === 'regression' && ordered)
    return {
      along,
      label,
      measure: `SELECT corr(${x}, ${valueSql(target)}) FROM ${relation}`,
      read: (rows) => ({ measure: 'pearson', value: asCorrelation(rows[0]?.[0]) }),
    }
  if (task === 'regression' || ordered) {
    const measure = ordered
      ? groupsStatement(relation, identifier(target.name), x)
      : groupsStatement(relation, identifier(column.name), valueSql(target))
    return {
      along,
      label,
      measure,
      read: (rows) => ({ measure: 'correlation_ratio', value: correlationRatio(rows.map(groupOf)) }),
    }
  }
  return {
    along,
    label,
    measure: profile.distinct > mostValues ? 'SELECT 1 WHERE false' : contingencyStatement(relation, column, target),
    read: (rows) => ({ measure: 'cramers_v', value: cramersV(contingencyOf(rows as [string, string, number][])) }),
  }
}

const middle = (profile: ColumnProfile) =>
  profile.numeric?.mean ?? (profile.datetime ? (Date.parse(profile.datetime.min) + Date.parse(profile.datetime.max)) / 2 : 0)

const groupsStatement = (relation: string, group: string, x: string) =>
  `SELECT count(x), avg(x), sum(x * x) FROM (SELECT ${group} AS g, ${x} AS x FROM ${relation}) WHERE g IS NOT NULL AND x IS NOT NULL GROUP BY g`

/** The most frequent values, and the rest together. */
function valuesStatement({ relation, target, y }: Asked, column: Column, profile: ColumnProfile): TableQuery {
  const { values, add } = parameters()
  const shown = profile.top.slice(0, mostGroups).map(({ value }) => `${add(value)}::VARCHAR`)
  const label = `CASE WHEN v IN (${shown.length > 0 ? shown.join(', ') : 'NULL'}) THEN v ELSE '(others)' END`
  const sql = `SELECT ${label} AS label, count(*), avg(y) FROM (SELECT ${identifier(column.name)}::VARCHAR AS v, ${y(add)} AS y FROM ${relation} WHERE ${identifier(target.name)} IS NOT NULL)
    WHERE v IS NOT NULL GROUP BY label ORDER BY count(*) DESC, label`
  return { sql, params: values }
}

/** Ranges between the quantiles, so that each holds a good number of rows. */
function rangesStatement({ relation, target, y }: Asked, column: Column, profile: ColumnProfile): TableQuery {
  const { values, add } = parameters()
  const q = profile.numeric?.quantiles
  const h = profile.histogram
  const cuts = q ? [q.p05, q.p25, q.p50, q.p75, q.p95] : (h?.edges.filter((_, at) => at > 0 && at % 6 === 0).slice(0, -1) ?? [])
  const edges = [...new Set(cuts)].filter((edge) => edge < (h?.edges.at(-1) ?? Number.POSITIVE_INFINITY))
  const bin = edges.length === 0 ? '0' : edges.map((edge) => `(x > ${number(edge)})::INTEGER`).join(' + ')
  const sql = `SELECT ${bin} AS b, count(*), avg(y), min(x), max(x) FROM (SELECT ${valueSql(column)} AS x, ${y(add)} AS y FROM ${relation} WHERE ${identifier(target.name)} IS NOT NULL)
    WHERE x IS NOT NULL GROUP BY b ORDER BY b`
  return { sql, params: values }
}
