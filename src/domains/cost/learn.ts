/** One past job: how large it was, in its kind's unit, and how much it took. */
export interface Sample {
  size: number
  value: number
}

export interface Interval {
  low: number
  high: number
  /** In words, for people. */
  method: string
}

const fewest = 5

/**
 * What a job of a given size will take, from what past ones took. From five on: a line through log(size), log(value) by least squares
 * with its 80 % prediction interval (Draper and Smith, Applied Regression Analysis, ch. 1.4). With fewer: in proportion to the size,
 * between half the least and twice the most seen.
 */
export function learn(samples: readonly Sample[], size: number): Interval | null {
  const usable = samples.filter((sample) => sample.value > 0 && sample.size > 0)
  if (usable.length === 0) return null
  const spread = new Set(usable.map((sample) => sample.size)).size
  if (usable.length < fewest || spread < 2) return inProportion(usable, size, spread)
  const x = usable.map((sample) => Math.log(sample.size))
  const y = usable.map((sample) => Math.log(sample.value))
  const n = usable.length
  const meanX = mean(x)
  const meanY = mean(y)
  const sxx = sum(x.map((v) => (v - meanX) ** 2))
  const sxy = sum(x.map((v, i) => (v - meanX) * (y[i]! - meanY)))
  // More work never takes less time, and never more than the square of its size: a few jobs of like size can suggest both.
  const slope = Math.min(2, Math.max(0, sxy / sxx))
  const residual = sum(x.map((v, i) => (y[i]! - (meanY + slope * (v - meanX))) ** 2))
  const at = Math.log(Math.max(size, Number.MIN_VALUE))
  const error = Math.sqrt((residual / (n - 2)) * (1 + 1 / n + (at - meanX) ** 2 / sxx))
  const middle = meanY + slope * (at - meanX)
  const half = studentT90(n - 2) * Math.max(error, 0.1)
  return { low: Math.exp(middle - half), high: Math.exp(middle + half), method: `${n} earlier jobs, 80 % interval` }
}

function inProportion(samples: readonly Sample[], size: number, spread: number): Interval {
  const scaled = samples.map((sample) => sample.value * (spread < 2 && sample.size === size ? 1 : size / sample.size))
  const many = samples.length >= fewest ? 1.3 : 2
  return {
    low: Math.min(...scaled) / many,
    high: Math.max(...scaled) * many,
    method: `${samples.length} earlier ${samples.length === 1 ? 'job' : 'jobs'}, in proportion to the size`,
  }
}

/** The 90 % quantile of Student's t: table to 10 degrees of freedom, beyond by Cornish and Fisher's expansion from the normal. */
function studentT90(degrees: number): number {
  const table = [3.078, 1.886, 1.638, 1.533, 1.476, 1.44, 1.415, 1.397, 1.383, 1.372]
  const z = 1.2815515655
  return table[degrees - 1] ?? z + (z ** 3 + z) / (4 * degrees)
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)
const mean = (values: readonly number[]) => sum(values) / values.length
