import { extent } from './extent.ts'

/** Maps values to pixels. */
export interface Scale {
  (value: number): number
  domain: [number, number]
  range: [number, number]
  ticks: number[]
  invert: (pixel: number) => number
}

/** A linear scale; `nice` widens the domain to round numbers. */
export function linear(
  domain: [number, number],
  range: [number, number],
  options: { nice?: boolean; ticks?: number } = {},
): Scale {
  let [low, high] = domain
  if (low === high) {
    low -= Math.abs(low) * 0.05 || 0.5
    high += Math.abs(high) * 0.05 || 0.5
  }
  const step = tickStep(low, high, options.ticks ?? 5)
  if (options.nice) {
    low = Math.floor(low / step + 1e-9) * step
    high = Math.ceil(high / step - 1e-9) * step
  }
  const factor = (range[1] - range[0]) / (high - low)
  const scale = ((value: number) => range[0] + (value - low) * factor) as Scale
  scale.domain = [low, high]
  scale.range = range
  scale.invert = (pixel) => low + (pixel - range[0]) / factor
  scale.ticks = []
  for (let at = Math.ceil(low / step - 1e-9); at * step <= high + step * 1e-9; at++)
    scale.ticks.push(Number((at * step).toPrecision(12)))
  return scale
}

/** A round step (1, 2 or 5 times a power of ten) that gives about `count` ticks. */
export function tickStep(low: number, high: number, count: number): number {
  const rough = (high - low) / Math.max(1, count)
  const power = 10 ** Math.floor(Math.log10(rough))
  const part = rough / power
  return (part > 7.07 ? 10 : part > 3.16 ? 5 : part > 1.41 ? 2 : 1) * power
}

/** The domain of values, with a little air. */
export function padded(values: readonly (number | null | undefined)[], share = 0.05): [number, number] {
  const [low, high] = extent(values)
  const air = (high - low) * share
  return [low - air, high + air]
}
