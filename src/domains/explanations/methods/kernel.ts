import type { Random } from '../../evaluation/statistics/random.ts'
import { type Attribution, answersToBackground, answersToMixed, type Game, meanOf } from './game.ts'
import { solve } from './solve.ts'

/**
 * Kernel SHAP (Lundberg and Lee 2017): a weighted regression on the worth of coalitions, constrained to add up to the answer. Sizes of coalitions
 * that can be asked for whole are; the rest are sampled in pairs with their complements (Covert and Lee 2021).
 */
export async function kernelShapley(
  game: Game,
  { coalitions, random }: { coalitions: number; random: Random },
): Promise<Attribution> {
  const { outputs, columns } = game
  const players = columns.length
  const backgroundRows = game.background.rows
  const base = meanOf(await answersToBackground(game), outputs)
  const answer = await game.answer(game.row)
  if (players === 1)
    return { values: answer.map((value, k) => value - base[k]!), base, answer, errors: null, evaluations: backgroundRows + 1 }
  const chosen = choose(players, coalitions, random)
  const taken = new Uint8Array(chosen.length * backgroundRows * players)
  chosen.forEach(({ members }, s) => {
    for (let b = 0; b < backgroundRows; b++) taken.set(members, (s * backgroundRows + b) * players)
  })
  const answers = await answersToMixed(game, chosen.length * backgroundRows, (i) => i % backgroundRows, taken)
  const values = new Float64Array(players * outputs)
  for (let k = 0; k < outputs; k++) {
    const worth = chosen.map((_, s) => {
      let mean = 0
      for (let b = 0; b < backgroundRows; b++) mean += answers[(s * backgroundRows + b) * outputs + k]! / backgroundRows
      return mean
    })
    const phi = constrained(chosen, worth, base[k]!, answer[k]!, players)
    for (let c = 0; c < players; c++) values[c * outputs + k] = phi[c]!
  }
  return { values, base, answer, errors: null, evaluations: chosen.length * backgroundRows + backgroundRows + 1 }
}

interface Coalition {
  members: Uint8Array
  weight: number
}

/** Coalitions and what each weighs: whole sizes from the outside in as long as they fit, then a sample of the sizes between. */
function choose(players: number, most: number, random: Random): Coalition[] {
  const sizes = Array.from({ length: players - 1 }, (_, i) => i + 1)
  const total = sizes.reduce((sum, size) => sum + sizeWeight(players, size), 0)
  const chosen: Coalition[] = []
  let low = 1
  for (; low <= players - low; low++) {
    const pair = low === players - low ? [low] : [low, players - low]
    const count = pair.length * binomial(players, low)
    if (chosen.length + count > most) break
    for (const size of pair)
      for (const members of subsets(players, size))
        chosen.push({ members, weight: sizeWeight(players, size) / total / binomial(players, size) })
  }
  const left = sizes.filter((size) => size >= low && size <= players - low)
  if (left.length === 0) return chosen
  const pairs = Math.floor((most - chosen.length) / 2)
  const leftWeight = left.reduce((sum, size) => sum + sizeWeight(players, size), 0)
  for (let i = 0; i < pairs; i++) {
    const size = drawSize(left, players, random.next() * leftWeight)
    const members = new Uint8Array(players)
    for (let free = players, needed = size; free > 0; free--) {
      // Each of those still free is taken with the chance that fills the coalition in the end.
      if (random.below(free) < needed) {
        members[free - 1] = 1
        needed--
      }
    }
    const weight = leftWeight / total / (2 * pairs)
    chosen.push({ members, weight }, { members: members.map((one) => 1 - one), weight })
  }
  return chosen
}

/** The size at a place along the weights of all sizes laid end to end. */
function drawSize(sizes: readonly number[], players: number, place: number): number {
  let rest = place
  for (const size of sizes) {
    rest -= sizeWeight(players, size)
    if (rest < 0) return size
  }
  return sizes.at(-1)!
}

/** The kernel's weight of all coalitions of a size together. */
const sizeWeight = (players: number, size: number): number => (players - 1) / (size * (players - size))

function binomial(n: number, k: number): number {
  let value = 1
  for (let i = 0; i < k; i++) value = (value * (n - i)) / (i + 1)
  return Math.round(value)
}

function* subsets(players: number, size: number): Generator<Uint8Array> {
  const at = Array.from({ length: size }, (_, i) => i)
  for (;;) {
    const members = new Uint8Array(players)
    for (const one of at) members[one] = 1
    yield members
    let last = size - 1
    while (last >= 0 && at[last] === players - size + last) last--
    if (last < 0) return
    at[last]!++
    for (let i = last + 1; i < size; i++) at[i] = at[i - 1]! + 1
  }
}

/** Weighted least squares with the last player's value given by the sum of all. */
function constrained(
  chosen: readonly Coalition[],
  worth: readonly number[],
  base: number,
  answer: number,
  players: number,
): Float64Array {
  const free = players - 1
  const matrix = Array.from({ length: free }, () => new Float64Array(free))
  const right = new Float64Array(free)
  const gain = answer - base
  chosen.forEach(({ members, weight }, s) => {
    const last = members[free]!
    const wanted = worth[s]! - base - last * gain
    for (let i = 0; i < free; i++) {
      const left = members[i]! - last
      if (left === 0) continue
      right[i]! += weight * left * wanted
      for (let j = 0; j < free; j++) matrix[i]![j]! += weight * left * (members[j]! - last)
    }
  })
  const found = solve(matrix, right)
  const values = new Float64Array(players)
  values.set(found)
  values[free] = gain - found.reduce((sum, value) => sum + value, 0)
  return values
}
