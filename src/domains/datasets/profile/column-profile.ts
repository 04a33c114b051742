import { toIso } from '../../../kernel/time.ts'
import type { Column, ColumnProfile } from '../schema.ts'
import { fence, histogramBins, isNumeric, quantileShares } from './column-statements.ts'

/** What the statements of column-statements.ts give back for one column. */
export interface ColumnFacts {
  present: number
  missing: number
  distinct: number
  /** 0: counted. */
  distinctError: number
  top: { value: string; count: number }[]
  lengths: { min: number; mean: number; max: number } | null
  numbers: {
    low: number
    high: number
    mean: number
    std: number | null
    skewness: number | null
    zeros: number
    negative: number
    quantiles: number[]
    bins: Map<number, number>
    outliers: { low: number; high: number }
  } | null
}

/** Standard error of DuckDB's HyperLogLog with 2,048 registers: 1.04 / sqrt(2048) (Flajolet et al. 2007). */
export const sketchError = 1.04 / Math.sqrt(2048)

/** Reads the one row of `groupedStatement`. */
export function readGrouped(row: readonly unknown[]): ColumnFacts {
  const [present, missing, distinct, top, facts, quantiles, bins, outliers] = row as [
    number,
    number,
    number,
    { v: string; n: number }[] | null,
    any,
    any,
    any,
    any,
  ]
  const common: Omit<ColumnFacts, 'lengths' | 'numbers'> = {
    present: Number(present),
    missing: Number(missing),
    distinct: Number(distinct),
    distinctError: 0,
    top: (top ?? []).map(({ v, n }) => ({ value: v, count: Number(n) })),
  }
  if (quantiles === undefined) return { ...common, lengths: common.present > 0 ? facts : null, numbers: null }
  if (common.present === 0) return { ...common, lengths: null, numbers: null }
  return {
    ...common,
    lengths: null,
    numbers: {
      low: facts.low,
      high: facts.high,
      ...momentsOf(common.present, facts.mean, facts),
      zeros: Number(facts.zeros),
      negative: Number(facts.negative),
      quantiles,
      bins: new Map((bins ?? []).map((bin: { b: number; n: number }) => [Number(bin.b), Number(bin.n)])),
      outliers: { low: Number(outliers.low), high: Number(outliers.high) },
    },
  }
}

/** Mean, sample standard deviation and skewness from sums of the first three powers about `about`, which is nearly the mean. */
export function momentsOf(n: number, about: number, { m1, m2: squares, m3: cubes }: { m1: number; m2: number; m3: number }) {
  const shift = m1 / n
  const m2 = Math.max(0, squares - n * shift ** 2)
  const m3 = cubes - 3 * shift * squares + 2 * n * shift ** 3
  return { mean: about + shift, std: n > 1 ? Math.sqrt(m2 / (n - 1)) : null, skewness: skewnessOf(n, m2, m3) }
}

/** Adjusted Fisher-Pearson coefficient G1 (Joanes and Gill 1998), as pandas gives it. */
function skewnessOf(n: number, m2: number, m3: number): number | null {
  if (n < 3 || m2 <= 0) return null
  const g1 = m3 / n / (m2 / n) ** 1.5
  return (g1 * Math.sqrt(n * (n - 1))) / (n - 2)
}

/** Reads one struct of `directStatement`; bins, moments and top values follow. */
export function readDirect(struct: any, exact: boolean): ColumnFacts {
  const present = Number(struct.present)
  const { facts } = struct
  return {
    present,
    missing: Number(struct.missing),
    distinct: Math.min(present, Number(struct.distinct_values)),
    distinctError: exact ? 0 : sketchError,
    top: [],
    lengths: struct.lengths && present > 0 ? struct.lengths : null,
    numbers:
      facts && present > 0
        ? {
            low: facts.low,
            high: facts.high,
            mean: facts.mean,
            std: null,
            skewness: null,
            zeros: Number(facts.zeros),
            negative: Number(facts.negative),
            quantiles: struct.quantiles,
            bins: new Map(),
            outliers: { low: 0, high: 0 },
          }
        : null,
  }
}

const nearConstantShare = 0.99

/** The wire form of a column's statistics. */
export function toColumnProfile(column: Column, facts: ColumnFacts): ColumnProfile {
  const { numbers } = facts
  const q = (share: number) => numbers!.quantiles[quantileShares.indexOf(share as 0.5)]!
  const mostFrequent = facts.top[0]?.count ?? 0
  const wording =
    column.type === 'datetime'
      ? facts.top.map(({ value, count }) => ({ value: toIso(Number(value)), count }))
      : facts.top.map((one) => ({ ...one, value: shown(column, one.value) }))
  return {
    name: column.name,
    type: column.type,
    count: facts.present,
    missing: facts.missing,
    distinct: Math.min(facts.distinct, facts.present),
    distinctError: facts.distinctError,
    constant: facts.distinct <= 1,
    nearConstant: facts.distinct > 1 && facts.present > 0 && mostFrequent / facts.present >= nearConstantShare,
    numeric:
      numbers && isNumeric(column.type)
        ? {
            min: numbers.low,
            max: numbers.high,
            mean: numbers.mean,
            std: numbers.std,
            skewness: numbers.skewness,
            zeros: numbers.zeros,
            negative: numbers.negative,
            quantiles: { p01: q(0.01), p05: q(0.05), p25: q(0.25), p50: q(0.5), p75: q(0.75), p95: q(0.95), p99: q(0.99) },
            outliers: {
              ...numbers.outliers,
              rule: `below ${rounded(q(0.25) - fence * (q(0.75) - q(0.25)))} or above ${rounded(q(0.75) + fence * (q(0.75) - q(0.25)))} (1.5 interquartile ranges from the quartiles)`,
            },
          }
        : null,
    datetime: numbers && column.type === 'datetime' ? { min: toIso(numbers.low), max: toIso(numbers.high) } : null,
    histogram: numbers && histogramOf(numbers),
    top: wording,
    textLength: column.type === 'text' || column.type === 'category' ? facts.lengths : null,
    target: null,
  }
}

/** Whole numbers are shown as such, though statistics hold them as DOUBLE. */
const shown = (column: Column, value: string) => (isNumeric(column.type) ? String(Number(value)) : value)
const rounded = (value: number) => Number(value.toPrecision(6))

function histogramOf({ low, high, bins }: NonNullable<ColumnFacts['numbers']>): ColumnProfile['histogram'] {
  if (high === low) return { edges: [low, high], counts: [bins.get(0) ?? 0] }
  const edges = Array.from({ length: histogramBins + 1 }, (_, at) =>
    at === histogramBins ? high : low + ((high - low) * at) / histogramBins,
  )
  return { edges, counts: Array.from({ length: histogramBins }, (_, at) => bins.get(at) ?? 0) }
}
