/** Solves a symmetric, positive semi-definite system by Gaussian elimination with pivots; what nothing determines is 0. Changes its arguments. */
export function solve(matrix: Float64Array[], right: Float64Array): Float64Array {
  const n = right.length
  const largest = Math.max(...matrix.map((row, i) => Math.abs(row[i]!)), Number.MIN_VALUE)
  const pivotRow = new Int32Array(n).fill(-1)
  let at = 0
  for (let column = 0; column < n && at < n; column++) {
    let best = at
    for (let i = at + 1; i < n; i++) if (Math.abs(matrix[i]![column]!) > Math.abs(matrix[best]![column]!)) best = i
    if (Math.abs(matrix[best]![column]!) <= 1e-12 * largest) continue
    ;[matrix[at], matrix[best]] = [matrix[best]!, matrix[at]!]
    ;[right[at], right[best]] = [right[best]!, right[at]!]
    const pivot = matrix[at]!
    for (let i = at + 1; i < n; i++) {
      const row = matrix[i]!
      const factor = row[column]! / pivot[column]!
      if (factor === 0) continue
      for (let j = column; j < n; j++) row[j]! -= factor * pivot[j]!
      right[i]! -= factor * right[at]!
    }
    pivotRow[column] = at++
  }
  const found = new Float64Array(n)
  for (let column = n - 1; column >= 0; column--) {
    const i = pivotRow[column]!
    if (i < 0) continue
    let rest = right[i]!
    for (let j = column + 1; j < n; j++) rest -= matrix[i]![j]! * found[j]!
    found[column] = rest / matrix[i]![column]!
  }
  return found
}
