import { quantile } from '../evaluation/statistics/bootstrap.ts'
import { randomFrom } from '../evaluation/statistics/random.ts'
import { type Definition, definitions, type Measure } from './measures.ts'
import { type Cells, type Population, populationsOf } from './population.ts'
import type { MeasureValue } from './schema.ts'
import { katz, newcombe, type Range, sameProportion } from './statistics/proportions.ts'
import { resampleCounts } from './statistics/resample.ts'

type Countable = Exclude<Measure, 'flip_test'>

/** A measure before it is judged: its value, interval and test. */
export type Measured = Omit<MeasureValue, 'pHolm' | 'verdict'>

export interface TwoSides {
  cells: Cells
  /** 0: of those compared with, 1: of the group, else of neither. */
  sideOf(group: number): number
  measures: readonly Countable[]
  seed: number
}

/** Cells times resamples: a few hundredths of a second a comparison. */
const mostWork = 2e6

/** All measures of one group against another, from counts: analytic intervals for rates, the bootstrap of rows for the rest. */
export async function compareSides({ cells, sideOf, measures, seed }: TwoSides): Promise<Measured[]> {
  const mine = onlySides(cells, sideOf)
  const [a, d] = populationsOf(mine, 2, sideOf) as [Population, Population]
  const asked = measures.filter((name) => {
    const { ratio, difference } = definitions[name]
    return !ratio && !difference && name !== 'class_imbalance' && !Number.isNaN(definitions[name].value(a, d))
  })
  const resampled = asked.length > 0 ? await bootstrap(mine, sideOf, asked, seed) : null
  return measures.map((name) => measured(name, a, d, resampled))
}

function measured(name: Countable, a: Population, d: Population, resampled: Resampled | null): Measured {
  const definition: Definition = definitions[name]
  const value = definition.value(a, d)
  const { range, method } = intervalOf(name, definition, a, d, resampled)
  const pair = definition.difference?.(a, d)
  const p = pair ? sameProportion(...pair) : Number.NaN
  return {
    measure: name,
    symbol: definition.symbol,
    title: definition.title,
    value: orNull(value),
    low: orNull(range.low),
    high: orNull(range.high),
    method,
    pValue: orNull(p),
    wanted: definition.usual,
    rests: definition.rests(a, d),
  }
}

function intervalOf(name: Countable, definition: Definition, a: Population, d: Population, resampled: Resampled | null) {
  const nothing: Range = { low: Number.NaN, high: Number.NaN }
  const difference = definition.difference?.(a, d)
  if (difference) return { range: newcombe(...difference), method: 'Newcombe hybrid score' }
  const ratio = definition.ratio?.(a, d)
  if (ratio) return { range: katz(...ratio), method: 'Katz log' }
  const found = resampled?.ranges.get(name)
  return found
    ? { range: found, method: `bootstrap percentile, ${resampled!.resamples} resamples` }
    : { range: nothing, method: null }
}

interface Resampled {
  ranges: Map<Countable, Range>
  resamples: number
}

async function bootstrap(
  cells: Cells,
  sideOf: (group: number) => number,
  measures: readonly Countable[],
  seed: number,
): Promise<Resampled> {
  const resamples = Math.max(200, Math.min(1000, Math.floor(mostWork / cells.count.length)))
  const random = randomFrom(seed)
  const drawn = new Map(measures.map((name) => [name, [] as number[]]))
  let yieldedAt = performance.now()
  for (let i = 0; i < resamples; i++) {
    const [a, d] = populationsOf(cells, 2, sideOf, resampleCounts(random, cells.count)) as [Population, Population]
    for (const [name, values] of drawn) {
      const value = definitions[name].value(a, d)
      if (!Number.isNaN(value)) values.push(value)
    }
    if (performance.now() - yieldedAt > 15) {
      await new Promise(setImmediate)
      yieldedAt = performance.now()
    }
  }
  const ranges = new Map<Countable, Range>()
  for (const [name, values] of drawn) {
    values.sort((x, y) => x - y)
    ranges.set(name, { low: quantile(values, 0.025), high: quantile(values, 0.975) })
  }
  return { ranges, resamples }
}

/** The cells of the two sides alone, summed where they differ in nothing that a measure asks of them. */
function onlySides(cells: Cells, sideOf: (group: number) => number): Cells {
  const at: number[] = []
  for (let i = 0; i < cells.count.length; i++) if (sideOf(cells.group[i]!) >= 0) at.push(i)
  const take = <T extends Int32Array | Uint8Array | Float64Array>(from: T, into: new (length: number) => T): T => {
    const taken = new into(at.length)
    at.forEach((index, i) => {
      taken[i] = from[index]!
    })
    return taken
  }
  return {
    labels: cells.labels,
    strata: cells.strata,
    group: take(cells.group, Int32Array),
    label: take(cells.label, Int32Array),
    stratum: take(cells.stratum, Int32Array),
    favourable: take(cells.favourable, Uint8Array),
    predicted: take(cells.predicted, Uint8Array),
    count: take(cells.count, Float64Array),
  }
}

export const orNull = (value: number): number | null => (Number.isFinite(value) ? value : null)
