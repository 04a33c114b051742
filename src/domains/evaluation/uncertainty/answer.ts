import { invalidInput } from '../../../kernel/errors.ts'
import { positiveIndex } from '../../../ports/inference/label.ts'
import type { ModelSignature } from '../../../ports/inference/signature.ts'
import { classConfidence, confidenceFor, type Deciding, numberConfidence } from './confidence.ts'
import { halfWidth, levelOf, predictionSet } from './conformal.ts'
import type { Uncertainty, UncertaintyWish } from './schema.ts'

/** What a prediction says of how sure it is. */
export interface UncertainAnswer {
  /** Classes that hold the true one with the coverage. */
  set?: string[]
  /** Numbers that hold the true one with the coverage; null on both sides where there were too few rows to say. */
  interval?: { low: number | null; high: number | null }
  coverage: number
  /** Only where a share to answer was asked for. */
  abstain?: boolean
}

/** How a signature decides between two classes. */
export const decidingOf = (signature: ModelSignature): Deciding =>
  signature.task === 'binary'
    ? { positive: positiveIndex(signature), threshold: signature.threshold ?? 0.5 }
    : { positive: null, threshold: null }

/** Compiles a wish into what is said of each row's scores. */
export function compileUncertain(
  uncertainty: Uncertainty,
  signature: ModelSignature,
  { coverage = 0.9, kind, answer }: UncertaintyWish,
): (row: ArrayLike<number>) => UncertainAnswer {
  const { sets, intervals, answering } = uncertainty
  const level = levelOf(uncertainty.coverages, coverage)
  const deciding = decidingOf(signature)
  const least = answer === undefined ? null : confidenceFor(answering, answer)
  const known: readonly string[] = sets
    ? ['lac', 'aps', 'by_class']
    : ['absolute', ...(intervals?.normalised ? ['normalised'] : [])]
  if (kind !== undefined && !known.includes(kind))
    throw invalidInput(`This model gives ${known.join(', ')}, not "${kind}".`, { field: 'uncertainty.kind' })
  if (sets) {
    const how = { kind: (kind ?? 'lac') as 'lac', level }
    return (row) => ({
      set: predictionSet(sets, how, row).map((k) => signature.classes![k]!),
      coverage: uncertainty.coverages[level]!,
      ...(least !== null && { abstain: classConfidence(deciding, row) < least }),
    })
  }
  const how = { kind: (kind ?? (intervals!.normalised ? 'normalised' : 'absolute')) as 'absolute', level }
  return (row) => {
    const value = row[0]!
    const half = halfWidth(intervals!, how, value)
    return {
      interval: { low: half === null ? null : value - half, high: half === null ? null : value + half },
      coverage: uncertainty.coverages[level]!,
      ...(least !== null && { abstain: numberConfidence(intervals, value) < least }),
    }
  }
}
