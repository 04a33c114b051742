import { identifier } from '../../../ports/tables/sql.ts'
import type { Associated } from './correlations.ts'

/** More combinations of values than this are not worth keeping. */
const mostCells = 20_000

/** Categories counted together: one scan of the table answers for each of them and each pair of them. */
export interface Cube {
  table: string
  columns: readonly Associated[]
}

/** Puts categories together as long as there are few combinations of their values, those with the fewest values first. */
export function cubesOf(categorical: readonly Associated[]): Cube[] {
  const cubes: { columns: Associated[]; cells: number }[] = []
  for (const one of [...categorical].sort((a, b) => a.facts.distinct - b.facts.distinct)) {
    // Missing is a value of its own.
    const values = one.facts.distinct + 1
    const last = cubes.at(-1)
    if (last && last.cells * values <= mostCells) {
      last.columns.push(one)
      last.cells *= values
    } else cubes.push({ columns: [one], cells: values })
  }
  return cubes.map(({ columns }, at) => ({ table: `cube${at}`, columns }))
}

/** The rows of each combination of values and, of each of `numbers` (given as x0, x1, …), how many there are, their sum and their sum of squares. */
export function cubeStatement({ table, columns }: Cube, relation: string, numbers: readonly string[]): string {
  const categories = columns.map(({ column }, at) => `${identifier(column.name)} AS c${at}`)
  const measures = numbers.flatMap((_, at) => [
    `count(x${at}) AS n${at}`,
    `sum(x${at}) AS s${at}`,
    `sum(x${at} * x${at}) AS q${at}`,
  ])
  return `CREATE TEMP TABLE ${table} AS SELECT ${[...columns.map((_, at) => `c${at}`), 'count(*) AS n', ...measures].join(', ')}
    FROM (SELECT ${[...categories, ...numbers].join(', ')} FROM ${relation}) GROUP BY ALL`
}

/** Count, mean and sum of squares of each number, a row for each value of the category at `at`. */
export function ratioStatement({ table }: Cube, at: number, numbers: number): string {
  if (numbers === 0) return 'SELECT 1 WHERE false'
  const measures = Array.from({ length: numbers }, (_, x) => `sum(n${x})::BIGINT, sum(s${x}) / sum(n${x}), sum(q${x})`)
  return `SELECT ${measures.join(', ')} FROM ${table} WHERE c${at} IS NOT NULL GROUP BY c${at}`
}

/** Rows of (value, value, count) of two categories, both present. */
export const pairStatement = ({ table }: Cube, a: number, b: number): string =>
  `SELECT c${a}::VARCHAR, c${b}::VARCHAR, sum(n)::BIGINT FROM ${table} WHERE c${a} IS NOT NULL AND c${b} IS NOT NULL GROUP BY c${a}, c${b}`
