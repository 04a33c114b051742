/** Counts of each pair of values: `table[i][j]`, no row or column all zero. */
export type Contingency = readonly (readonly number[])[]

/** Cramér's V (Cramér 1946) without bias correction, as scipy.stats.contingency.association does. Null where a side is constant. */
export function cramersV(table: Contingency): number | null {
  const rows = table.length
  const columns = table[0]?.length ?? 0
  const least = Math.min(rows, columns) - 1
  if (least < 1) return null
  const rowSums = table.map((row) => row.reduce((sum, n) => sum + n, 0))
  const columnSums = Array.from({ length: columns }, (_, j) => table.reduce((sum, row) => sum + row[j]!, 0))
  const total = rowSums.reduce((sum, n) => sum + n, 0)
  let chiSquare = 0
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < columns; j++) {
      const expected = (rowSums[i]! * columnSums[j]!) / total
      chiSquare += (table[i]![j]! - expected) ** 2 / expected
    }
  return Math.min(1, Math.sqrt(chiSquare / total / least))
}

/** A contingency table from rows of (value, value, count). */
export function contingencyOf(counts: readonly (readonly [string, string, number])[]): Contingency {
  const left = new Map<string, number>()
  const right = new Map<string, number>()
  for (const [a, b] of counts) {
    if (!left.has(a)) left.set(a, left.size)
    if (!right.has(b)) right.set(b, right.size)
  }
  const table = Array.from({ length: left.size }, () => new Array<number>(right.size).fill(0))
  for (const [a, b, n] of counts) table[left.get(a)!]![right.get(b)!]! += n
  return table
}

/** A group of a number: how many, their mean, and the sum of squares about `about`. */
export interface Group {
  count: number
  /** Mean less `about`. */
  shift: number
  squares: number
}

/** Correlation ratio eta (Pearson 1905): the root of the share of a number's variance that lies between groups. Null where either is constant. */
export function correlationRatio(groups: readonly Group[]): number | null {
  const filled = groups.filter(({ count }) => count > 0)
  const n = filled.reduce((sum, { count }) => sum + count, 0)
  if (filled.length < 2 || n < 2) return null
  const mean = filled.reduce((sum, { count, shift }) => sum + count * shift, 0) / n
  const between = filled.reduce((sum, { count, shift }) => sum + count * (shift - mean) ** 2, 0)
  const total = filled.reduce((sum, { squares }) => sum + squares, 0) - n * mean ** 2
  if (total <= 0) return null
  return Math.sqrt(Math.min(1, Math.max(0, between / total)))
}
