import type { OnnxModelFile, RawBatch } from '../inference.ts'
import type { Session } from '../session.ts'
import { type Ensemble, layEnsemble } from './ensemble.ts'
import { type GraphNode, type OnnxGraph, readOnnxGraph } from './onnx-graph.ts'

/** A graph of boosted or bagged trees over plain numbers, walked here instead of by ONNX Runtime. */
export interface TreeSession extends Session {
  runNow(batch: RawBatch): Float32Array
  /** Rows that try the graph's own comparisons: values at thresholds, beside them, beyond all of them, and missing. */
  tryingRows(rows: number): RawBatch
}

const maxRows = 64

/** Opens a graph that is nothing but trees over the raw numbers, and the usual last step; null for any other. */
export function openTreeSession(
  bytes: Uint8Array,
  shape: Pick<OnnxModelFile, 'numberColumns' | 'stringColumns' | 'width'>,
): TreeSession | null {
  if (shape.stringColumns > 0 || shape.numberColumns === 0) return null
  const graph = readOnnxGraph(bytes)
  const trees = graph.nodes.filter((node) => node.op === 'TreeEnsembleRegressor' && node.domain === 'ai.onnx.ml')
  const [node] = trees
  if (!node || trees.length > 1) return null
  const clip = clipOf(graph, node.inputs[0]!)
  const finish = finishOf(graph, node.outputs[0]!)
  if (clip === null || finish === null) return null
  const ensemble = layEnsemble(node, shape.numberColumns, maxRows)
  if (!ensemble || finish.width(ensemble.outputs) !== shape.width) return null
  const { numberColumns, width } = shape
  const runNow = ({ rows, numbers }: RawBatch): Float32Array => {
    const answer = new Float32Array(rows * width)
    for (let from = 0; from < rows; from += maxRows) {
      const count = Math.min(maxRows, rows - from)
      for (let r = 0; r < count; r++) ensemble.putRow(r, numbers, (from + r) * numberColumns, clip)
      finish.put(ensemble.sum(count), ensemble.outputs, answer, from * width)
    }
    return answer
  }
  return {
    runNow,
    run: async (batch) => runNow(batch),
    async close() {},
    tryingRows: (rows) => tryingRows(ensemble, rows),
  }
}

/** The most that a feature may be on its way to the trees; null where more is done to it than to clip and cast. */
function clipOf(graph: OnnxGraph, features: string): number | null {
  const cast = makerOf(graph, features)
  if (cast?.op !== 'Cast' || cast.attributes.get('to')?.int !== 1) return null
  if (cast.inputs[0] === 'numbers') return Number.POSITIVE_INFINITY
  const clip = makerOf(graph, cast.inputs[0]!)
  if (clip?.op !== 'Clip' || clip.inputs[0] !== 'numbers') return null
  const [low, high] = [graph.constants.get(clip.inputs[1]!), graph.constants.get(clip.inputs[2]!)]
  return low?.length === 1 && high?.length === 1 && low[0] === -high[0]! && high[0]! > 0 ? high[0]! : null
}

interface Finish {
  /** Values per row, from sums per row. */
  width(outputs: number): number
  put(sums: Float32Array, outputs: number, answer: Float32Array, at: number): void
}

/** What is done to the sums on their way to the answer; null where it is not one of the usual steps. */
function finishOf(graph: OnnxGraph, sums: string): Finish | null {
  let [result] = graph.outputs
  for (let maker = makerOf(graph, result); maker?.op === 'Identity'; maker = makerOf(graph, result)) result = maker.inputs[0]
  const last = makerOf(graph, result)
  if (!last || graph.outputs.length !== 1) return null
  const each = eachOf(graph, result!, sums)
  if (each) {
    return {
      width: (outputs) => outputs,
      put(from, _, to, at) {
        for (let i = 0; i < from.length; i++) to[at + i] = each(from[i]!)
      },
    }
  }
  if (last.op === 'Softmax' && last.inputs[0] === sums && axisOf(last) === 1) return { width: (outputs) => outputs, put: softmax }
  if (last.op !== 'Concat' || axisOf(last) !== 1 || last.inputs.length !== 2) return null
  const other = makerOf(graph, last.inputs[0]!)
  const positive = eachOf(graph, last.inputs[1]!, sums)
  const one = graph.constants.get(other?.inputs[0] ?? '')
  if (!positive || other?.op !== 'Sub' || other.inputs[1] !== last.inputs[1] || one?.length !== 1 || one[0] !== 1) return null
  return {
    width: (outputs) => (outputs === 1 ? 2 : Number.NaN),
    put(from, _, to, at) {
      for (let r = 0; r < from.length; r++) {
        const p = positive(from[r]!)
        to[at + 2 * r] = 1 - p
        to[at + 2 * r + 1] = p
      }
    },
  }
}

/** A step that turns each sum into one value: none, a logistic curve, or a mean. */
function eachOf(graph: OnnxGraph, result: string, sums: string): ((sum: number) => number) | null {
  if (result === sums) return (sum) => sum
  const maker = makerOf(graph, result)
  if (maker?.inputs[0] !== sums) return null
  if (maker.op === 'Sigmoid') return logistic
  const divisor = graph.constants.get(maker.inputs[1] ?? '')
  return maker.op === 'Div' && divisor?.length === 1 ? (sum) => Math.fround(sum / divisor[0]!) : null
}

const makerOf = (graph: OnnxGraph, tensor: string | undefined): GraphNode | undefined =>
  graph.nodes.find((node) => tensor !== undefined && node.outputs.includes(tensor))

const axisOf = (node: GraphNode): number => node.attributes.get('axis')?.int ?? -1

const { fround } = Math
const above = [4.37031012579801e-11, 1.15627324459942e-7, 6.08574864600143e-5, 8.51377133304701e-3, 2.48287947061529e-1].map(
  fround,
)
const below = [
  6.10247389755681e-13, 5.76102136993427e-9, 6.2910678501704e-6, 1.70198817374094e-3, 1.16817656904453e-1, 9.9315192102318e-1,
].map(fround)

/** The logistic curve as ONNX Runtime computes it in float32 (a quotient of polynomials), so that both round alike. */
export function logistic(sum: number): number {
  const x = sum > 18 ? 18 : sum < -18 ? -18 : sum
  const square = fround(x * x)
  let p = above[0]!
  for (let i = 1; i < above.length; i++) p = fround(p * square + above[i]!)
  let q = below[0]!
  for (let i = 1; i < below.length; i++) q = fround(q * square + below[i]!)
  const value = fround(fround(fround(p * x) / q) + 0.5)
  return value < 0 ? 0 : value > 1 ? 1 : value
}

function softmax(from: Float32Array, outputs: number, to: Float32Array, at: number): void {
  for (let start = 0; start < from.length; start += outputs) {
    let most = Number.NEGATIVE_INFINITY
    for (let k = 0; k < outputs; k++) most = Math.max(most, from[start + k]!)
    let total = 0
    for (let k = 0; k < outputs; k++) total += Math.exp(from[start + k]! - most)
    for (let k = 0; k < outputs; k++) to[at + start + k] = Math.exp(from[start + k]! - most) / total
  }
}

function tryingRows({ features, thresholds }: Ensemble, rows: number): RawBatch {
  const numbers = new Float64Array(rows * features)
  let state = 1
  const draw = (below: number) => {
    state = (state * 48_271) % 2_147_483_647
    return state % below
  }
  for (let i = 0; i < numbers.length; i++) {
    const own = thresholds[i % features]!
    const threshold = own.length > 0 ? own[draw(own.length)]! : draw(1000) / 500 - 1
    const kind = draw(16)
    if (kind === 0) numbers[i] = Number.NaN
    else if (kind === 1) numbers[i] = draw(2) === 0 ? 1e300 : -1e300
    else if (kind < 6) numbers[i] = threshold
    else numbers[i] = threshold + (Math.abs(threshold) + 1e-3) * (draw(2001) / 1000 - 1) * 10 ** -draw(9)
  }
  return { rows, numbers, strings: [] }
}
