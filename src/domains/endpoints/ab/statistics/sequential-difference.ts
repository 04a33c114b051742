/** What is known of one variant's outcomes: how many, their mean, their variance. */
export interface Arm {
  rows: number
  mean: number
  variance: number
}

export interface SequentialDifference {
  /** Mean of b less mean of a. */
  value: number
  /** Holds the true difference at every look at once with the confidence that was asked for. */
  low: number
  high: number
  /** Below alpha at any look: the means differ. Looking often does not make it lie. */
  pValue: number
}

/** The interval is narrowest, for its kind, at about so many rows. */
const tunedToRows = 2000

/**
 * The difference of two means with an interval that stays right however often it is looked at, and for a stop at any time: the normal-mixture
 * sequential test (Robbins 1970; mSPRT of Johari, Koomen, Pekelis and Walsh 2022, Operations Research 70:3) in the form that needs no
 * known variance (asymptotic confidence sequences: Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas 2024, Annals of Statistics 52:6).
 */
export const sequentialDifference = (a: Arm, b: Arm, alpha: number): SequentialDifference =>
  sequential(b.mean - a.mean, { rows: a.rows + b.rows, variance: a.variance / a.rows + b.variance / b.rows, alpha })

/** One mean, with an interval of the same kind. */
export const sequentialMean = (arm: Arm, alpha: number): SequentialDifference =>
  sequential(arm.mean, { rows: arm.rows, variance: arm.variance / arm.rows, alpha })

function sequential(
  value: number,
  { rows, variance, alpha }: { rows: number; variance: number; alpha: number },
): SequentialDifference {
  if (!(variance > 0)) return { value, low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY, pValue: 1 }
  const spread = rows * mixtureVariance(alpha)
  const share = spread / (spread + 1)
  const radius = Math.sqrt((2 * variance * Math.log(Math.sqrt(spread + 1) / alpha)) / share)
  const logEvidence = ((value * value) / variance / 2) * share - Math.log(spread + 1) / 2
  return { value, low: value - radius, high: value + radius, pValue: Math.min(1, Math.exp(-logEvidence)) }
}

/** The spread of the mixture for which the interval is narrowest at the rows it is tuned to (the same paper, appendix on tuning). */
const mixtureVariance = (alpha: number): number => {
  const log = -2 * Math.log(alpha)
  return (log + Math.log(log + 1)) / tunedToRows
}

/** The arm of outcomes that are yes or no. Half a yes and half a no more, so that a rate of nought has a variance too. */
export function armOfRate(hits: number, rows: number): Arm {
  const smoothed = (hits + 0.5) / (rows + 1)
  return { rows, mean: hits / rows, variance: smoothed * (1 - smoothed) }
}
