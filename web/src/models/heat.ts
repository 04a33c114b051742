/** For and against an answer, told apart by colour-blind eyes too: teal and orange, stronger the more they weigh. */
export const heatOf = (value: number, most: number): string => {
  const share = most > 0 ? Math.min(1, Math.abs(value) / most) : 0
  const colour = value >= 0 ? 'var(--color-s1)' : 'var(--color-s2)'
  return `color-mix(in srgb, ${colour} ${Math.round(share * 55)}%, transparent)`
}
export const signed = (value: number, digits = 3): string =>
  `${value >= 0 ? '+' : '−'}${Math.abs(value) < 1e-3 && value !== 0 ? Math.abs(value).toExponential(1) : Math.abs(value).toPrecision(digits)}`
