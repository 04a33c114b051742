import { wilson, z95 } from '../../fairness/statistics/proportions.ts'

export interface Estimate {
  value: number
  low: number
  high: number
}

/** How often each class (first) was answered with each (second). */
export type Confusion = readonly { truth: string; said: string; rows: number }[]

/** The share of right answers, with its score interval (Wilson 1927). */
export function accuracyOf(confusion: Confusion): Estimate {
  const of = total(confusion)
  const hits = confusion.filter(({ truth, said }) => truth === said).reduce((sum, { rows }) => sum + rows, 0)
  return { value: hits / of, ...wilson({ hits, of }) }
}

/**
 * F1 of the positive class, or its mean over the classes that occur. The interval is the delta method on the multinomial of the confusion matrix
 * (Takahashi, Yamamoto, Kuchiba and Koyama 2022).
 */
export function f1Of(confusion: Confusion, positive: string | null): Estimate {
  const n = total(confusion)
  const classes = positive === null ? [...new Set(confusion.flatMap(({ truth, said }) => [truth, said]))] : [positive]
  const share = (matches: (cell: Confusion[number]) => boolean) =>
    confusion.filter(matches).reduce((sum, { rows }) => sum + rows / n, 0)
  const parts = classes.map((name) => {
    const both = share(({ truth, said }) => truth === name && said === name)
    const either = share(({ truth }) => truth === name) + share(({ said }) => said === name)
    return { name, both, either }
  })
  const f1 = parts.reduce((sum, { both, either }) => sum + (either === 0 ? 0 : (2 * both) / either), 0) / classes.length
  let mean = 0
  let meanSquare = 0
  for (const { truth, said, rows } of confusion) {
    let gradient = 0
    for (const { name, both, either } of parts) {
      if (either === 0) continue
      const isBoth = truth === name && said === name ? 1 : 0
      const isEither = (truth === name ? 1 : 0) + (said === name ? 1 : 0)
      gradient += (2 * (isBoth * either - both * isEither)) / (either * either) / classes.length
    }
    mean += (rows / n) * gradient
    meanSquare += (rows / n) * gradient * gradient
  }
  const half = z95 * Math.sqrt(Math.max(0, meanSquare - mean * mean) / n)
  return { value: f1, low: Math.max(0, f1 - half), high: Math.min(1, f1 + half) }
}

/** The mean absolute error, with the normal interval of a mean. */
export function maeOf({ rows, mean, deviation }: { rows: number; mean: number; deviation: number }): Estimate {
  const half = rows > 1 ? (z95 * deviation) / Math.sqrt(rows) : 0
  return { value: mean, low: Math.max(0, mean - half), high: mean + half }
}

const total = (confusion: Confusion): number => confusion.reduce((sum, { rows }) => sum + rows, 0)
