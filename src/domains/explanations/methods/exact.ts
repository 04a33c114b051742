import { type Attribution, answersToMixed, type Game } from './game.ts'

/** The most columns for which every coalition is asked for. */
export const mostExactColumns = 10

/** Shapley values from all coalitions (Shapley 1953): 2^columns times the background rows are asked of the model. */
export async function exactShapley(game: Game): Promise<Attribution> {
  const players = game.columns.length
  if (players > mostExactColumns) throw new RangeError(`${players} columns have too many coalitions.`)
  const { outputs } = game
  const backgroundRows = game.background.rows
  const coalitions = 2 ** players
  const taken = new Uint8Array(coalitions * backgroundRows * players)
  for (let s = 0; s < coalitions; s++)
    for (let b = 0; b < backgroundRows; b++)
      for (let c = 0; c < players; c++) taken[(s * backgroundRows + b) * players + c] = (s >> c) & 1
  const answers = await answersToMixed(game, coalitions * backgroundRows, (i) => i % backgroundRows, taken)
  const worth = new Float64Array(coalitions * outputs)
  for (let i = 0; i < coalitions * backgroundRows; i++)
    for (let k = 0; k < outputs; k++)
      worth[Math.floor(i / backgroundRows) * outputs + k]! += answers[i * outputs + k]! / backgroundRows

  const weights = coalitionWeights(players)
  const values = new Float64Array(players * outputs)
  for (let s = 0; s < coalitions; s++) {
    const weight = weights[bitsOf(s)]!
    for (let c = 0; c < players; c++) {
      if ((s >> c) & 1) continue
      const joined = s | (1 << c)
      for (let k = 0; k < outputs; k++)
        values[c * outputs + k]! += weight * (worth[joined * outputs + k]! - worth[s * outputs + k]!)
    }
  }
  return {
    values,
    base: worth.slice(0, outputs),
    answer: worth.slice((coalitions - 1) * outputs),
    errors: null,
    evaluations: coalitions * backgroundRows,
  }
}

/** s! (n - s - 1)! / n! by the size s of the coalition that a player joins. */
function coalitionWeights(players: number): number[] {
  const weights = [1 / players]
  for (let s = 1; s < players; s++) weights.push((weights[s - 1]! * s) / (players - s))
  return weights
}

function bitsOf(set: number): number {
  let count = 0
  for (let rest = set; rest !== 0; rest &= rest - 1) count++
  return count
}
