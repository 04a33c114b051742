/** Upper tail of the chi-square distribution. */
export const chiSquareSurvival = (x: number, degrees: number): number => (x <= 0 ? 1 : upperGamma(degrees / 2, x / 2))

/** P(|Z| >= |z|) for a standard normal Z. */
export const normalTwoSided = (z: number): number => chiSquareSurvival(z * z, 1)

/** P that a fair coin shows a split at least as uneven as `successes` in `trials`, in either direction. */
export function fairCoinTwoSided(successes: number, trials: number): number {
  const fewer = Math.min(successes, trials - successes)
  let tail = 0
  for (let k = 0; k <= fewer; k++) tail += Math.exp(logChoose(trials, k) - trials * Math.LN2)
  return Math.min(1, 2 * tail)
}

const logChoose = (n: number, k: number): number => logGamma(n + 1) - logGamma(k + 1) - logGamma(n - k + 1)

/** Stirling's series, after shifting small arguments up (Abramowitz and Stegun 6.1.41). */
export function logGamma(x: number): number {
  let shift = 0
  let z = x
  while (z < 15) shift += Math.log(z++)
  const inverse = 1 / (z * z)
  const series =
    (1 / 12 -
      inverse * (1 / 360 - inverse * (1 / 1260 - inverse * (1 / 1680 - inverse * (1 / 1188 - (inverse * 691) / 360360))))) /
    z
  return (z - 0.5) * Math.log(z) - z + 0.5 * Math.log(2 * Math.PI) + series - shift
}

/** Regularised upper incomplete gamma Q(a, x): series below a + 1, Lentz's continued fraction above (Numerical Recipes 6.2). */
function upperGamma(a: number, x: number): number {
  const front = Math.exp(a * Math.log(x) - x - logGamma(a))
  if (x < a + 1) {
    let term = 1 / a
    let sum = term
    for (let n = 1; Math.abs(term) > Math.abs(sum) * 1e-17 && n < 10_000; n++) sum += term *= x / (a + n)
    return Math.max(0, 1 - front * sum)
  }
  const tiny = 1e-300
  let b = x + 1 - a
  let c = 1 / tiny
  let d = 1 / b
  let h = d
  for (let i = 1; i < 10_000; i++) {
    const an = -i * (i - a)
    b += 2
    d = 1 / (an * d + b || tiny)
    c = b + an / c || tiny
    const delta = d * c
    h *= delta
    if (Math.abs(delta - 1) < 1e-16) break
  }
  return front * h
}
