import { identifier } from '../../../ports/tables/sql.ts'
import type { TableQuery } from '../../../ports/tables/tables.ts'
import type { Column, Profile } from '../schema.ts'
import { contingencyOf, correlationRatio, cramersV } from './associations.ts'
import type { ColumnFacts } from './column-profile.ts'
import { isNumeric, number, valueSql } from './column-statements.ts'
import { cubeStatement, cubesOf, pairStatement, ratioStatement } from './cubes.ts'

/** Runs statements and gives the rows of each. */
export type Queries = (statements: readonly (string | TableQuery)[]) => Promise<unknown[][][]>

/** Beyond these the matrix says little to the eye and costs much: the columns that come first are taken. */
const most = { numeric: 40, categorical: 20, categories: 50 }

export interface Associated {
  column: Column
  facts: ColumnFacts
}

/** The columns that a correlation is defined for. */
export function associable(all: readonly Associated[]): { numeric: Associated[]; categorical: Associated[]; left: number } {
  const varied = all.filter(({ facts }) => facts.distinct > 1)
  const numeric = varied.filter(({ column }) => isNumeric(column.type))
  const categorical = varied.filter(
    ({ column, facts }) => (column.type === 'category' || column.type === 'boolean') && facts.distinct <= most.categories,
  )
  const left = Math.max(0, numeric.length - most.numeric) + Math.max(0, categorical.length - most.categorical)
  return { numeric: numeric.slice(0, most.numeric), categorical: categorical.slice(0, most.categorical), left }
}

/** How each column goes with each other: Pearson for numbers, Cramér's V for categories, the correlation ratio between them; each over the rows that have both. */
export async function correlations(
  queries: Queries,
  relation: string,
  { numeric, categorical }: ReturnType<typeof associable>,
): Promise<Profile['correlations']> {
  const columns = [...numeric, ...categorical].map(({ column }) => column.name)
  const at = new Map(columns.map((name, index) => [name, index]))
  const values: (number | null)[][] = columns.map((_, i) => columns.map((_, j) => (i === j ? 1 : null)))
  const measure = columns.map((_, i) =>
    columns.map((_, j) =>
      i < numeric.length && j < numeric.length
        ? 'pearson'
        : i >= numeric.length && j >= numeric.length
          ? 'cramers_v'
          : 'correlation_ratio',
    ),
  )
  const set = (a: string, b: string, value: number | null) => {
    values[at.get(a)!]![at.get(b)!] = value
    values[at.get(b)!]![at.get(a)!] = value
  }
  const cubes = cubesOf(categorical)
  const numbers = centred(numeric)
  const [pearson] = await queries([
    pearsonStatement(relation, numeric),
    ...cubes.map((cube) => cubeStatement(cube, relation, numbers)),
  ])
  for (const [i, [a, b]] of pairsOf(numeric).entries()) set(a.column.name, b.column.name, asCorrelation(pearson![0]?.[i]))

  const each = cubes.flatMap((cube) => cube.columns.map(({ column }, at) => ({ cube, column, at })))
  const ratios = await queries(each.map(({ cube, at }) => ratioStatement(cube, at, numeric.length)))
  for (const [i, { column }] of each.entries())
    for (const [j, measured] of numeric.entries())
      set(column.name, measured.column.name, correlationRatio(ratios[i]!.map((row) => groupOf(row.slice(3 * j, 3 * j + 3)))))

  const pairs = pairsOf(each)
  const counts = await queries(
    pairs.map(([a, b]) =>
      a.cube === b.cube ? pairStatement(a.cube, a.at, b.at) : contingencyStatement(relation, a.column, b.column),
    ),
  )
  for (const [i, [a, b]] of pairs.entries())
    set(a.column.name, b.column.name, cramersV(contingencyOf(counts[i]! as [string, string, number][])))
  return { columns, measure, values }
}

const pairsOf = <T>(all: readonly T[]): (readonly [T, T])[] =>
  all.flatMap((a, index) => all.slice(index + 1).map((b) => [a, b] as const))

export function asCorrelation(value: unknown): number | null {
  const r = value === null || value === undefined ? Number.NaN : Number(value)
  return Number.isNaN(r) ? null : Math.max(-1, Math.min(1, r))
}

/** count, mean and sum of squares, as SQL gives them. */
export const groupOf = ([count, shift, squares]: readonly unknown[]) => ({
  count: Number(count),
  shift: Number(shift ?? 0),
  squares: Number(squares ?? 0),
})

/** About their means, so that no digits are lost to a large offset. */
const centred = (numeric: readonly Associated[]) =>
  numeric.map(({ column, facts }, index) => `${valueSql(column)} - ${number(facts.numbers!.mean)} AS x${index}`)

function pearsonStatement(relation: string, numeric: readonly Associated[]): string {
  const pairs = pairsOf(numeric.map((_, index) => index))
  if (pairs.length === 0) return 'SELECT 1'
  return `SELECT ${pairs.map(([a, b]) => `corr(x${a}, x${b})`).join(', ')} FROM (SELECT ${centred(numeric).join(', ')} FROM ${relation})`
}

/** Rows of (value, value, count), both present. */
export const contingencyStatement = (relation: string, a: Pick<Column, 'name'>, b: Pick<Column, 'name'>): string =>
  `SELECT a::VARCHAR, b::VARCHAR, n FROM (SELECT ${identifier(a.name)} AS a, ${identifier(b.name)} AS b, count(*) AS n FROM ${relation} GROUP BY ALL) WHERE a IS NOT NULL AND b IS NOT NULL`
