import type { JointSample } from './sampled-rows.ts'

/** What training saw of one column, in the form that drift is measured against. Kept as JSON. */
export type BaselineColumn = NumberBaseline | CategoryBaseline

interface CommonBaseline {
  name: string
  /** input: a raw column. prediction: what the model said of rows it had not seen. */
  role: 'input' | 'prediction'
  rows: number
  missing: number
}

export interface NumberBaseline extends CommonBaseline {
  kind: 'number'
  /** An ascending sample of the present values: what the KS test compares with. */
  sample: number[]
  /** Upper ends of the bins of the stability index, but the last: quantiles of the sample. */
  edges: number[]
  /** Present rows in each bin: one more than edges. */
  bins: number[]
  /** Ends of equal widths, for showing both distributions. */
  shownEdges: number[]
  /** Present rows below the first, between, above the last shown edge. */
  shownBins: number[]
  /** How a value is shown. */
  format: 'number' | 'datetime' | 'length'
}

export interface CategoryBaseline extends CommonBaseline {
  kind: 'category'
  /** Most frequent first. */
  categories: { value: string; count: number }[]
  /** Rows of categories beyond those listed; 0 means that all are known. */
  others: number
}

/** Raised when what is kept of a baseline changes: those kept before are then made again. */
export const baselineFormat = 2

export interface Baseline {
  format: number
  version: string
  rows: number
  columns: BaselineColumn[]
  /** Whole rows of the inputs. */
  joint: JointSample
}

export const mostSampled = 5000
export const mostCategories = 1000
const binsWanted = 10
const shownWanted = 24

/** The points at which a number column is counted once over all training rows, from an ascending sample of it. */
export function edgesOf(sample: readonly number[]): Pick<NumberBaseline, 'edges' | 'shownEdges'> {
  if (sample.length === 0) return { edges: [], shownEdges: [] }
  const edges: number[] = []
  const last = sample[sample.length - 1]!
  for (let k = 1; k < binsWanted; k++) {
    const edge = sample[Math.ceil((k / binsWanted) * sample.length) - 1]!
    if (edge !== edges.at(-1) && edge < last) edges.push(edge)
  }
  // Shown between the first and the last percent, so that one far value does not squeeze the rest into a bar.
  const low = sample[Math.floor(0.005 * sample.length)]!
  const high = sample[Math.ceil(0.995 * sample.length) - 1]!
  const distinct = distinctUpTo(sample, shownWanted)
  if (distinct) return { edges, shownEdges: distinct.slice(0, -1).map((value, i) => (value + distinct[i + 1]!) / 2) }
  const width = (high - low) / shownWanted
  if (!(width > 0) || !Number.isFinite(width)) return { edges, shownEdges: low < high ? [low] : [] }
  return { edges, shownEdges: Array.from({ length: shownWanted + 1 }, (_, k) => low + k * width) }
}

/** The distinct values of an ascending sample, if they are few. */
function distinctUpTo(sample: readonly number[], most: number): number[] | null {
  const found: number[] = []
  for (const value of sample) {
    if (value === found.at(-1)) continue
    if (found.length === most) return null
    found.push(value)
  }
  return found
}

/** Counts up to and including each edge, and beyond the last, from cell counts at `points` (which hold every edge). */
export function binCounts(points: Float64Array, cells: Float64Array, edges: readonly number[]): number[] {
  const bins: number[] = []
  let at = 0
  for (const edge of edges) {
    let count = 0
    for (; at < points.length && points[at]! <= edge; at++) count += cells[2 * at]! + cells[2 * at + 1]!
    bins.push(count)
  }
  let rest = 0
  for (; at < points.length; at++) rest += cells[2 * at]! + cells[2 * at + 1]!
  return [...bins, rest + cells[2 * points.length]!]
}

type Pointed = Pick<NumberBaseline, 'sample' | 'edges' | 'shownEdges'>

const known = new WeakMap<Pointed, Float64Array>()

/** The points at which a column's values of now are counted: the sample, and every edge. Found once for a baseline. */
export function pointsOf(column: Pointed): Float64Array {
  const found = known.get(column) ?? distinctPoints(column)
  known.set(column, found)
  return found
}

function distinctPoints({ sample, edges, shownEdges }: Pointed): Float64Array {
  const points = new Float64Array(sample.length + edges.length + shownEdges.length)
  points.set(sample)
  points.set(edges, sample.length)
  points.set(shownEdges, sample.length + edges.length)
  points.sort()
  let length = 0
  for (const value of points) if (length === 0 || value !== points[length - 1]) points[length++] = value
  return points.slice(0, length)
}
