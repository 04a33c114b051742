import { solve } from './solve.ts'

export interface LocalLine {
  weights: Float64Array
  intercept: number
  /** The line's answer where every part is there. */
  answer: number
  /** Share of the (weighted) variance of the answers that the line explains. */
  fit: number
}

/** A weighted ridge regression of answers on which parts are there (Ribeiro et al. 2016): the line that a model looks like near one row. */
export function localLine(
  parts: number,
  { there, answers, near, ridge = 1 }: { there: Uint8Array; answers: ArrayLike<number>; near: ArrayLike<number>; ridge?: number },
): LocalLine {
  const rows = answers.length
  const means = new Float64Array(parts)
  let total = 0
  let meanAnswer = 0
  for (let r = 0; r < rows; r++) {
    total += near[r]!
    meanAnswer += near[r]! * answers[r]!
    for (let p = 0; p < parts; p++) if (there[r * parts + p] === 1) means[p]! += near[r]!
  }
  meanAnswer /= total
  for (let p = 0; p < parts; p++) means[p]! /= total
  const matrix = Array.from({ length: parts }, () => new Float64Array(parts))
  const right = new Float64Array(parts)
  const centred = new Float64Array(parts)
  for (let r = 0; r < rows; r++) {
    for (let p = 0; p < parts; p++) centred[p] = there[r * parts + p]! - means[p]!
    const off = answers[r]! - meanAnswer
    for (let p = 0; p < parts; p++) {
      const weighted = near[r]! * centred[p]!
      right[p]! += weighted * off
      const row = matrix[p]!
      for (let q = 0; q < parts; q++) row[q]! += weighted * centred[q]!
    }
  }
  for (let p = 0; p < parts; p++) matrix[p]![p]! += ridge
  const weights = solve(matrix, right)
  const intercept = meanAnswer - weights.reduce((sum, weight, p) => sum + weight * means[p]!, 0)
  let left = 0
  let all = 0
  for (let r = 0; r < rows; r++) {
    let said = intercept
    for (let p = 0; p < parts; p++) if (there[r * parts + p] === 1) said += weights[p]!
    left += near[r]! * (answers[r]! - said) ** 2
    all += near[r]! * (answers[r]! - meanAnswer) ** 2
  }
  return {
    weights,
    intercept,
    answer: weights.reduce((sum, weight) => sum + weight, intercept),
    fit: all > 0 ? 1 - left / all : 1,
  }
}
