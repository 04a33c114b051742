import { type Attribution, answersToBackground, answersToMixed, differing, type Game, meanOf } from './game.ts'

/**
 * Shapley values of a model whose answer is a sum over the columns (on this scale): each column alone, put into every background row.
 * Exact for such a model (Lundberg and Lee 2017, corollary 1). Null where the parts do not add up: the model is of another kind.
 */
export async function additiveShapley(game: Game, tolerance = 1e-3): Promise<Attribution | null> {
  const { outputs, columns } = game
  const players = columns.length
  const backgroundRows = game.background.rows
  const [ofBackground, answer] = [await answersToBackground(game), await game.answer(game.row)]
  const values = new Float64Array(players * outputs)
  let worst = 0
  let evaluations = backgroundRows + 1
  for (let b = 0; b < backgroundRows; b++) {
    const moved = differing(game, b)
    const taken = new Uint8Array(moved.length * players)
    moved.forEach((column, i) => {
      taken[i * players + column] = 1
    })
    const alone = await answersToMixed(game, moved.length, () => b, taken)
    evaluations += moved.length
    for (let k = 0; k < outputs; k++) {
      let total = 0
      moved.forEach((column, i) => {
        const step = alone[i * outputs + k]! - ofBackground[b * outputs + k]!
        values[column * outputs + k]! += step / backgroundRows
        total += step
      })
      worst = Math.max(worst, Math.abs(answer[k]! - ofBackground[b * outputs + k]! - total))
    }
  }
  const base = meanOf(ofBackground, outputs)
  const size = Math.max(1, ...answer.map((value, k) => Math.abs(value - base[k]!)))
  if (!(worst <= tolerance * size)) return null
  // What rounding left over is shared out, so that the parts add up exactly.
  for (let k = 0; k < outputs; k++) {
    let rest = answer[k]! - base[k]!
    for (let c = 0; c < players; c++) rest -= values[c * outputs + k]!
    for (let c = 0; c < players; c++) values[c * outputs + k]! += rest / players
  }
  return { values, base, answer, errors: null, evaluations }
}
