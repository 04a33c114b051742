import type { ClassPredictions } from '../statistics/predictions.ts'
import type { Uncertainty } from './schema.ts'

type Reliability = NonNullable<Uncertainty['calibration']>['asServed']

const bins = 15
const edge = 1e-7

/** Which probability is looked at: of the positive class of two, of the predicted class of several. */
function watched(p: Float64Array, classes: number, actual: Int32Array, r: number): { p: number; hit: number } {
  if (classes === 2) return { p: p[r * 2 + 1]!, hit: actual[r] === 1 ? 1 : 0 }
  let best = 0
  for (let k = 1; k < classes; k++) if (p[r * classes + k]! > p[r * classes + best]!) best = k
  return { p: p[r * classes + best]!, hit: actual[r] === best ? 1 : 0 }
}

/** Whether probabilities mean what they say: expected calibration error (Naeini et al. 2015), Brier score, log loss. */
export function reliability({ actual, probabilities, classes }: ClassPredictions): Reliability {
  const rows = actual.length
  const sums = Array.from({ length: bins }, () => ({ p: 0, hit: 0, count: 0 }))
  let brier = 0
  let logLoss = 0
  for (let r = 0; r < rows; r++) {
    const { p, hit } = watched(probabilities, classes, actual, r)
    const bin = sums[Math.min(bins - 1, Math.floor(p * bins))]!
    bin.p += p
    bin.hit += hit
    bin.count++
    for (let k = 0; k < classes; k++) brier += (probabilities[r * classes + k]! - (actual[r] === k ? 1 : 0)) ** 2
    logLoss -= Math.log(Math.min(1 - edge, Math.max(edge, probabilities[r * classes + actual[r]!]!)))
  }
  const filled = sums.filter(({ count }) => count > 0)
  return {
    error: filled.reduce((sum, { p, hit }) => sum + Math.abs(p - hit), 0) / rows,
    brier: brier / rows / (classes === 2 ? 2 : 1),
    logLoss: logLoss / rows,
    bins: filled.map(({ p, hit, count }) => ({ meanPredicted: p / count, observed: hit / count, count })),
  }
}

const folds = 5

/** How far temperature (Guo et al. 2017) and isotonic calibration (Zadrozny and Elkan 2002) would mend it, each judged on rows it was not fitted on. */
export async function recalibrations(predictions: ClassPredictions): Promise<NonNullable<Uncertainty['calibration']>> {
  const warm = await crossed(predictions, (part) => {
    const temperature = bestTemperature(part)
    return (row) => atTemperature(row, temperature)
  })
  const isotonic = await crossed(predictions, (part) => {
    const curves = Array.from({ length: part.classes }, (_, k) => (part.classes === 2 && k === 0 ? null : isotonicCurve(part, k)))
    return (row) =>
      normalised(
        row.map((p, k) => (curves[k] ? curves[k](p) : 0)),
        part.classes,
      )
  })
  return {
    asServed: reliability(predictions),
    temperature: { ...reliability(warm), temperature: bestTemperature(predictions) },
    isotonic: reliability(isotonic),
  }
}

type Recalibrate = (row: Float64Array) => Float64Array

/** Probabilities of each fold as mended by what the other folds taught. */
async function crossed(predictions: ClassPredictions, fit: (part: ClassPredictions) => Recalibrate): Promise<ClassPredictions> {
  const { classes, actual, probabilities } = predictions
  const result = new Float64Array(probabilities.length)
  for (let fold = 0; fold < folds; fold++) {
    // Fitting takes milliseconds: others get their turn between folds.
    await new Promise((next) => setImmediate(next))
    const mend = fit(partOf(predictions, (r) => r % folds !== fold))
    for (let r = fold; r < actual.length; r += folds)
      result.set(mend(probabilities.subarray(r * classes, (r + 1) * classes)), r * classes)
  }
  return { ...predictions, probabilities: result }
}

function partOf(predictions: ClassPredictions, keep: (r: number) => boolean): ClassPredictions {
  const { classes } = predictions
  const rows = Int32Array.from({ length: predictions.actual.length }, (_, r) => r).filter(keep)
  const probabilities = new Float64Array(rows.length * classes)
  rows.forEach((r, i) => {
    probabilities.set(predictions.probabilities.subarray(r * classes, (r + 1) * classes), i * classes)
  })
  return {
    ...predictions,
    actual: rows.map((r) => predictions.actual[r]!),
    label: rows.map((r) => predictions.label[r]!),
    probabilities,
  }
}

/** Probabilities to the power 1/T, divided by their sum: a softmax of the logits divided by T. */
export function atTemperature(row: Float64Array, temperature: number): Float64Array {
  const logs = row.map((p) => Math.log(Math.max(edge, p)) / temperature)
  const most = logs.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY)
  const powers = logs.map((one) => Math.exp(one - most))
  const sum = powers.reduce((a, b) => a + b, 0)
  return powers.map((one) => one / sum)
}

/** More would hardly move it, and this runs beside other work. */
const mostFittedRows = 5000

/** The temperature with the least log loss, by golden-section search: the loss has one valley in log T. */
export function bestTemperature({ actual, probabilities, classes }: ClassPredictions): number {
  const step = Math.max(1, Math.ceil(actual.length / mostFittedRows))
  const loss = (logT: number): number => {
    let sum = 0
    for (let r = 0; r < actual.length; r += step) {
      const row = atTemperature(probabilities.subarray(r * classes, (r + 1) * classes), Math.exp(logT))
      sum -= Math.log(Math.max(Number.MIN_VALUE, row[actual[r]!]!))
    }
    return sum
  }
  const golden = (Math.sqrt(5) - 1) / 2
  let [low, high] = [Math.log(0.05), Math.log(20)]
  let [a, b] = [high - golden * (high - low), low + golden * (high - low)]
  let [atA, atB] = [loss(a), loss(b)]
  while (high - low > 1e-4) {
    if (atA < atB) {
      high = b
      ;[b, atB] = [a, atA]
      a = high - golden * (high - low)
      atA = loss(a)
    } else {
      low = a
      ;[a, atA] = [b, atB]
      b = low + golden * (high - low)
      atB = loss(b)
    }
  }
  return Math.exp((low + high) / 2)
}

interface Block {
  low: number
  high: number
  hits: number
  count: number
}

/** The non-decreasing curve nearest to the hits of a class (pool adjacent violators), level within its blocks and straight between them. */
function isotonicCurve({ actual, probabilities, classes }: ClassPredictions, k: number): (p: number) => number {
  const order = Int32Array.from({ length: actual.length }, (_, r) => r).sort(
    (a, b) => probabilities[a * classes + k]! - probabilities[b * classes + k]!,
  )
  const alike: Block[] = []
  for (const r of order) {
    const p = probabilities[r * classes + k]!
    const last = alike.at(-1)
    const hit = actual[r] === k ? 1 : 0
    if (last?.high === p) {
      last.hits += hit
      last.count++
    } else alike.push({ low: p, high: p, hits: hit, count: 1 })
  }
  const blocks: Block[] = []
  for (const one of alike) {
    let block = one
    while (blocks.length > 0 && meanOf(blocks.at(-1)!) >= meanOf(block)) {
      const last = blocks.pop()!
      block = { low: last.low, high: block.high, hits: last.hits + block.hits, count: last.count + block.count }
    }
    blocks.push(block)
  }
  return (p) => {
    let [low, above] = [0, blocks.length - 1]
    while (low < above) {
      const middle = (low + above) >> 1
      if (blocks[middle]!.high >= p) above = middle
      else low = middle + 1
    }
    const b = blocks[above]!
    const a = blocks[above - 1]
    if (!a || p >= b.low) return meanOf(b)
    return meanOf(a) + ((p - a.high) / (b.low - a.high)) * (meanOf(b) - meanOf(a))
  }
}

const meanOf = ({ hits, count }: Block): number => hits / count

function normalised(row: Float64Array, classes: number): Float64Array {
  if (classes === 2) return Float64Array.of(1 - row[1]!, row[1]!)
  const raised = row.map((p) => p + edge)
  const sum = raised.reduce((a, b) => a + b, 0)
  return raised.map((p) => p / sum)
}
