import { cellCounter } from '../../ports/tables/cell-counts.ts'
import type { Random } from '../evaluation/statistics/random.ts'
import type { Signature } from '../registry/schema.ts'
import { type Answer, judgedAnswers } from './answers.ts'
import {
  type Baseline,
  type BaselineColumn,
  baselineFormat,
  binCounts,
  edgesOf,
  type NumberBaseline,
  pointsOf,
} from './baseline.ts'
import type { Looked } from './checks/check.ts'
import type { NowColumn } from './compare-columns.ts'
import { vectorsOf } from './contributions.ts'
import { besideEachOther, type JointSample } from './sampled-rows.ts'

/** For tests: the baseline of a column of numbers. */
export function numberBaseline(name: string, values: readonly (number | null)[], mostSampled = 5000): NumberBaseline {
  const present = values.filter((value) => value !== null)
  const sample = present.slice(0, mostSampled).sort((a, b) => a - b)
  const ends = edgesOf(sample)
  const points = pointsOf({ sample, ...ends })
  const { cells } = countedAt(points, present)
  return {
    kind: 'number',
    name,
    role: 'input',
    rows: values.length,
    missing: values.length - present.length,
    sample,
    ...ends,
    bins: binCounts(points, cells, ends.edges),
    shownBins: binCounts(points, cells, ends.shownEdges),
    format: 'number',
  }
}

export function countedAt(points: Float64Array, values: readonly (number | null)[]) {
  const counter = cellCounter(points)
  for (const value of values) counter.add(value)
  return counter
}

export function numbersNow(baseline: NumberBaseline, values: readonly (number | null)[]): NowColumn {
  const { cells, missing } = countedAt(pointsOf(baseline), values)
  return { kind: 'number', rows: values.length, missing, cells }
}

function categoryCounts(values: readonly (string | null)[]) {
  const counts = new Map<string, number>()
  for (const value of values) if (value) counts.set(value, (counts.get(value) ?? 0) + 1)
  const categories = [...counts].map(([value, count]) => ({ value, count })).sort((a, b) => b.count - a.count)
  return { rows: values.length, missing: values.filter((value) => !value).length, categories, others: 0 }
}
export const categoryBaseline = (name: string, values: readonly (string | null)[]): BaselineColumn => ({
  kind: 'category',
  name,
  role: 'input',
  ...categoryCounts(values),
})
export const categoriesNow = (values: readonly (string | null)[]): NowColumn => ({ kind: 'category', ...categoryCounts(values) })

/** A customer, what the model says of them, and what turns out. */
export interface Drawn {
  tenure: number
  charge: number | null
  plan: string
  region: string
  truth: boolean
  /** The endpoint says no to them whatever the model says. */
  isRefused: boolean
}

export type Draw = (random: Random) => Drawn

const normal = (random: Random) => Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next())

/** What shifts: everything is quiet unless told. */
export interface Shift {
  /** Added to the charge, in standard deviations. */
  charge?: number
  /** Share of charges that go missing beyond the usual twentieth. */
  missing?: number
  /** Share of rows of a plan never seen. */
  newPlan?: number
  /** The charge no longer goes along with the tenure; each is as it was. */
  untied?: boolean
  /** Customers come to be near the model's border: tenures and charges are that part as spread as they were. */
  nearBorder?: number
  /** Tenures hardly differ any more, and charges differ twice as much: other columns decide. */
  otherDrivers?: boolean
  /** Share of truths that no longer follow the model. */
  concept?: number
  /** Share of the favourable outcome that a region is refused beyond the others. */
  unfair?: number
}

export const signature: Signature = {
  task: 'binary',
  target: 'leaves',
  classes: ['no', 'yes'],
  positive: 'yes',
  threshold: 0.5,
  tolerance: 1e-4,
  inputs: [
    { name: 'tenure', type: 'number', tensor: 'numbers', index: 0, nullable: false, min: -8, max: 8 },
    { name: 'charge', type: 'number', tensor: 'numbers', index: 1, nullable: true, min: -8, max: 8 },
    { name: 'plan', type: 'category', tensor: 'strings', index: 0, nullable: true },
    { name: 'region', type: 'category', tensor: 'strings', index: 1, nullable: true },
  ],
}

/** The model of these tests: right about how likely it is, while nothing shifts. */
export const probability = ({ tenure, charge, plan }: Pick<Drawn, 'tenure' | 'charge' | 'plan'>): number =>
  1 / (1 + Math.exp(1.6 * tenure - 0.9 * (charge ?? 0) + (plan === 'basic' ? 0.7 : -0.4)))

export function customer(shift: Shift = {}): Draw {
  const {
    charge: up = 0,
    missing = 0,
    newPlan = 0,
    untied = false,
    nearBorder = 1,
    otherDrivers = false,
    concept = 0,
    unfair = 0,
  } = shift
  const spread = otherDrivers ? { tenure: 0.25, charge: 2 } : { tenure: nearBorder, charge: nearBorder }
  return (random) => {
    const drawn = normal(random)
    const tenure = spread.tenure * drawn
    const tied = untied ? normal(random) : drawn
    const charge = random.next() < 0.05 + missing ? null : spread.charge * (0.6 * tied + 0.8 * normal(random)) + up
    const plan = random.next() < newPlan ? 'trial' : ['basic', 'plus', 'family'][random.below(3)]!
    const region = ['north', 'south'][random.below(2)]!
    const likely = probability({ tenure, charge, plan })
    const truth = random.next() < (random.next() < concept ? 0.5 : likely)
    return { tenure, charge, plan, region, truth, isRefused: region === 'south' && random.next() < unfair }
  }
}

export function answerOf(one: Drawn): Answer {
  const p = one.isRefused ? 0.05 : probability(one)
  return {
    said: { label: p > 0.5 ? 'yes' : 'no', probabilities: { no: 1 - p, yes: p } },
    truth: one.truth ? 'yes' : 'no',
  }
}

const columnsOf = (rows: readonly Drawn[]) => ({
  tenure: rows.map(({ tenure }) => tenure),
  charge: rows.map(({ charge }) => charge),
  plan: rows.map(({ plan }) => plan),
  region: rows.map(({ region }) => region),
})

const joint = (rows: readonly Drawn[]): JointSample => {
  const { tenure, charge, plan, region } = columnsOf(rows)
  return {
    rows: rows.length,
    columns: [
      { name: 'tenure', kind: 'number', values: tenure },
      { name: 'charge', kind: 'number', values: charge },
      { name: 'plan', kind: 'category', values: plan },
      { name: 'region', kind: 'category', values: region },
    ],
  }
}

export const many = (count: number, draw: Draw, random: Random): Drawn[] => Array.from({ length: count }, () => draw(random))

/** What a monitor would see of a window: the baseline, the sealed answers and the rows of now, drawn. */
export function lookedAt(
  now: readonly Drawn[],
  { trained, sealed }: { trained: readonly Drawn[]; sealed: readonly Drawn[] },
  more: Partial<Pick<Looked, 'grouped' | 'operations' | 'tables'>> = {},
): Looked {
  const [then, here] = [columnsOf(trained), columnsOf(now)]
  const score = (rows: readonly Drawn[]) => rows.map((one) => (one.isRefused ? 0.05 : probability(one)))
  const said: NumberBaseline = { ...numberBaseline('probability of yes', score(sealed)), role: 'prediction' }
  const numbers = (['tenure', 'charge'] as const).map((name) => ({
    baseline: numberBaseline(name, then[name]),
    values: here[name],
  }))
  const categories = (['plan', 'region'] as const).map((name) => ({
    baseline: categoryBaseline(name, then[name]),
    values: here[name],
  }))
  const pairs = [
    ...numbers.map(({ baseline, values }) => ({ baseline: baseline as BaselineColumn, now: numbersNow(baseline, values) })),
    ...categories.map(({ baseline, values }) => ({ baseline, now: categoriesNow(values) })),
    { baseline: said as BaselineColumn, now: numbersNow(said, score(now)) },
  ]
  const baseline: Baseline = {
    format: baselineFormat,
    version: 'mdv_1',
    rows: trained.length,
    columns: pairs.map((pair) => pair.baseline),
    joint: joint(trained),
  }
  const outside = (name: 'tenure' | 'charge') => here[name].filter((value) => value !== null && Math.abs(value) > 8).length
  return {
    monitor: { minimum_rows: 100, psi_warning: 0.1, psi_alert: 0.25 } as Looked['monitor'],
    version: {
      id: 'mdv_1',
      task: 'binary',
      target: 'leaves',
      signature,
      manifest: { kind: 'onnx' },
      goalOutcome: null,
    } as unknown as Looked['version'],
    baseline,
    source: 'a window',
    rows: now.length,
    period: null,
    counted: async () => ({ pairs, withheld: [] }),
    sampled: async (most = 5000) => besideEachOther(baseline.joint, joint(now), most),
    quality: async () =>
      (['tenure', 'charge'] as const).map((name) => ({
        column: name,
        rows: now.length,
        outside: outside(name),
        range: { min: -8, max: 8 },
        wrongType: 0,
      })),
    answers: async () => now.map((one) => answerOf(one)),
    labelled: async () => now.map((one) => answerOf(one)),
    sealed: async () =>
      judgedAnswers(
        signature,
        sealed.map((one) => answerOf(one)),
      ),
    vectors: async () =>
      vectorsOf(
        { signature, task: 'binary' },
        now.map((one) => answerOf(one)),
        sealed.map((one) => answerOf(one)),
      ),
    contributions: async (rows) => ({
      columns: ['tenure', 'charge', 'plan'],
      before: contributed(trained, rows),
      now: contributed(now, rows),
    }),
    grouped: () => Promise.reject(new Error('No table is laid here.')),
    policies: async () => [],
    tables: null as never,
    operations: () => Promise.reject(new Error('Nothing is served here.')),
    signal: new AbortController().signal,
    ...more,
  }
}

/** What each input adds to the log odds of `probability`. */
const contributed = (rows: readonly Drawn[], most: number): number[][] =>
  rows.slice(0, most).map(({ tenure, charge, plan }) => [-1.6 * tenure, 0.9 * (charge ?? 0), plan === 'basic' ? -0.7 : 0.4])
