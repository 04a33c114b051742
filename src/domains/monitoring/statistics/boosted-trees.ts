import type { Random } from '../../evaluation/statistics/random.ts'

/** Columns of small whole numbers: bins of numbers, codes of categories. Column by column. */
export interface BinnedColumns {
  rows: number
  columns: readonly Uint8Array[]
  /** How many bins a column may have. */
  bins: number
}

export interface BoostingPlan {
  trees: number
  depth: number
  rate: number
  leastInLeaf: number
  /** Columns that a tree looks at, drawn for each. */
  mostColumns: number
}

interface Tree {
  /** By place in a heap: -1 is a leaf. */
  column: Int32Array
  bin: Uint8Array
  value: Float64Array
}

/** Boosted trees of two classes by second-order gradients (Chen and Guestrin 2016), over histograms. Answers the score of a row. */
export function fitBoostedTrees(
  table: BinnedColumns,
  isSecond: Uint8Array,
  rows: Uint32Array,
  plan: BoostingPlan,
  random: Random,
): (row: number, columnOf?: (column: number, row: number) => number) => number {
  const score = new Float64Array(table.rows)
  const gradient = new Float64Array(table.rows)
  const hessian = new Float64Array(table.rows)
  const trees: Tree[] = []
  for (let t = 0; t < plan.trees; t++) {
    for (const row of rows) {
      const p = 1 / (1 + Math.exp(-score[row]!))
      gradient[row] = p - isSecond[row]!
      hessian[row] = p * (1 - p)
    }
    const tree = growTree(
      table,
      { gradient, hessian, rows, columns: drawn(table.columns.length, plan.mostColumns, random) },
      plan,
    )
    trees.push(tree)
    for (const row of rows) score[row]! += leafOf(tree, row, (column) => table.columns[column]![row]!)
  }
  const own = (column: number, row: number) => table.columns[column]![row]!
  return (row, columnOf = own) => {
    let sum = 0
    for (const tree of trees) sum += leafOf(tree, row, (column) => columnOf(column, row))
    return sum
  }
}

function leafOf({ column, bin, value }: Tree, _row: number, binOf: (column: number) => number): number {
  let node = 0
  while (column[node]! >= 0) node = binOf(column[node]!) <= bin[node]! ? 2 * node + 1 : 2 * node + 2
  return value[node]!
}

function drawn(columns: number, most: number, random: Random): Uint32Array {
  const all = Uint32Array.from({ length: columns }, (_, i) => i)
  if (columns <= most) return all
  for (let k = 0; k < most; k++) {
    const other = k + random.below(columns - k)
    const kept = all[k]!
    all[k] = all[other]!
    all[other] = kept
  }
  return all.slice(0, most)
}

interface Growing {
  gradient: Float64Array
  hessian: Float64Array
  rows: Uint32Array
  columns: Uint32Array
}

/** Keeps a leaf's answer near zero where few rows say it. */
const ridge = 1

function growTree(table: BinnedColumns, growing: Growing, plan: BoostingPlan): Tree {
  const nodes = 2 ** (plan.depth + 1) - 1
  const tree = { column: new Int32Array(nodes).fill(-1), bin: new Uint8Array(nodes), value: new Float64Array(nodes) }
  const open: { node: number; rows: Uint32Array; level: number }[] = [{ node: 0, rows: growing.rows, level: 0 }]
  for (let next = open.pop(); next; next = open.pop()) {
    const { node, rows, level } = next
    const split = level < plan.depth && rows.length >= 2 * plan.leastInLeaf ? bestSplit(table, growing, rows, plan) : null
    if (!split) {
      let [g, h] = [0, 0]
      for (const row of rows) {
        g += growing.gradient[row]!
        h += growing.hessian[row]!
      }
      tree.value[node] = (-plan.rate * g) / (h + ridge)
      continue
    }
    tree.column[node] = split.column
    tree.bin[node] = split.bin
    const bins = table.columns[split.column]!
    open.push({ node: 2 * node + 1, rows: rows.filter((row) => bins[row]! <= split.bin), level: level + 1 })
    open.push({ node: 2 * node + 2, rows: rows.filter((row) => bins[row]! > split.bin), level: level + 1 })
  }
  return tree
}

function bestSplit(
  table: BinnedColumns,
  { gradient, hessian, columns }: Growing,
  rows: Uint32Array,
  { leastInLeaf }: BoostingPlan,
): { column: number; bin: number } | null {
  const sums = new Float64Array(3 * table.bins)
  let best: { column: number; bin: number } | null = null
  let most = 1e-6
  for (const column of columns) {
    sums.fill(0)
    const bins = table.columns[column]!
    let [allG, allH] = [0, 0]
    for (const row of rows) {
      const at = 3 * bins[row]!
      const [g, h] = [gradient[row]!, hessian[row]!]
      sums[at]! += g
      sums[at + 1]! += h
      sums[at + 2]!++
      allG += g
      allH += h
    }
    const whole = (allG * allG) / (allH + ridge)
    let [g, h, n] = [0, 0, 0]
    for (let bin = 0; bin < table.bins - 1; bin++) {
      const at = 3 * bin
      if (sums[at + 2] === 0) continue
      g += sums[at]!
      h += sums[at + 1]!
      n += sums[at + 2]!
      if (n < leastInLeaf) continue
      if (rows.length - n < leastInLeaf) break
      const gain = (g * g) / (h + ridge) + (allG - g) ** 2 / (allH - h + ridge) - whole
      if (gain > most) {
        most = gain
        best = { column, bin }
      }
    }
  }
  return best
}
