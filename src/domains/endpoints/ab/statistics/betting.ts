/** Shares of the stake that are bet, from timid to bold: what wins depends on the size of the effect, so a bit is put on each. */
const stakes = Array.from({ length: 14 }, (_, k) => 0.9 * 0.68 ** k)

export interface BettingInterval {
  mean: number
  low: number
  high: number
  rows: number
}

/**
 * The capital of somebody who began with 1 and bet, number after number, that the mean of values in [0, 1] is above `mean`; as a logarithm.
 * When it is not above, capital ever reaches 1 / alpha with a probability of at most alpha (Ville 1939), however often one looks and whenever
 * one stops: exactly, for any number of values. A fixed mixture of stakes, so the order of the values does not matter
 * (Waudby-Smith and Ramdas 2024, "Estimating means of bounded random variables by betting", JRSS B 86:1).
 */
export function logCapitalAbove(values: Iterable<readonly [value: number, times: number]>, mean: number): number {
  const logs = new Float64Array(stakes.length)
  if (mean <= 0) return Number.POSITIVE_INFINITY
  for (const [value, times] of values)
    for (let k = 0; k < stakes.length; k++) logs[k]! += times * Math.log1p(stakes[k]! * (value / mean - 1))
  const most = logs.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY)
  let sum = 0
  for (const log of logs) sum += Math.exp(log - most)
  return most + Math.log(sum / stakes.length)
}

/** p of "the mean is at most this": at any look below alpha with a probability of at most alpha where that is so. */
export const pOfAtMost = (values: readonly number[], mean: number): number =>
  Math.min(1, Math.exp(-logCapitalAbove(counted(values), mean)))

/** An interval for the mean of values in [0, 1] that holds it at every look at once. */
export function bettingInterval(values: readonly number[], alpha: number): BettingInterval {
  const rows = values.length
  const mean = rows === 0 ? Number.NaN : values.reduce((sum, one) => sum + one, 0) / rows
  if (rows === 0) return { mean, low: 0, high: 1, rows }
  const mirrored = counted(values.map((value) => 1 - value))
  return { mean, low: lowEnd(counted(values), mean, alpha / 2), high: 1 - lowEnd(mirrored, 1 - mean, alpha / 2), rows }
}

/** The least mean that the bets have not made implausible. */
function lowEnd(values: readonly (readonly [number, number])[], mean: number, alpha: number): number {
  const refuted = -Math.log(alpha)
  let low = 0
  let high = mean
  for (let i = 0; i < 40; i++) {
    const middle = (low + high) / 2
    if (logCapitalAbove(values, middle) >= refuted) low = middle
    else high = middle
  }
  return low
}

/** Equal values once, with how often: of yes and no there are two, whatever the number of rows. */
function counted(values: readonly number[]): (readonly [number, number])[] {
  const times = new Map<number, number>()
  for (const value of values) times.set(value, (times.get(value) ?? 0) + 1)
  return [...times]
}
