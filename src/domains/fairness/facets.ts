import { invalidInput } from '../../kernel/errors.ts'
import { identifier } from '../../ports/tables/sql.ts'
import type { TableValue } from '../../ports/tables/tables.ts'
import type { Column } from '../datasets/schema.ts'
import type { Facet, Favourable } from './schema.ts'

/** One condition of a row filter, as data sets take it. */
export interface Condition {
  column: string
  op: '=' | '<' | '>=' | 'is_missing'
  value?: string | number
}

/** A facet whose column is there: the SQL that names a row's group, and what is known of the groups beforehand. */
export interface BoundFacet {
  name: string
  column: Column
  reference: string | null
  /** SQL of the group's name; null is missing, and `other` stands for what no group names. */
  expression: string
  /** Names in the order in which they are shown; null: as the data has them, the largest first. */
  order: string[] | null
  /** The rows of a group, where a filter of the data set can say them. */
  conditions(group: string): Condition[] | null
  /** What a row of the group may hold, for asking a model about it: null says nothing. */
  holds: { group: string; test(value: unknown): boolean }[] | null
}

export type Add = (value: TableValue) => string

/** Groups of rows that no group of the facet names, or that have no value. */
export const otherGroup = '(other)'
export const missingGroup = '(missing)'

/** Finds a facet's column and writes its groups as SQL; names only through `identifier`, values only as parameters. */
export function bindFacet(facet: Facet, columns: readonly Column[], add: Add, table: string): BoundFacet {
  const column = columnNamed(columns, facet.column, 'facets')
  const name = facet.name ?? column.name
  const raw = `${table}.${identifier(column.name)}`
  const isNumber = column.type === 'number' || column.type === 'integer'
  const base = { name, column, reference: facet.reference ?? null }
  const edges = facet.threshold !== undefined ? [facet.threshold] : facet.edges
  if (edges) {
    if (!isNumber)
      throw invalidInput(
        `The facet "${name}" has ${facet.edges ? 'edges' : 'a threshold'}, but "${column.name}" holds no numbers (${column.type}). Name groups of values instead.`,
        { field: 'facets', column: column.name },
      )
    if (edges.some((edge, i) => i > 0 && !(edge > edges[i - 1]!)))
      throw invalidInput(`The edges of the facet "${name}" do not ascend.`, { field: 'facets', column: column.name })
    return { ...base, ...binned(column.name, raw, edges, add) }
  }
  if (column.type === 'image' || column.type === 'audio')
    throw invalidInput(`The facet "${name}" is a column of media: it has no groups.`, { field: 'facets', column: column.name })
  const text = column.type === 'number' ? `regexp_replace(CAST(${raw} AS VARCHAR), '\\.0$', '')` : `CAST(${raw} AS VARCHAR)`
  const value = `nullif(${text}, '')`
  if (!facet.groups)
    return {
      ...base,
      expression: value,
      order: null,
      conditions: (group) => [{ column: column.name, op: '=', value: group }],
      holds: null,
    }
  return { ...base, ...grouped(column.name, value, facet.groups, add) }
}

function binned(column: string, raw: string, edges: readonly number[], add: Add) {
  const names = [
    `below ${edges[0]}`,
    ...edges.slice(1).map((edge, i) => `${edges[i]} to below ${edge}`),
    `${edges.at(-1)} and above`,
  ]
  const last = names.at(-1)!
  const cases = edges.map((edge, i) => `WHEN ${raw} < ${add(edge)}::DOUBLE THEN ${add(names[i]!)}::VARCHAR`)
  const from = (at: number) => (at > 0 ? edges[at - 1]! : Number.NEGATIVE_INFINITY)
  const to = (at: number) => edges[at] ?? Number.POSITIVE_INFINITY
  return {
    // NaN is greater than every number in SQL; here it is no value at all.
    expression: `CASE WHEN ${raw} IS NULL OR isnan(${raw}::DOUBLE) THEN NULL ${cases.join(' ')} ELSE ${add(last)}::VARCHAR END`,
    order: names,
    conditions(group: string): Condition[] | null {
      const at = names.indexOf(group)
      if (at < 0) return null
      const found: Condition[] = []
      if (at > 0) found.push({ column, op: '>=', value: from(at) })
      if (at < edges.length) found.push({ column, op: '<', value: to(at) })
      return found
    },
    holds: names.map((group, at) => ({
      group,
      test: (value: unknown) => typeof value === 'number' && value >= from(at) && value < to(at),
    })),
  }
}

function grouped(column: string, value: string, groups: NonNullable<Facet['groups']>, add: Add) {
  const seen = new Map<string, string>()
  for (const { name, values } of groups) {
    if (name === otherGroup || name === missingGroup)
      throw invalidInput(`A group may not be called "${name}": rows that no group names are called so.`, {
        field: 'facets',
        column,
      })
    for (const one of values) {
      const before = seen.get(one)
      if (before !== undefined)
        throw invalidInput(`The value "${one}" is in the group "${before}" and in "${name}".`, {
          field: 'facets',
          column,
          value: one,
        })
      seen.set(one, name)
    }
  }
  const names = groups.map(({ name }) => name)
  if (new Set(names).size < names.length) throw invalidInput('Two groups of a facet have one name.', { field: 'facets', column })
  const cases = groups.map(
    ({ name, values }) =>
      `WHEN ${value} IN (${values.map((one) => `${add(one)}::VARCHAR`).join(', ')}) THEN ${add(name)}::VARCHAR`,
  )
  return {
    expression: `CASE WHEN ${value} IS NULL THEN NULL ${cases.join(' ')} ELSE ${add(otherGroup)}::VARCHAR END`,
    order: names,
    conditions(group: string): Condition[] | null {
      const values = groups.find(({ name }) => name === group)?.values
      return values?.length === 1 ? [{ column, op: '=', value: values[0]! }] : null
    },
    holds: groups.map(({ name, values }) => ({
      group: name,
      test: (one: unknown) => one !== null && values.includes(String(one)),
    })),
  }
}

/** The favourable outcome as a condition on a label's SQL, and in words. */
export function favourableCondition(
  favourable: Favourable,
  label: { name: string; isNumber: boolean },
  add: Add,
): { test(sql: string): string; words: string } {
  if ('values' in favourable) {
    const list = favourable.values.map((value) => `${add(value)}::VARCHAR`).join(', ')
    return {
      test: (sql) => `${classText(sql, label.isNumber)} IN (${list})`,
      words: `${label.name} is ${favourable.values.map((value) => `"${value}"`).join(' or ')}`,
    }
  }
  if (!label.isNumber)
    throw invalidInput(`"${label.name}" holds no numbers: name the favourable values, as {"values": ["…"]}.`, {
      field: 'favourable',
      column: label.name,
    })
  if ('atLeast' in favourable) {
    const bound = add(favourable.atLeast)
    return { test: (sql) => `${sql}::DOUBLE >= ${bound}::DOUBLE`, words: `${label.name} is at least ${favourable.atLeast}` }
  }
  const bound = add(favourable.atMost)
  return { test: (sql) => `${sql}::DOUBLE <= ${bound}::DOUBLE`, words: `${label.name} is at most ${favourable.atMost}` }
}

/** A class as engines write it: whole numbers without a point. */
export const classText = (sql: string, isNumber: boolean): string =>
  isNumber ? `regexp_replace(CAST(${sql} AS VARCHAR), '\\.0$', '')` : `nullif(CAST(${sql} AS VARCHAR), '')`

export function columnNamed(columns: readonly Column[], name: string, field: string): Column {
  const found = columns.find((one) => one.name === name)
  if (found) return found
  const near = columns.find((one) => one.name.toLowerCase() === name.toLowerCase())
  const help = near
    ? `Did you mean "${near.name}"?`
    : `It has ${columns
        .slice(0, 15)
        .map((one) => one.name)
        .join(', ')}${columns.length > 15 ? ' and others' : ''}.`
  throw invalidInput(`The data set has no column "${name.slice(0, 80)}". ${help}`, { field, column: name.slice(0, 80) })
}
