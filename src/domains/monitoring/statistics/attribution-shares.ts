import { studentTwoSided } from '../../evaluation/statistics/student.ts'

export interface SharesCompared {
  before: number[]
  now: number[]
  /** Share of what decides the answers that is now with other columns: half the sum of the differences (total variation). */
  moved: number
  /** That no column's mean share changed. */
  pValue: number
}

/**
 * Which columns decide: each row's contributions as shares of their sizes, so that rows of strong answers count as others do. Each column's mean share is
 * compared by Welch's test (1947), all columns by Bonferroni. Unlike permutations its p-value may be as small as repeated runs ask for.
 */
export function compareShares(before: readonly (readonly number[])[], now: readonly (readonly number[])[]): SharesCompared {
  const [a, b] = [momentsOf(before), momentsOf(now)]
  const pValues = a.mean.map((_, k) =>
    welch(
      { mean: a.mean[k]!, variance: a.variance[k]!, rows: before.length },
      { mean: b.mean[k]!, variance: b.variance[k]!, rows: now.length },
    ),
  )
  return {
    before: a.mean,
    now: b.mean,
    moved: a.mean.reduce((sum, mean, k) => sum + Math.abs(mean - b.mean[k]!), 0) / 2,
    pValue: Math.min(1, pValues.length * Math.min(...pValues)),
  }
}

function momentsOf(rows: readonly (readonly number[])[]) {
  const columns = rows[0]!.length
  const mean = new Array<number>(columns).fill(0)
  const squares = new Array<number>(columns).fill(0)
  for (const row of rows) {
    const size = row.reduce((sum, one) => sum + Math.abs(one), 0)
    if (size === 0) continue
    for (let k = 0; k < columns; k++) {
      const share = Math.abs(row[k]!) / size
      mean[k]! += share / rows.length
      squares[k]! += share ** 2 / rows.length
    }
  }
  const unbiased = rows.length / Math.max(1, rows.length - 1)
  return { mean, variance: mean.map((one, k) => Math.max(0, squares[k]! - one ** 2) * unbiased) }
}

interface Sample {
  mean: number
  variance: number
  rows: number
}

/** Two-sided; never surer than one row of the smaller side allows. */
function welch(a: Sample, b: Sample): number {
  const [va, vb] = [a.variance / a.rows, b.variance / b.rows]
  const least = 1 / Math.min(a.rows, b.rows)
  const error = Math.max(Math.sqrt(va + vb), least)
  const degrees =
    va + vb === 0 ? Math.min(a.rows, b.rows) - 1 : (va + vb) ** 2 / (va ** 2 / (a.rows - 1) + vb ** 2 / (b.rows - 1))
  return studentTwoSided((a.mean - b.mean) / error, degrees)
}
