/** Whole numbers beyond this are no longer told apart by every reader of JSON. */
export const mostWhole = 999_999_999_999_999

/** Whole numbers from `low` to `high`, digit by digit, in the notation of grammars. */
export function wholeBetween(low: number, high: number): string {
  const parts: string[] = []
  if (low < 0) parts.push(`"-" (${naturalBetween(Math.max(1, -Math.min(high, -1)), -low)})`)
  if (high >= 0) parts.push(naturalBetween(Math.max(0, low), high))
  return parts.join(' | ')
}

export interface Bounds {
  low: number
  high: number
  /** The bound itself is not among the numbers. */
  lowOut: boolean
  highOut: boolean
}

/** Numbers with up to fifteen decimals between whole bounds. */
export function decimalBetween({ low, high, lowOut, highOut }: Bounds): string {
  if (high <= 0 && low < 0) return `"-" (${magnitudeBetween({ low: -high, high: -low, lowOut: highOut, highOut: lowOut })})`
  if (low >= 0) return magnitudeBetween({ low, high, lowOut, highOut })
  const below = magnitudeBetween({ low: 0, high: -low, lowOut: true, highOut: lowOut })
  return `"-" (${below}) | ${magnitudeBetween({ low: 0, high, lowOut: false, highOut })}`
}

const decimals = '("." [0-9]{1,15})?'

function magnitudeBetween({ low, high, lowOut, highOut }: Bounds): string {
  const parts: string[] = []
  const from = lowOut ? low + 1 : low
  if (lowOut && low < high) parts.push(`"${low}." "0"{0,14} [1-9] [0-9]{0,5}`)
  if (from <= high - 1) parts.push(`(${naturalBetween(from, high - 1)}) ${decimals}`)
  if (!highOut) parts.push(`"${high}" ("." "0"{1,3})?`)
  return parts.join(' | ')
}

function naturalBetween(low: number, high: number): string {
  const parts: string[] = []
  for (let digits = String(low).length; digits <= String(high).length; digits++) {
    const first = digits === 1 ? 0 : 10 ** (digits - 1)
    parts.push(sameLength(String(Math.max(low, first)), String(Math.min(high, 10 ** digits - 1))))
  }
  return parts.join(' | ')
}

/** Numbers of as many digits each, from one to another. */
function sameLength(low: string, high: string): string {
  if (low === high) return `"${low}"`
  const [a, b] = [Number(low[0]), Number(high[0])]
  const rest = low.length - 1
  if (rest === 0) return `[${a}-${b}]`
  if (a === b) return `"${a}" (${sameLength(low.slice(1), high.slice(1))})`
  const any = `[0-9]{${rest}}`
  const parts: string[] = []
  const lowIsWhole = /^0+$/.test(low.slice(1))
  const highIsWhole = /^9+$/.test(high.slice(1))
  if (!lowIsWhole) parts.push(`"${a}" (${sameLength(low.slice(1), '9'.repeat(rest))})`)
  const [from, to] = [lowIsWhole ? a : a + 1, highIsWhole ? b : b - 1]
  if (from <= to) parts.push(`[${from}-${to}] ${any}`)
  if (!highIsWhole) parts.push(`"${b}" (${sameLength('0'.repeat(rest), high.slice(1))})`)
  return parts.join(' | ')
}
