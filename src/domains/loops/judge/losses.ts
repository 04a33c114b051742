import type { Predictions } from '../../evaluation/statistics/predictions.ts'

/** What a prediction of each row cost, as a proper score: less is better. */
export interface Losses {
  name: string
  values: Float64Array
}

/** Log loss is cut where a model was sure of what was not so: one row must not decide alone. */
const leastProbability = 1e-6

/** Log loss for classes, squared error for numbers. */
export function lossesOf(said: Predictions): Losses {
  if (said.kind === 'numbers')
    return { name: 'squared error', values: said.actual.map((value, i) => (said.predicted[i]! - value) ** 2) }
  const values = new Float64Array(said.actual.length)
  for (let i = 0; i < values.length; i++)
    values[i] = -Math.log(Math.max(leastProbability, said.probabilities[i * said.classes + said.actual[i]!]!))
  return { name: 'log loss', values }
}

/**
 * The same within [0, 1], for tests that need a bound: the Brier score (halved) of classes; of numbers, which of two was nearer, by how much of both
 * errors together.
 */
export function boundedDifference(champion: Predictions, challenger: Predictions): Float64Array {
  if (champion.kind === 'numbers' && challenger.kind === 'numbers')
    return champion.actual.map((value, i) => {
      const one = Math.abs(champion.predicted[i]! - value)
      const other = Math.abs(challenger.predicted[i]! - value)
      return one + other === 0 ? 0 : (other - one) / (one + other)
    })
  if (champion.kind !== 'classes' || challenger.kind !== 'classes') throw new Error('Predictions of different tasks.')
  const brier = ({ classes, probabilities, actual }: typeof champion, row: number): number => {
    let sum = 0
    for (let k = 0; k < classes; k++) sum += (probabilities[row * classes + k]! - (k === actual[row] ? 1 : 0)) ** 2
    return sum / 2
  }
  return Float64Array.from(champion.actual, (_, row) => brier(challenger, row) - brier(champion, row))
}
