import { identifier } from '../../../ports/tables/sql.ts'
import type { ColumnType, TableColumn } from '../../../ports/tables/tables.ts'

/** Deciles and the quantiles that are shown. */
export const quantileShares = [0.01, 0.05, 0.1, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.9, 0.95, 0.99] as const
export const histogramBins = 30
export const topValues = 10
/** Tukey's fences (Tukey 1977): beyond 1.5 interquartile ranges from the quartiles. */
export const fence = 1.5

export const isNumeric = (type: ColumnType): boolean => type === 'number' || type === 'integer'

type Column = Pick<TableColumn, 'name' | 'type'>

/** The value of a column as statistics see it: numbers as DOUBLE, times as milliseconds, others as text. */
export function valueSql({ name, type }: Column): string {
  const column = identifier(name)
  if (isNumeric(type)) return `${column}::DOUBLE`
  if (type === 'datetime') return `epoch_ms(${column})::DOUBLE`
  return `${column}::VARCHAR`
}

/** One column as x. Our names are given in a query of their own: a table may have a column called x, and a name of the table would win over ours. */
const valuesOf = (column: Column, relation: string) => `(SELECT ${valueSql(column)} AS x FROM ${relation})`

/**
 * Everything about a column from one GROUP BY of its values: exact, and cheap where values repeat, because all that follows works on the different values.
 * Moments are central (two passes over the groups), so that large offsets cost no digits.
 */
export function groupedStatement(column: Column, relation: string): string {
  const ordered = isNumeric(column.type) || column.type === 'datetime'
  const groups = `g AS MATERIALIZED (SELECT x, count(*) AS n FROM ${valuesOf(column, relation)} GROUP BY x)`
  const top = `(SELECT list({v: x::VARCHAR, n: n}) FROM (SELECT x, n FROM g WHERE x IS NOT NULL ORDER BY n DESC, x LIMIT ${topValues})) AS top`
  const counts = `(SELECT coalesce(sum(n), 0)::BIGINT FROM g WHERE x IS NOT NULL) AS present, (SELECT coalesce(sum(n), 0)::BIGINT FROM g WHERE x IS NULL) AS missing, (SELECT count(x) FROM g) AS distinct_values`
  if (!ordered) {
    const lengths = `(SELECT {min: min(length(x)), max: max(length(x)), mean: sum(length(x) * n)::DOUBLE / sum(n)} FROM g WHERE x IS NOT NULL) AS lengths`
    return `WITH ${groups} SELECT ${counts}, ${top}, ${lengths}`
  }
  const quantiles = quantileShares.map(
    (share, at) =>
      `min(x) FILTER (upto > floor((total - 1) * ${share})) AS l${at}, min(x) FILTER (upto > ceil((total - 1) * ${share})) AS h${at}, any_value((total - 1) * ${share}) AS r${at}`,
  )
  return `WITH ${groups},
    facts AS MATERIALIZED (SELECT sum(n)::DOUBLE AS total, sum(x * n) / sum(n) AS mean, min(x) AS low, max(x) AS high, sum(n) FILTER (x = 0) AS zeros, sum(n) FILTER (x < 0) AS negative FROM g WHERE x IS NOT NULL),
    moments AS MATERIALIZED (SELECT sum(n * (x - mean)) AS m1, sum(n * (x - mean) ** 2) AS m2, sum(n * (x - mean) ** 3) AS m3 FROM g, facts WHERE x IS NOT NULL),
    ranked AS MATERIALIZED (SELECT x, n, sum(n) OVER (ORDER BY x) AS upto FROM g WHERE x IS NOT NULL),
    quantiles AS MATERIALIZED (SELECT ${quantiles.join(', ')} FROM ranked, facts),
    bins AS (SELECT ${binSql('x', 'low', 'high')} AS b, sum(n)::BIGINT AS n FROM g, facts WHERE x IS NOT NULL GROUP BY b),
    fences AS (SELECT ${interpolated(4)} AS q1, ${interpolated(10)} AS q3 FROM quantiles)
    SELECT ${counts}, ${top},
      {low: low, high: high, mean: mean, m1: m1, m2: m2, m3: m3, zeros: coalesce(zeros, 0)::BIGINT, negative: coalesce(negative, 0)::BIGINT} AS facts,
      [${quantileShares.map((_, at) => interpolated(at)).join(', ')}] AS quantiles,
      (SELECT list({b: b, n: n}) FROM bins) AS bins,
      (SELECT {low: coalesce(sum(n) FILTER (x < q1 - ${fence} * (q3 - q1)), 0)::BIGINT, high: coalesce(sum(n) FILTER (x > q3 + ${fence} * (q3 - q1)), 0)::BIGINT} FROM g, fences WHERE x IS NOT NULL) AS outliers
    FROM facts, moments, quantiles`
}

/** Linear interpolation between the neighbours of rank (n - 1) p: type 7 of Hyndman and Fan (1996), as NumPy and pandas do. */
const interpolated = (at: number) => `(l${at} + (h${at} - l${at}) * (r${at} - floor(r${at})))`

/** Equal widths from low to high; the last bin is closed. */
const binSql = (x: string, low: string, high: string) =>
  `CASE WHEN ${high} > ${low} THEN least(${histogramBins - 1}, floor((${x} - ${low}) / (${high} - ${low}) * ${histogramBins}))::INTEGER ELSE 0 END`

/**
 * Counts, range and quantiles of many columns in one scan: for small tables, and for columns whose values hardly repeat, where grouping would copy the column.
 * `exact` counts the different values, else they are estimated (HyperLogLog).
 */
export function directStatement(columns: readonly Column[], relation: string, exact: boolean): string {
  return `SELECT ${columns
    .map((column) => {
      const x = valueSql(column)
      const common = `present: count(${x}), missing: count(*) - count(${x}), distinct_values: ${exact ? `count(DISTINCT ${x})` : `approx_count_distinct(${x})`}`
      if (!isNumeric(column.type) && column.type !== 'datetime')
        return `{${common}, lengths: {min: min(length(${x})), max: max(length(${x})), mean: avg(length(${x}))}}`
      return `{${common}, facts: {low: min(${x}), high: max(${x}), mean: avg(${x}), zeros: count(*) FILTER (${x} = 0), negative: count(*) FILTER (${x} < 0)},
        quantiles: quantile_cont(${x}, [${quantileShares.join(', ')}])}`
    })
    .join(', ')} FROM ${relation}`
}

export interface Range {
  column: Column
  low: number
  high: number
  mean: number
  q1: number
  q3: number
}

/** Histogram, outliers and central moments of such columns, once range and mean are known. A row for each column and bin. */
export function directBinsStatement(columns: readonly Range[], relation: string): string {
  return columns
    .map(({ column, low, high, mean, q1, q3 }, at) => {
      const span = fence * (q3 - q1)
      return `SELECT ${at} AS c, ${binSql('x', number(low), number(high))} AS b, count(*) AS n, count(*) FILTER (x < ${number(q1 - span)}) AS below, count(*) FILTER (x > ${number(q3 + span)}) AS above,
        sum(d) AS m1, sum(d * d) AS m2, sum(d * d * d) AS m3
        FROM (SELECT x, x - ${number(mean)} AS d FROM ${valuesOf(column, relation)} WHERE x IS NOT NULL) GROUP BY b`
    })
    .join(' UNION ALL ')
}

/** The most frequent values of columns, as (column, value, count). */
export function topStatement(columns: readonly Column[], relation: string): string {
  return columns
    .map(
      (column, at) =>
        `SELECT ${at} AS c, x::VARCHAR AS v, n FROM (SELECT x, count(*) AS n FROM ${valuesOf(column, relation)} WHERE x IS NOT NULL GROUP BY x ORDER BY n DESC, x LIMIT ${topValues})`,
    )
    .join(' UNION ALL ')
}

/** A number as SQL, digit for digit. */
export const number = (value: number): string => `(${String(value)}::DOUBLE)`
