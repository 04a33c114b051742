export interface Isotonic {
  /** Ascending, one for each step. */
  at: number[]
  value: number[]
}

/** The rising steps nearest to what was seen, by pooling adjacent violators (Ayer et al. 1955): scipy.optimize.isotonic_regression, ties of x averaged first. */
export function fitIsotonic(x: ArrayLike<number>, y: ArrayLike<number>, counts?: ArrayLike<number>): Isotonic {
  const order = Uint32Array.from({ length: x.length }, (_, i) => i).sort((a, b) => x[a]! - x[b]!)
  const from: number[] = []
  const to: number[] = []
  const mean: number[] = []
  const weight: number[] = []
  for (let start = 0; start < order.length; ) {
    const at = x[order[start]!]!
    let sum = 0
    let total = 0
    let end = start
    for (; end < order.length && x[order[end]!] === at; end++) {
      const count = counts ? counts[order[end]!]! : 1
      sum += count * y[order[end]!]!
      total += count
    }
    start = end
    if (total === 0) continue
    from.push(at)
    to.push(at)
    mean.push(sum / total)
    weight.push(total)
    while (mean.length > 1 && mean.at(-2)! >= mean.at(-1)!) {
      const [m, w, t] = [mean.pop()!, weight.pop()!, to.pop()!]
      from.pop()
      const k = mean.length - 1
      mean[k] = (mean[k]! * weight[k]! + m * w) / (weight[k]! + w)
      weight[k]! += w
      to[k] = t
    }
  }
  const at: number[] = []
  const value: number[] = []
  mean.forEach((one, k) => {
    at.push(from[k]!)
    value.push(one)
    if (to[k]! > from[k]!) {
      at.push(to[k]!)
      value.push(one)
    }
  })
  return { at, value }
}

/** Between the steps by proportion, beyond them as at the ends. */
export function isotonicAt({ at, value }: Isotonic, x: number): number {
  if (at.length === 0) return x
  if (x <= at[0]!) return value[0]!
  if (x >= at.at(-1)!) return value.at(-1)!
  let low = 0
  let high = at.length - 1
  while (high - low > 1) {
    const middle = (low + high) >> 1
    if (at[middle]! <= x) low = middle
    else high = middle
  }
  const span = at[high]! - at[low]!
  return span === 0 ? value[high]! : value[low]! + ((value[high]! - value[low]!) * (x - at[low]!)) / span
}
