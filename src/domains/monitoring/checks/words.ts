/** A number as sentences tell it. */
export const figure = (value: number): string => String(Number(value.toPrecision(3)))
export const percent = (value: number): string => `${Number((100 * value).toPrecision(2))} %`
export const chance = (p: number): string => (p < 1e-4 ? 'p < 0.0001' : `p = ${Number(p.toPrecision(2))}`)

/** "a", "b" and 3 more. */
export function listed(names: readonly string[], most = 3): string {
  if (names.length === 0) return 'no single column'
  const quoted = names.slice(0, most).map((name) => `"${name}"`)
  return names.length > most ? `${quoted.join(', ')} and ${names.length - most} more` : quoted.join(', ')
}
