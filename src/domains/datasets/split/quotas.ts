/** How many rows of each class go to the test and the validation part. */
export interface Quota {
  stratum: string
  test: number
  validation: number
}

/**
 * Shares rows out by largest remainders (Hamilton's method), so that the parts have exactly the wanted sizes and each class its share.
 * Every class keeps at least one training row.
 */
export function quotasOf(
  strata: readonly { stratum: string; rows: number }[],
  shares: { test: number; validation: number },
): Quota[] {
  const total = strata.reduce((sum, { rows }) => sum + rows, 0)
  const test = apportion(
    strata.map(({ rows }) => Math.max(0, rows - 1)),
    strata.map(({ rows }) => rows * shares.test),
    Math.round(total * shares.test),
  )
  const room = strata.map(({ rows }, at) => Math.max(0, rows - 1 - test[at]!))
  const validation = apportion(
    room,
    strata.map(({ rows }) => rows * shares.validation),
    Math.round(total * shares.validation),
  )
  return strata.map(({ stratum }, at) => ({ stratum, test: test[at]!, validation: validation[at]! }))
}

function apportion(most: readonly number[], wanted: readonly number[], total: number): number[] {
  const given = wanted.map((share, at) => Math.min(most[at]!, Math.floor(share)))
  const order = wanted
    .map((share, at) => ({ at, rest: share - Math.floor(share) }))
    .sort((a, b) => b.rest - a.rest || a.at - b.at)
  let left = total - given.reduce((sum, n) => sum + n, 0)
  while (left > 0) {
    const before = left
    for (const { at } of order)
      if (left > 0 && given[at]! < most[at]!) {
        given[at]!++
        left--
      }
    if (left === before) break
  }
  return given
}
