import type { RawBatch } from '../../ports/inference/inference.ts'
import { positiveIndex } from '../../ports/inference/label.ts'
import { answerWidth } from '../../ports/inference/signature.ts'
import { attribute, rowAt } from './attribute.ts'
import { backgroundOf, type OpenedVersion } from './opened-versions.ts'
import type { GlobalShap } from './schema.ts'

/** Contributions are kept by row for so many columns; of the others only how much they matter. */
const columnsWithPoints = 30

/** Contributions over rows: how much each column matters on the whole, and which way. Stops with the rows done when the time is over. */
export async function globalShap(
  opened: OpenedVersion,
  rows: RawBatch,
  { seed, until }: { seed: number; until: number },
): Promise<GlobalShap> {
  const { signature } = opened.version
  const width = answerWidth(signature)
  const columns = signature.inputs
  const sums = new Float64Array(columns.length * width)
  const base = new Float64Array(width)
  const points: number[][] = columns.map(() => [])
  let done = 0
  let method = ''
  while (done < rows.rows && (done < fewestRows || performance.now() < until)) {
    const row = rowAt(rows, done, opened.shape)
    const found = await attribute(opened, row, { method: 'auto', scale: 'answer', rounds: 1, seed: seed + done })
    const output = explainedOutput(opened, found.answer)
    columns.forEach((_, c) => {
      for (let k = 0; k < width; k++) sums[c * width + k]! += Math.abs(found.values[c * width + k]!)
      points[c]!.push(rounded(found.values[c * width + output]!))
    })
    base.set(found.base)
    method = found.method
    done++
  }
  const order = columns
    .map((_, c) => ({ c, total: sums.subarray(c * width, (c + 1) * width).reduce((a, b) => a + b, 0) }))
    .sort((a, b) => b.total - a.total)
  return {
    method,
    rows: done,
    backgroundRows: backgroundOf(opened).rows,
    outputs: signature.classes,
    base: [...base],
    columns: order.map(({ c }, rank) => ({
      column: columns[c]!.name,
      type: columns[c]!.type,
      meanAbsolute: [...sums.subarray(c * width, (c + 1) * width)].map((sum) => rounded(sum / done)),
      ...(rank < columnsWithPoints && { contributions: points[c]!, places: placesOf(opened, rows, c, done) }),
    })),
  }
}

/** The time may be over at once on a slow machine; fewer rows say nothing. */
const fewestRows = 20

/** The output that an explanation is about where nobody names one: the positive class, the likeliest of several, the number. */
export function explainedOutput({ version: { signature } }: OpenedVersion, answer: ArrayLike<number>): number {
  if (signature.task === 'binary') return positiveIndex(signature)
  let best = 0
  const width = Math.min(answer.length, answerWidth(signature))
  for (let k = 1; k < width; k++) if (answer[k]! > answer[best]!) best = k
  return best
}

/** Where each row's number lies among those of all rows, from 0 to 1: tells high from low without telling the number. */
function placesOf({ version, shape }: OpenedVersion, rows: RawBatch, column: number, count: number): (number | null)[] {
  const { tensor, index } = version.signature.inputs[column]!
  if (tensor !== 'numbers') return new Array(count).fill(null)
  const values = Array.from({ length: count }, (_, r) => rows.numbers[r * shape.numberColumns + index]!)
  const sorted = values.filter((value) => !Number.isNaN(value)).sort((a, b) => a - b)
  const distinct = [...new Set(sorted)]
  if (distinct.length < 2) return values.map(() => null)
  const first = new Map<number, number>()
  sorted.forEach((value, at) => {
    if (!first.has(value)) first.set(value, at)
  })
  const last = first.get(distinct.at(-1)!)!
  return values.map((value) => (Number.isNaN(value) ? null : rounded(first.get(value)! / last)))
}

const rounded = (value: number): number => Number(value.toPrecision(5))
