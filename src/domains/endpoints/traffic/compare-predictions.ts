type Prediction = Record<string, unknown>

export interface Difference {
  differs: boolean
  /** Of the value, or of the probability that differs most; null where there is neither. */
  by: number | null
}

const relative = 1e-3

/** How two answers to one row differ: another label, or another number by more than a thousandth of its size. */
export function comparePredictions(main: Prediction, shadow: Prediction): Difference {
  const by = apart(main, shadow)
  if (typeof main.value === 'number') {
    const least = relative * Math.max(1e-9, Math.abs(main.value))
    return { differs: by === null || by > least, by }
  }
  if (typeof main.label === 'string') return { differs: main.label !== shadow.label, by }
  return { differs: said(main) !== said(shadow), by }
}

function apart(main: Prediction, shadow: Prediction): number | null {
  if (typeof main.value === 'number' && typeof shadow.value === 'number') return Math.abs(main.value - shadow.value)
  const [a, b] = [main.probabilities, shadow.probabilities] as (Record<string, number> | undefined)[]
  if (a && b) return Object.keys(a).reduce((most, name) => Math.max(most, Math.abs(a[name]! - (b[name] ?? 0))), 0)
  if (typeof main.score === 'number' && typeof shadow.score === 'number') return Math.abs(main.score - shadow.score)
  return null
}

/** Of whatever else a model may say, the answer without what differs by nature: names and times. */
function said({ id: _, seconds: __, seed: ___, ...answer }: Prediction): string {
  return JSON.stringify(answer, (_key, value) => (typeof value === 'number' ? Number(value.toPrecision(4)) : value))
}
