import { type Attribution, answersToBackground, answersToMixed, differing, type Game, meanOf } from './game.ts'

/**
 * Shapley values by sampling (Štrumbelj and Kononenko 2014): from each background row, the explained row's values are put in one column after the
 * other, in a random order and then in the reverse of it (antithetic pairs; Mitchell et al. 2022). Each walk leads from the background row's answer
 * to the explained row's, so base and contributions add up to the answer exactly, however few walks there are.
 */
export async function permutationShapley(
  game: Game,
  { rounds, random }: { rounds: number; random: () => number },
): Promise<Attribution> {
  const { outputs, columns } = game
  const players = columns.length
  const backgroundRows = game.background.rows
  const [ofBackground, answer] = [await answersToBackground(game), await game.answer(game.row)]
  const sum = new Float64Array(players * outputs)
  const sumOfSquares = new Float64Array(players * outputs)
  const ofPair = new Float64Array(players * outputs)
  let evaluations = backgroundRows + 1

  const pairs = backgroundRows * rounds
  // Drawn before anything is asked, so that the draw does not depend on which answer comes first.
  const orders = Array.from({ length: pairs }, (_, pair) => shuffled(differing(game, pair % backgroundRows), random))
  for (let from = 0; from < pairs; from += pairsAtOnce) {
    const group = orders.slice(from, from + pairsAtOnce)
    const walked = await Promise.all(group.map((order, i) => walkBothWays(game, (from + i) % backgroundRows, order)))
    walked.forEach(({ between, steps }, i) => {
      evaluations += 2 * steps
      addPair(group[i]!, between, (from + i) % backgroundRows)
    })
  }

  /** The change of the answer at each step of both walks, by column. */
  function addPair(order: readonly number[], between: Float64Array, b: number): void {
    const steps = Math.max(0, order.length - 1)
    ofPair.fill(0)
    for (const [w, walk] of [order, order.toReversed()].entries()) {
      for (let place = 0; place < walk.length; place++) {
        for (let k = 0; k < outputs; k++) {
          const before = place === 0 ? ofBackground[b * outputs + k]! : between[(w * steps + place - 1) * outputs + k]!
          const after = place === walk.length - 1 ? answer[k]! : between[(w * steps + place) * outputs + k]!
          ofPair[walk[place]! * outputs + k]! += (after - before) / 2
        }
      }
    }
    for (let i = 0; i < ofPair.length; i++) {
      sum[i]! += ofPair[i]!
      sumOfSquares[i]! += ofPair[i]! ** 2
    }
  }

  return {
    values: sum.map((value) => value / pairs),
    base: meanOf(ofBackground, outputs),
    answer,
    errors: sum.map((value, i) => standardError(value, sumOfSquares[i]!, pairs)),
    evaluations,
  }
}

/** Asked together: the model answers many short walks in one run. */
const pairsAtOnce = 16

/** The answers along a walk and its reverse; the first and the last row are known: the background row and the explained one. */
async function walkBothWays(game: Game, b: number, order: readonly number[]): Promise<{ between: Float64Array; steps: number }> {
  const players = game.columns.length
  const steps = Math.max(0, order.length - 1)
  const taken = new Uint8Array(2 * steps * players)
  for (const [w, walk] of [order, order.toReversed()].entries())
    for (let step = 0; step < steps; step++)
      for (let done = 0; done <= step; done++) taken[(w * steps + step) * players + walk[done]!] = 1
  return { between: await answersToMixed(game, 2 * steps, () => b, taken), steps }
}

function standardError(sum: number, sumOfSquares: number, count: number): number {
  if (count < 2) return Number.NaN
  const variance = Math.max(0, (sumOfSquares - sum ** 2 / count) / (count - 1))
  return Math.sqrt(variance / count)
}

function shuffled(items: readonly number[], random: () => number): number[] {
  const order = [...items]
  for (let i = order.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1))
    ;[order[i], order[j]] = [order[j]!, order[i]!]
  }
  return order
}
