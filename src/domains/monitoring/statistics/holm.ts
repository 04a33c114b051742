/** p-values adjusted so that the chance of any false alarm among them stays below the level that one is compared with (Holm 1979). */
export function holmAdjusted(pValues: readonly number[]): number[] {
  const order = pValues.map((_, i) => i).sort((a, b) => pValues[a]! - pValues[b]!)
  const adjusted = new Array<number>(pValues.length)
  let largest = 0
  order.forEach((i, rank) => {
    largest = Math.max(largest, Math.min(1, pValues[i]! * (pValues.length - rank)))
    adjusted[i] = largest
  })
  return adjusted
}
