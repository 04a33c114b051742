export interface Quadrature {
  points: Float64Array
  weights: Float64Array
}

const known = new Map<number, Quadrature>()

/** Gauss-Legendre points and weights on [0, 1]: exact for polynomials of degree 2n - 1 (Golub and Welsch 1969; here by Newton's method). */
export function gaussLegendre(n: number): Quadrature {
  let rule = known.get(n)
  if (!rule) {
    rule = { points: new Float64Array(n), weights: new Float64Array(n) }
    for (let i = 0; i < n; i++) {
      let x = Math.cos((Math.PI * (i + 0.75)) / (n + 0.5))
      let slope = 0
      for (let turn = 0; turn < 100; turn++) {
        let [before, now] = [1, x]
        for (let k = 2; k <= n; k++) [before, now] = [now, ((2 * k - 1) * x * now - (k - 1) * before) / k]
        slope = (n * (x * now - before)) / (x * x - 1)
        const step = now / slope
        x -= step
        if (Math.abs(step) < 1e-16) break
      }
      rule.points[i] = (1 - x) / 2
      rule.weights[i] = 1 / ((1 - x * x) * slope * slope)
    }
    known.set(n, rule)
  }
  return rule
}
