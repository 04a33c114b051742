import type { RawBatch } from '../../../ports/inference/inference.ts'
import type { GameColumn } from './game.ts'

export interface DependenceTable {
  column: GameColumn
  rows: RawBatch
  numberColumns: number
  stringColumns: number
  ask(batch: RawBatch): Promise<Float64Array>
}

export type Cell = number | string

/** Where to look along a column: its own values where they are few, quantiles else; the most frequent words. */
export function placesAlong({ column, rows, numberColumns, stringColumns }: DependenceTable, points: number): Cell[] {
  const stride = column.tensor === 'numbers' ? numberColumns : stringColumns
  const from: ArrayLike<Cell> = column.tensor === 'numbers' ? rows.numbers : rows.strings
  const values = Array.from({ length: rows.rows }, (_, r) => from[r * stride + column.index]!)
  if (column.tensor === 'strings') {
    const counts = new Map<Cell, number>()
    for (const value of values) if (value !== '') counts.set(value, (counts.get(value) ?? 0) + 1)
    return [...counts]
      .sort((a, b) => b[1] - a[1])
      .slice(0, points)
      .map(([value]) => value)
  }
  const sorted = (values as number[]).filter((value) => !Number.isNaN(value)).sort((a, b) => a - b)
  const distinct = [...new Set(sorted)]
  if (distinct.length <= points) return distinct
  return [...new Set(Array.from({ length: points }, (_, i) => sorted[Math.round((i / (points - 1)) * (sorted.length - 1))]!))]
}

/** The answers of every row with the column set to each place in turn [rows][places] (individual conditional expectation; Goldstein et al. 2015). */
export async function conditionalAnswers(table: DependenceTable, places: readonly Cell[]): Promise<number[][]> {
  const { rows } = table
  const answers = await Promise.all(places.map((place) => table.ask(withCell(table, rows, place))))
  return Array.from({ length: rows.rows }, (_, r) => answers.map((each) => each[r]!))
}

/** Mean answers with two columns set to each pair of places [places of the first][places of the second] (Friedman 2001). */
export async function pairedAnswers(
  table: DependenceTable,
  second: GameColumn,
  [places, others]: readonly [readonly Cell[], readonly Cell[]],
): Promise<number[][]> {
  const result: number[][] = []
  for (const place of places) {
    const set = withCell(table, table.rows, place)
    const answers = await Promise.all(others.map((other) => table.ask(withCell({ ...table, column: second }, set, other))))
    result.push(answers.map((each) => each.reduce((sum, value) => sum + value, 0) / each.length))
  }
  return result
}

/**
 * Accumulated local effects of a number (Apley and Zhu 2020): each row moves only within its own interval, so that columns that go together are not torn
 * apart. Centred at a mean of 0. Answers one value per edge.
 */
export async function accumulatedEffects(table: DependenceTable, edges: readonly number[]): Promise<number[]> {
  const { rows, column, numberColumns } = table
  const low = copyOf(rows)
  const high = copyOf(rows)
  const interval = Int32Array.from({ length: rows.rows }, (_, r) => {
    const value = rows.numbers[r * numberColumns + column.index]!
    if (Number.isNaN(value)) return -1
    return Math.max(0, Math.min(edges.length - 2, edges.findIndex((edge) => edge >= value) - 1))
  })
  interval.forEach((i, r) => {
    if (i < 0) return
    low.numbers[r * numberColumns + column.index] = edges[i]!
    high.numbers[r * numberColumns + column.index] = edges[i + 1]!
  })
  const [below, above] = [await table.ask(low), await table.ask(high)]
  const sums = new Float64Array(edges.length - 1)
  const counts = new Float64Array(edges.length - 1)
  interval.forEach((i, r) => {
    if (i < 0) return
    sums[i]! += above[r]! - below[r]!
    counts[i]!++
  })
  const effects = [0]
  for (let i = 0; i < sums.length; i++) effects.push(effects[i]! + (counts[i]! > 0 ? sums[i]! / counts[i]! : 0))
  let mean = 0
  let known = 0
  for (let i = 0; i < sums.length; i++) {
    mean += (counts[i]! * (effects[i]! + effects[i + 1]!)) / 2
    known += counts[i]!
  }
  return effects.map((effect) => effect - (known > 0 ? mean / known : 0))
}

const copyOf = (batch: RawBatch): RawBatch => ({ ...batch, numbers: batch.numbers.slice(), strings: [...batch.strings] })

function withCell({ column, numberColumns, stringColumns }: DependenceTable, rows: RawBatch, cell: Cell): RawBatch {
  const set = copyOf(rows)
  for (let r = 0; r < rows.rows; r++) {
    if (column.tensor === 'numbers') set.numbers[r * numberColumns + column.index] = cell as number
    else set.strings[r * stringColumns + column.index] = cell as string
  }
  return set
}
