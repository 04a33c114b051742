export const median = (values: readonly number[]): number => quantile(values, 0.5)

export function quantile(values: readonly number[], share: number): number {
  if (values.length === 0) return Number.NaN
  const sorted = [...values].sort((a, b) => a - b)
  const at = share * (sorted.length - 1)
  const low = Math.floor(at)
  return sorted[low]! + (sorted[Math.ceil(at)]! - sorted[low]!) * (at - low)
}

/** Ratios of pairs of one round each: their median, and a bootstrap 95 % interval of it. */
export function pairedRatio(ours: readonly number[], against: readonly number[]): { median: number; low: number; high: number } {
  const ratios = ours.map((value, i) => value / against[i]!)
  let state = 12345
  const draw = () => {
    state = (state * 48271) % 2147483647
    return Math.floor((state / 2147483647) * ratios.length)
  }
  const medians = Array.from({ length: 2000 }, () => median(ratios.map(() => ratios[draw()]!)))
  return { median: median(ratios), low: quantile(medians, 0.025), high: quantile(medians, 0.975) }
}
