import { logGamma } from '../../evaluation/statistics/distributions.ts'

/**
 * Upper tail of the two-sided Kolmogorov statistic of one sample: P(D_n >= x).
 * Simard and L'Ecuyer (2011), Journal of Statistical Software 39(11): which formula is exact or near enough where.
 */
export function kolmogorovSurvival(n: number, x: number): number {
  if (x >= 1) return 0
  if (x <= 0) return 1
  const t = n * x
  if (t <= 0.5) return 1
  if (t <= 1) return clip(1 - Math.exp(logGamma(n + 1) - n * Math.log(n) + n * Math.log(2 * t - 1)))
  if (t >= n - 1) return clip(2 * (1 - x) ** n)
  const strength = t * x
  if (strength >= 370) return 0
  if (x >= 0.5 || strength >= (n <= 140 ? 4 : 2.2)) return clip(2 * smirnovSurvival(n, x))
  if (n <= 140 || n * x ** 1.5 <= 1.4) return clip(1 - durbinMatrix(n, x))
  return clip(1 - pelzGood(n, x))
}

const clip = (p: number): number => Math.min(1, Math.max(0, p))

/** P(D+_n >= x), one-sided, exact (Smirnov 1944; Birnbaum and Tingey 1951). */
export function smirnovSurvival(n: number, x: number): number {
  let sum = 0
  const whole = logFactorial(n)
  const last = Math.floor(n * (1 - x))
  for (let j = 0; j <= last; j++) {
    const below = x + j / n
    const above = 1 - below
    const logTerm = whole - logFactorial(j) - logFactorial(n - j) + (j - 1) * Math.log(below)
    if (above <= 0) sum += n === j ? Math.exp(logTerm) : 0
    else sum += Math.exp(logTerm + (n - j) * Math.log(above))
  }
  return clip(x * sum)
}

const mostKnown = 20_000
const knownFactorials = new Float64Array(mostKnown).fill(Number.NaN)

/** Tests of one baseline ask for the same ones again and again. */
function logFactorial(n: number): number {
  if (n >= mostKnown) return logGamma(n + 1)
  if (Number.isNaN(knownFactorials[n]!)) knownFactorials[n] = logGamma(n + 1)
  return knownFactorials[n]!
}

const scale = 2 ** 128

/** P(D_n <= x) by powers of Durbin's matrix (Marsaglia, Tsang and Wang 2003). Exact; for small n x. */
function durbinMatrix(n: number, x: number): number {
  const t = n * x
  const k = Math.ceil(t)
  const h = k - t
  const m = 2 * k - 1
  let base = durbin(m, h)
  let baseExponent = 0
  let power: Float64Array = new Float64Array(m * m)
  for (let i = 0; i < m; i++) power[i * m + i] = 1
  let exponent = 0
  const middle = (k - 1) * m + (k - 1)
  for (let left = n; left > 0; left = Math.floor(left / 2)) {
    if (left % 2 === 1) {
      power = product(power, base, m)
      exponent += baseExponent
    }
    base = product(base, base, m)
    baseExponent *= 2
    if (Math.abs(base[middle]!) > scale) {
      for (let i = 0; i < base.length; i++) base[i]! /= scale
      baseExponent += 128
    }
  }
  let p = power[middle]!
  for (let i = 1; i <= n; i++) {
    p = (i * p) / n
    if (Math.abs(p) < 1 / scale) {
      p *= scale
      exponent -= 128
    }
  }
  return p * 2 ** exponent
}

function durbin(m: number, h: number): Float64Array {
  const inverseFactorial = new Float64Array(m + 2)
  inverseFactorial[0] = 1
  for (let j = 1; j < m + 2; j++) inverseFactorial[j] = inverseFactorial[j - 1]! / j
  const edge = Float64Array.from({ length: m }, (_, j) => (1 - h ** (j + 1)) * inverseFactorial[j + 1]!)
  edge[m - 1] = (1 - 2 * h ** m + Math.max(2 * h - 1, 0) ** m) * inverseFactorial[m]!
  const matrix = new Float64Array(m * m)
  for (let i = 0; i < m; i++) {
    for (let j = 1; j < m; j++) if (i - j + 1 >= 0) matrix[i * m + j] = inverseFactorial[i - j + 1]!
    matrix[i * m] = edge[i]!
  }
  for (let j = 0; j < m; j++) matrix[(m - 1) * m + j] = edge[m - 1 - j]!
  return matrix
}

function product(a: Float64Array, b: Float64Array, m: number): Float64Array {
  const out = new Float64Array(m * m)
  for (let i = 0; i < m; i++) {
    for (let k = 0; k < m; k++) {
      const factor = a[i * m + k]!
      if (factor === 0) continue
      for (let j = 0; j < m; j++) out[i * m + j]! += factor * b[k * m + j]!
    }
  }
  return out
}

/** P(D_n <= x), approximation of order n^-2 (Pelz and Good 1976), for n > 140 in the body of the distribution. */
function pelzGood(n: number, x: number): number {
  const z = Math.sqrt(n) * x
  const pi2 = Math.PI ** 2
  const pi4 = pi2 ** 2
  const pi6 = pi2 ** 3
  const z2 = z ** 2
  const z4 = z ** 4
  const z6 = z ** 6
  const logQ = -pi2 / 8 / z2
  if (logQ < -708) return 0
  const q = Math.exp(logQ)
  const root2Pi = Math.sqrt(2 * Math.PI)
  const terms = Math.ceil((16 * z) / Math.PI)

  const sums: [number, number, number, number] = [0, 0, 0, 0]
  for (let k = terms; k > 0; k--) {
    const m2 = (2 * k - 1) ** 2
    const m4 = m2 ** 2
    const m6 = m2 ** 3
    const power = q ** (8 * k)
    sums[0] = sums[0] * power + 1
    sums[1] = sums[1] * power - z2 + (pi2 / 4) * m2
    sums[2] = sums[2] * power + 6 * z6 + 2 * z4 + (((2 * z4 - 5 * z2) * pi2) / 4) * m2 + ((pi4 * (1 - 2 * z2)) / 16) * m4
    sums[3] =
      sums[3] * power -
      30 * z6 -
      90 * z ** 8 +
      ((pi2 * (135 * z4 - 96 * z6)) / 4) * m2 +
      ((pi4 * (-60 * z2 + 212 * z4)) / 16) * m4 +
      ((pi6 * (5 - 30 * z2)) / 64) * m6
  }
  const divisors = [z, 6 * z4, 72 * z ** 7, 6480 * z ** 10] as const
  for (let i = 0; i < 4; i++) sums[i]! *= (q * root2Pi) / divisors[i]!

  const q2 = Math.exp(-pi2 / 2 / z2)
  let extra2 = 0
  let extra3 = 0
  for (let k = terms; k > 0; k--) {
    const weight = k * k * q2 ** (k * k)
    extra2 += weight
    extra3 += (3 * z2 - pi2 * k * k) * weight
  }
  sums[2] -= (extra2 * pi2 * root2Pi) / (36 * z ** 3)
  sums[3] += (extra3 * pi2 * root2Pi) / (216 * z6)
  return sums[0] + sums[1] / Math.sqrt(n) + sums[2] / n + sums[3] / n ** 1.5
}
