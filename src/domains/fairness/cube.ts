import { invalidInput } from '../../kernel/errors.ts'
import { identifier, parquet } from '../../ports/tables/sql.ts'
import type { TableQuery, Tables, TableValue } from '../../ports/tables/tables.ts'
import type { Column } from '../datasets/schema.ts'
import { type BoundFacet, bindFacet, classText, columnNamed, favourableCondition, missingGroup } from './facets.ts'
import type { Cells } from './population.ts'
import { type Facet, type Favourable, mostGroups } from './schema.ts'

export interface CubeInput {
  /** The table of the data set version. */
  table: { path: string; columns: readonly Column[] }
  /** What a model said about some of its rows (`__row`, `actual`, `predicted`); null before training. */
  predictions: string | null
  label: { name: string; isNumber: boolean }
  favourable: Favourable
  facets: readonly Facet[]
  intersections: readonly (readonly string[])[]
  stratum: string | null
}

/** One facet, or several crossed: its groups and the counts of all its cells. */
export interface FacetCells {
  name: string
  facets: BoundFacet[]
  /** What each group is called, and the group of each of the facets crossed (null: missing). */
  groups: { name: string; parts: (string | null)[] }[]
  cells: Cells
}

export interface Cube {
  rows: number
  /** Rows without a label. */
  leftOut: number
  favourable: string
  facets: FacetCells[]
}

const mostStrata = 200
const mostCrossed = 200

/**
 * Counts once: rows by every facet, label, prediction and stratum together. Everything that a report says is computed from these counts,
 * so its price hardly grows with the number of measures.
 */
export async function countCube(tables: Tables, input: CubeInput, signal?: AbortSignal): Promise<Cube> {
  const values: TableValue[] = []
  const add = (value: TableValue) => `$${values.push(value)}`
  const { columns, path } = input.table
  const facets = input.facets.map((facet) => bindFacet(facet, columns, add, 't'))
  refuseDoubled(facets)
  const crossed = input.intersections.map((names) => names.map((name) => facetNamed(facets, name)))
  const { test, words } = favourableCondition(input.favourable, input.label, add)
  const stratum = input.stratum === null ? null : columnNamed(columns, input.stratum, 'stratum')
  const stratumText = stratum === null ? 'NULL::VARCHAR' : `coalesce(CAST(t.${identifier(stratum.name)} AS VARCHAR), '')`
  const actual = input.predictions ? 'p.actual' : `t.${identifier(input.label.name)}`
  const isThreshold = !('values' in input.favourable)
  const text = isThreshold ? `CAST(${test(actual)} AS VARCHAR)` : classText(actual, input.label.isNumber)
  const from = input.predictions
    ? `${parquet(input.predictions)} p JOIN ${parquet(path)} t ON p.__row = t.__row`
    : `${parquet(path)} t`
  const counted: TableQuery = {
    sql: `CREATE TEMP TABLE cube AS SELECT ${facets.map(({ expression }, i) => `${expression} AS f${i}`).join(', ')},
      ${stratumText} AS s, ${text} AS l, coalesce(${test(actual)}, false) AS y,
      ${input.predictions ? `coalesce(${test('p.predicted')}, false)` : 'false'} AS q, count(*) AS n
      FROM ${from} GROUP BY ALL`,
    params: values,
  }
  return tables.session(
    { files: input.predictions ? [path, input.predictions] : [path], quick: true, memoryBytes: 1024 ** 3, signal },
    async (run) => {
      const distinct = facets.map((_, i) => `count(DISTINCT f${i})`)
      const [, sizes] = await run([
        counted,
        {
          sql: `SELECT coalesce(sum(n), 0)::DOUBLE, coalesce(sum(n) FILTER (WHERE l IS NULL), 0)::DOUBLE, count(DISTINCT l), count(DISTINCT s), ${distinct.join(', ')} FROM cube`,
        },
      ])
      const [all, leftOut, labels, strata, ...groups] = sizes!.rows[0]!.map(Number)
      for (const [i, facet] of facets.entries()) refuseTooManyGroups(facet, groups[i]!)
      if (strata! > mostStrata)
        throw invalidInput(
          `The column "${input.stratum}" has ${strata} values; demographic disparity is taken within at most ${mostStrata}.`,
          { field: 'stratum', column: input.stratum },
        )
      if (labels! > mostGroups)
        throw invalidInput(
          `"${input.label.name}" has ${labels} different values. Say from which number on an outcome is favourable, as {"atLeast": 50000}.`,
          { field: 'favourable', column: input.label.name },
        )
      const wanted = [...facets.map((_, i) => [i]), ...crossed]
      const answers = await run(wanted.map(sumOver))
      return {
        rows: all! - leftOut!,
        leftOut: leftOut!,
        favourable: words,
        facets: wanted.map((at, i) =>
          toCells(
            at.map((k) => facets[k]!),
            answers[i]!.rows,
          ),
        ),
      }
    },
  )
}

const sumOver = (facets: readonly number[]): TableQuery => {
  const keys = [...facets.map((i) => `f${i}`), 's', 'l', 'y', 'q']
  return { sql: `SELECT ${keys.join(', ')}, sum(n)::DOUBLE FROM cube WHERE l IS NOT NULL GROUP BY ALL ORDER BY ALL` }
}

function facetNamed(facets: readonly BoundFacet[], name: string): number {
  const at = facets.findIndex((facet) => facet.name === name)
  if (at >= 0) return at
  throw invalidInput(`There is no facet "${name}" to cross; these are ${facets.map((facet) => `"${facet.name}"`).join(', ')}.`, {
    field: 'intersections',
    facet: name,
  })
}

function refuseDoubled(facets: readonly BoundFacet[]): void {
  const names = facets.map(({ name }) => name)
  const twice = names.find((name, i) => names.indexOf(name) < i)
  if (twice !== undefined)
    throw invalidInput(`Two facets are called "${twice}". Give one of them another name.`, { field: 'facets', facet: twice })
}

function refuseTooManyGroups({ name, column }: BoundFacet, groups: number): void {
  if (groups <= mostGroups) return
  const isNumber = column.type === 'number' || column.type === 'integer'
  throw invalidInput(
    `The facet "${name}" has ${groups} groups; a report compares at most ${mostGroups}. ${isNumber ? 'Give it a threshold or edges, as {"threshold": 40}.' : 'Put its values into groups, or choose a coarser column.'}`,
    { field: 'facets', column: column.name, groups },
  )
}

/** Rows of the cube's sums as cells, groups in the order in which they are shown. */
function toCells(facets: BoundFacet[], rows: readonly unknown[][]): FacetCells {
  const width = facets.length
  const groups = new Map<string, { parts: (string | null)[]; rows: number; index: number }>()
  const strata = new Map<unknown, number>()
  const labels = new Map<unknown, number>()
  const indexIn = (map: Map<unknown, number>, key: unknown) => {
    const index = map.get(key) ?? map.size
    map.set(key, index)
    return index
  }
  for (const row of rows) {
    const parts = row.slice(0, width) as (string | null)[]
    const key = JSON.stringify(parts)
    const group = groups.get(key) ?? { parts, rows: 0, index: 0 }
    group.rows += Number(row[width + 4])
    groups.set(key, group)
  }
  if (groups.size > mostCrossed)
    throw invalidInput(
      `${facets.map(({ name }) => `"${name}"`).join(' × ')} makes ${groups.size} groups; a report compares at most ${mostCrossed}.`,
      { field: 'intersections', groups: groups.size },
    )
  const place = ({ order }: BoundFacet, part: string | null) => {
    if (part === null) return Number.MAX_SAFE_INTEGER
    if (order === null) return 0
    const at = order.indexOf(part)
    return at < 0 ? order.length : at
  }
  const sorted = [...groups.values()].sort((a, b) => {
    for (let i = 0; i < width; i++) {
      const by = place(facets[i]!, a.parts[i]!) - place(facets[i]!, b.parts[i]!)
      if (by !== 0) return by
    }
    return b.rows - a.rows || (JSON.stringify(a.parts) < JSON.stringify(b.parts) ? -1 : 1)
  })
  sorted.forEach((group, index) => {
    group.index = index
  })
  const cells: Cells = {
    group: Int32Array.from(rows, (row) => groups.get(JSON.stringify(row.slice(0, width)))!.index),
    stratum: Int32Array.from(rows, (row) => indexIn(strata, row[width])),
    label: Int32Array.from(rows, (row) => indexIn(labels, row[width + 1])),
    favourable: Uint8Array.from(rows, (row) => Number(row[width + 2])),
    predicted: Uint8Array.from(rows, (row) => Number(row[width + 3])),
    count: Float64Array.from(rows, (row) => Number(row[width + 4])),
    labels: labels.size,
    strata: Math.max(1, strata.size),
  }
  return {
    name: facets.map(({ name }) => name).join(' × '),
    facets,
    groups: sorted.map(({ parts }) => ({ name: parts.map((part) => part ?? missingGroup).join(', '), parts })),
    cells,
  }
}
