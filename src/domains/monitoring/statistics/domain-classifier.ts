import type { Random } from '../../evaluation/statistics/random.ts'
import { type BinnedColumns, type BoostingPlan, fitBoostedTrees } from './boosted-trees.ts'
import { normalUpperTail, rankAuc } from './rank-auc.ts'

export type MixedColumn =
  | { kind: 'number'; name: string; values: readonly (number | null)[] }
  | { kind: 'category'; name: string; values: readonly (string | null)[] }

export interface Told {
  /** How well held-out rows of now are told from rows of the baseline: 0.5 is not at all, 1 always. */
  auc: number
  low: number
  high: number
  /** That both come from one distribution; one-sided. */
  pValue: number
  /** What the area loses when a column is shuffled among the held-out rows, largest first. */
  columns: { name: string; loss: number }[]
}

/** Each half is told apart by what the other half taught. */
const folds = 2
const bins = 33
const plan: BoostingPlan = { trees: 24, depth: 3, rate: 0.25, leastInLeaf: 15, mostColumns: 48 }

/**
 * A classifier that is to tell rows of now from rows of the baseline, judged on rows that it was not fitted to (Lopez-Paz and Oquab 2017; Rabanser et al. 2019).
 * The first `baselineRows` rows are the baseline's. The areas of the two halves may go together by chance, so their mean is held against the error that it
 * has if they do so fully: the level holds whatever was learnt.
 */
export async function tellApart(columns: readonly MixedColumn[], baselineRows: number, random: Random): Promise<Told> {
  const rows = columns[0]?.values.length ?? 0
  const table: BinnedColumns = { rows, bins, columns: columns.map(binned) }
  const isSecond = Uint8Array.from({ length: rows }, (_, row) => (row < baselineRows ? 0 : 1))
  const fold = foldsOf(rows, baselineRows, random)
  const losses = new Float64Array(columns.length)
  let [sum, nullErrors, errors, counted] = [0, 0, 0, 0]
  for (let k = 0; k < folds; k++) {
    const all = Uint32Array.from({ length: rows }, (_, row) => row)
    const held = all.filter((row) => fold[row] === k)
    const score = fitBoostedTrees(
      table,
      isSecond,
      all.filter((row) => fold[row] !== k),
      plan,
      random,
    )
    const truth = Uint8Array.from(held, (row) => isSecond[row]!)
    const found = rankAuc(
      truth,
      Float64Array.from(held, (row) => score(row)),
    )
    if (found.nullError === 0) continue
    sum += found.auc - 0.5
    nullErrors += found.nullError
    errors += found.error
    counted++
    if (found.auc > 0.53) {
      const shuffled = shuffle(held, random)
      const otherOf = new Map(Array.from(held, (row, i) => [row, shuffled[i]!]))
      for (let c = 0; c < columns.length; c++) {
        const without = Float64Array.from(held, (row) =>
          score(row, (column, at) => table.columns[column]![column === c ? otherOf.get(at)! : at]!),
        )
        losses[c]! += (found.auc - rankAuc(truth, without).auc) / folds
      }
    }
    // Others want the event loop too.
    await new Promise<void>((resolve) => setImmediate(resolve))
  }
  if (counted === 0) return { auc: 0.5, low: 0.5, high: 0.5, pValue: 1, columns: [] }
  const auc = 0.5 + sum / counted
  const half = (1.959964 * errors) / counted
  return {
    auc,
    low: Math.max(0, auc - half),
    high: Math.min(1, auc + half),
    pValue: normalUpperTail(sum / nullErrors),
    columns: columns
      .map(({ name }, c) => ({ name, loss: losses[c]! }))
      .filter(({ loss }) => loss > 0.002)
      .sort((a, b) => b.loss - a.loss),
  }
}

/** As many rows of both kinds in each fold, nearly. */
function foldsOf(rows: number, baselineRows: number, random: Random): Uint8Array {
  const fold = new Uint8Array(rows)
  for (const [from, to] of [
    [0, baselineRows],
    [baselineRows, rows],
  ] as const) {
    const order = shuffle(
      Uint32Array.from({ length: to - from }, (_, i) => from + i),
      random,
    )
    order.forEach((row, i) => {
      fold[row] = i % folds
    })
  }
  return fold
}

function shuffle(values: Uint32Array, random: Random): Uint32Array {
  const shuffled = values.slice()
  for (let k = shuffled.length - 1; k > 0; k--) {
    const other = random.below(k + 1)
    const kept = shuffled[k]!
    shuffled[k] = shuffled[other]!
    shuffled[other] = kept
  }
  return shuffled
}

/** Bin 0 is missing. Numbers by quantiles of both sets together, categories by how frequent they are in both: nothing here knows which set a row is of. */
function binned(column: MixedColumn): Uint8Array {
  if (column.kind === 'category') {
    const counts = new Map<string, number>()
    for (const value of column.values) if (value !== null) counts.set(value, (counts.get(value) ?? 0) + 1)
    const codes = new Map(
      [...counts]
        .sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))
        .map(([value], rank) => [value, Math.min(bins - 1, rank + 1)]),
    )
    return Uint8Array.from(column.values, (value) => (value === null ? 0 : codes.get(value)!))
  }
  const present = Float64Array.from(column.values.filter((value) => value !== null)).sort()
  const edges: number[] = []
  for (let k = 1; k < bins - 1; k++) {
    const edge = present[Math.floor((k / (bins - 1)) * present.length)]
    if (edge !== undefined && edge !== edges.at(-1)) edges.push(edge)
  }
  return Uint8Array.from(column.values, (value) => {
    if (value === null) return 0
    let [low, high] = [0, edges.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if (edges[middle]! <= value) low = middle + 1
      else high = middle
    }
    return 1 + low
  })
}
