import type * as z from 'zod'
import { type BaselineColumn, binCounts, type CategoryBaseline, type NumberBaseline, pointsOf } from './baseline.ts'
import type { driftMeasures } from './checks/settings.ts'
import type { ColumnDrift } from './schema.ts'
import { columnSentence, shownValue } from './sentences.ts'
import { chiSquareTest, poolRare } from './statistics/chi-square-test.ts'
import { jensenShannonDistance, populationStability, shares, totalVariation } from './statistics/divergence.ts'
import { holmAdjusted } from './statistics/holm.ts'
import { ksDistanceOfCells } from './statistics/ks-cells.ts'
import { ksPValue } from './statistics/ks-test.ts'
import { spreadOf, wassersteinOfCells } from './statistics/wasserstein-cells.ts'

/** What was counted of one column now. */
export type NowColumn =
  | { kind: 'number'; rows: number; missing: number; cells: Float64Array }
  | { kind: 'category'; rows: number; missing: number; categories: { value: string; count: number }[]; others: number }

export type DriftMeasure = (typeof driftMeasures)[number]

/** From when on a change is large. */
export interface DriftRule {
  measure: DriftMeasure
  warning: number
  alert: number
}

export type Drift = z.infer<typeof ColumnDrift> & { totalVariation: number }

export interface MeasuredColumn {
  baseline: BaselineColumn
  psi: number
  jensenShannon: number
  totalVariation: number
  wasserstein: number | null
  tests: { name: Drift['test']['name']; statistic: number; pValue: number }[]
  missing: { baseline: number; now: number }
  unseen: { value: string; count: number }[]
  histogram: Drift['histogram']
  /** Where the column moved, for its sentence. */
  moved: { from: string; to: string } | null
}

/** How far each column has moved, and how likely chance does as much. */
export async function measureColumns(pairs: readonly { baseline: BaselineColumn; now: NowColumn }[]): Promise<MeasuredColumn[]> {
  const measured: MeasuredColumn[] = []
  for (const { baseline, now } of pairs) {
    measured.push(measure(baseline, now))
    // An exact p-value may take some milliseconds; others want the event loop too.
    await new Promise<void>((resolve) => setImmediate(resolve))
  }
  return measured
}

/**
 * An alarm needs two things: a distance above its bound (the change is large), and a test that stays significant after Holm's correction over all
 * tests of the run (it is no chance). So the stated false-alarm rate holds however many columns there are.
 */
export function judgeColumn(column: MeasuredColumn, adjusted: readonly number[], rule: DriftRule, falseAlarmRate: number): Drift {
  const tests = column.tests.map((test, i) => ({ ...test, adjustedPValue: adjusted[i]! }))
  const test = tests.reduce((least, one) => (one.adjustedPValue < least.adjustedPValue ? one : least))
  const isSignificant = test.adjustedPValue < falseAlarmRate
  const distance = distanceOf(column, rule.measure)
  const state = !isSignificant ? 'quiet' : distance >= rule.alert ? 'alert' : distance >= rule.warning ? 'warning' : 'quiet'
  const { baseline, moved, tests: _, ...facts } = column
  return {
    column: baseline.name,
    kind: baseline.role === 'prediction' ? 'prediction' : baseline.kind,
    ...facts,
    test,
    state,
    sentence: columnSentence({ name: baseline.name, ...facts, test, state, isSignificant, moved, distance, rule }),
  }
}

export const distanceOf = (column: MeasuredColumn | Drift, measure: DriftMeasure): number =>
  measure === 'psi'
    ? column.psi
    : measure === 'jensen_shannon'
      ? column.jensenShannon
      : measure === 'wasserstein'
        ? (column.wasserstein ?? column.totalVariation)
        : column.totalVariation

/** Drift column by column, where nothing else is asked in the same run. */
export async function compareColumns(
  pairs: readonly { baseline: BaselineColumn; now: NowColumn }[],
  { falseAlarmRate, ...rule }: DriftRule & { falseAlarmRate: number },
): Promise<Drift[]> {
  const measured = await measureColumns(pairs)
  const adjusted = holmAdjusted(measured.flatMap((column) => column.tests.map((test) => test.pValue)))
  let at = 0
  return measured.map((column) => {
    const own = adjusted.slice(at, at + column.tests.length)
    at += column.tests.length
    return judgeColumn(column, own, rule, falseAlarmRate)
  })
}

function measure(baseline: BaselineColumn, now: NowColumn): MeasuredColumn {
  const missing = { baseline: share(baseline.missing, baseline.rows), now: share(now.missing, now.rows) }
  const missingTest = { name: 'chi_square' as const, ...missingness(baseline, now) }
  if (baseline.kind === 'number' && now.kind === 'number')
    return { baseline, missing, ...measureNumber(baseline, now, missingTest) }
  if (baseline.kind === 'category' && now.kind === 'category') return { baseline, missing, ...measureCategory(baseline, now) }
  throw new Error(`The column "${baseline.name}" was counted as another kind than its baseline.`)
}

function measureNumber(
  baseline: NumberBaseline,
  now: Extract<NowColumn, { kind: 'number' }>,
  missingTest: MeasuredColumn['tests'][number],
) {
  const points = pointsOf(baseline)
  const bins = binCounts(points, now.cells, baseline.edges)
  const shown = binCounts(points, now.cells, baseline.shownEdges)
  const { distance, count } = ksDistanceOfCells(baseline.sample, points, now.cells)
  const ks = { name: 'ks' as const, statistic: distance, pValue: ksPValue(distance, baseline.sample.length, count) }
  const tests = baseline.missing + now.missing > 0 ? [ks, missingTest] : [ks]
  const before = baseline.sample[Math.floor(baseline.sample.length / 2)]
  const after = medianOfCells(points, now.cells, count)
  const show = (value: number | undefined) => (value === undefined ? 'none' : shownValue(value, baseline.format))
  return {
    psi: populationStability([...baseline.bins, baseline.missing], [...bins, now.missing]),
    jensenShannon: jensenShannonDistance([...baseline.bins, baseline.missing], [...bins, now.missing]),
    totalVariation: totalVariation([...baseline.bins, baseline.missing], [...bins, now.missing]),
    wasserstein: wassersteinOfCells(baseline.sample, points, now.cells) / spreadOf(baseline.sample),
    tests,
    unseen: [],
    moved: { from: `its median was ${show(before)}`, to: `is ${show(after)}` },
    histogram: {
      labels: binLabels(baseline.shownEdges, baseline.format),
      edges: baseline.shownEdges,
      baseline: sharesOf(baseline.shownBins, baseline.rows),
      now: sharesOf(shown, now.rows),
    },
  }
}

/** How many categories have a place of their own in the stability index; the rest are one. */
const mostBins = 30
const mostShown = 15

function measureCategory(baseline: CategoryBaseline, now: Extract<NowColumn, { kind: 'category' }>) {
  const counts = new Map(now.categories.map(({ value, count }) => [value, count]))
  const known = new Set(baseline.categories.map(({ value }) => value))
  const isComplete = baseline.others === 0
  const unseen = isComplete ? now.categories.filter(({ value }) => !known.has(value)) : []
  const unseenRows = now.categories.reduce((sum, { value, count }) => (known.has(value) ? sum : sum + count), 0) + now.others
  // Where most rows have a value of their own, new values keep coming (Good 1953): one never seen is of the kind of those seen once.
  const seenOnce = baseline.categories.filter(({ count }) => count === 1)
  const once = 2 * seenOnce.length > baseline.rows - baseline.missing && baseline.categories.length > mostBins ? seenOnce : []
  const several = baseline.categories.slice(0, baseline.categories.length - once.length)
  const own = several.slice(0, mostBins)
  const rest = several.slice(mostBins)
  const rowsNow = (part: typeof rest) => part.reduce((sum, { value }) => sum + (counts.get(value) ?? 0), 0)
  const restBefore = rest.reduce((sum, { count }) => sum + count, 0)
  // What neither list names goes together where the baseline does not know all; never-seen values stand alone where it does.
  const before = [...own.map(({ count }) => count), restBefore + baseline.others, once.length, baseline.missing]
  const after = [
    ...own.map(({ value }) => counts.get(value) ?? 0),
    rowsNow(rest) + (isComplete ? 0 : unseenRows),
    rowsNow(once) + (isComplete ? unseenRows : 0),
    now.missing,
  ]
  const pooled = poolRare(before, after)
  const shown = baseline.categories.slice(0, mostShown)
  const sumOf = (list: number[]) => list.reduce((sum, count) => sum + count, 0)
  const shownBefore = shown.map(({ count }) => count)
  const shownNow = shown.map(({ value }) => counts.get(value) ?? 0)
  return {
    psi: populationStability(before, after),
    jensenShannon: jensenShannonDistance(before, after),
    totalVariation: totalVariation(before, after),
    wasserstein: null,
    tests: [{ name: 'chi_square' as const, ...withoutDegrees(chiSquareTest(pooled.a, pooled.b)) }],
    unseen: unseen.slice(0, 10),
    moved: largestMove([...own.map(({ value }) => value)], before, after),
    histogram: {
      labels: [...shown.map(({ value }) => value), '(other)', '(missing)'],
      edges: null,
      baseline: sharesOf(
        [...shownBefore, baseline.rows - baseline.missing - sumOf(shownBefore), baseline.missing],
        baseline.rows,
      ),
      now: sharesOf([...shownNow, now.rows - now.missing - sumOf(shownNow), now.missing], now.rows),
    },
  }
}

function largestMove(values: readonly string[], before: readonly number[], after: readonly number[]): MeasuredColumn['moved'] {
  const p = shares(before)
  const q = shares(after)
  let largest = -1
  for (let k = 0; k < values.length; k++)
    if (largest < 0 || Math.abs(q[k]! - p[k]!) > Math.abs(q[largest]! - p[largest]!)) largest = k
  if (largest < 0) return null
  return { from: `"${values[largest]}" was ${percent(p[largest]!)} of rows`, to: `is ${percent(q[largest]!)}` }
}

function missingness(baseline: BaselineColumn, now: NowColumn) {
  return withoutDegrees(
    chiSquareTest([baseline.missing, baseline.rows - baseline.missing], [now.missing, now.rows - now.missing]),
  )
}

const withoutDegrees = ({ statistic, pValue }: { statistic: number; pValue: number }) => ({ statistic, pValue })

function medianOfCells(points: Float64Array, cells: Float64Array, count: number): number | undefined {
  let seen = 0
  for (let i = 0; i < points.length; i++) {
    seen += cells[2 * i]! + cells[2 * i + 1]!
    if (seen >= count / 2) return points[i]
  }
  return points.at(-1)
}

function binLabels(edges: readonly number[], format: NumberBaseline['format']): string[] {
  if (edges.length === 0) return ['all']
  const shown = edges.map((edge) => shownValue(edge, format))
  return [`up to ${shown[0]}`, ...shown.slice(1).map((to, i) => `${shown[i]} to ${to}`), `above ${shown.at(-1)}`]
}

const share = (part: number, whole: number): number => (whole === 0 ? 0 : part / whole)
const sharesOf = (counts: readonly number[], rows: number): number[] => counts.map((count) => share(count, rows))
const percent = (value: number): string => `${Number((100 * value).toPrecision(2))} %`
