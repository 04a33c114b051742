import type { RawBatch, RawScores } from '../../../ports/inference/inference.ts'
import type { RawGraph, RawTensor } from '../../../ports/inference/raw/raw-graph.ts'
import type { OnnxFacts } from '../inspect/onnx.ts'
import type { InputPlan, OnnxPlan, OutputPlan } from './plan.ts'

/** What a graph says when it is asked by its own tensors: scores in the platform's form, or where it tells no scores its labels. */
export interface OriginalAnswers {
  scores: RawScores | null
  labels: string[] | null
}

/** Which outputs of the original tell what the platform's output tells; null where none can be read. */
export function readable(plan: OnnxPlan, onnx: OnnxFacts): { scores: string | null; labels: string | null } | null {
  const [output] = plan.outputs
  const isTensor = (name: string) => onnx.outputs.some((one) => one.name === name && one.kind === 'tensor' && one.type !== 10)
  if (isTensor(output!.tensor)) return { scores: output!.tensor, labels: null }
  const label = onnx.outputs.find(({ kind, type }) => kind === 'tensor' && (type === 7 || type === 8))
  return label ? { scores: null, labels: label.name } : null
}

/** Asks the original for rows that the platform's encoder laid out. */
export async function askOriginal(
  graph: RawGraph,
  { plan, onnx, fetch }: { plan: OnnxPlan; onnx: OnnxFacts; fetch: { scores: string | null; labels: string | null } },
  batch: RawBatch,
): Promise<OriginalAnswers> {
  const feeds = Object.fromEntries(plan.inputs.map((one) => [one.name, tensorOf(one, batch, plan)]))
  const name = (fetch.scores ?? fetch.labels)!
  const results = await graph.run(feeds, [name])
  const values = [...(results[name]!.data as Iterable<unknown>)]
  if (fetch.labels) return { scores: null, labels: values.map((value) => classOf(value, plan, onnx)) }
  return { scores: scoresOf(plan.outputs[0]!, values.map(Number), batch.rows), labels: null }
}

/** What the graph with the platform's inputs says. */
export async function askServed(graph: RawGraph, { signature, outputs }: OnnxPlan, batch: RawBatch): Promise<RawScores> {
  const width = (tensor: string) => signature.inputs.filter((input) => input.tensor === tensor).length
  const feeds: Record<string, RawTensor> = {}
  if (width('numbers') > 0) feeds.numbers = { type: 'float64', dims: [batch.rows, width('numbers')], data: batch.numbers }
  if (width('strings') > 0) feeds.strings = { type: 'string', dims: [batch.rows, width('strings')], data: batch.strings }
  const [output] = outputs
  return { width: output!.width, values: (await graph.run(feeds, [output!.name]))[output!.name]!.data as Float32Array }
}

/** Classes that were named otherwise keep their places. */
function classOf(value: unknown, { signature }: OnnxPlan, { classes }: OnnxFacts): string {
  const at = classes?.indexOf(String(value)) ?? Number(value)
  return signature.classes?.[at] ?? String(value)
}

function tensorOf(input: InputPlan, { rows, numbers, strings }: RawBatch, { inputs }: OnnxPlan): RawTensor {
  const dims =
    input.shape.length === 1
      ? [rows]
      : input.shape.length === 2
        ? [rows, input.width]
        : [rows, ...input.shape.slice(1).map(Number)]
  const total = inputs.filter(({ from }) => from === input.from).reduce((sum, { width }) => sum + width, 0)
  const place = (i: number) => Math.floor(i / input.width) * total + input.first + (i % input.width)
  const count = rows * input.width
  if (input.from === 'strings') return { type: 'string', dims, data: Array.from({ length: count }, (_, i) => strings[place(i)]!) }
  const [type, made] = arrays[input.type]!
  const data = made(count)
  for (let i = 0; i < count; i++) {
    const value = numbers[place(i)]!
    data[i] = (data instanceof BigInt64Array ? BigInt(Math.trunc(value)) : value) as never
  }
  return { type, dims, data }
}

type Numbers =
  | Float32Array
  | Float64Array
  | Int32Array
  | BigInt64Array
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
const arrays: Record<number, [string, (count: number) => Numbers]> = {
  1: ['float32', (count) => new Float32Array(count)],
  2: ['uint8', (count) => new Uint8Array(count)],
  3: ['int8', (count) => new Int8Array(count)],
  4: ['uint16', (count) => new Uint16Array(count)],
  5: ['int16', (count) => new Int16Array(count)],
  6: ['int32', (count) => new Int32Array(count)],
  7: ['int64', (count) => new BigInt64Array(count)],
  9: ['bool', (count) => new Uint8Array(count)],
  11: ['float64', (count) => new Float64Array(count)],
  12: ['uint32', (count) => new Uint32Array(count)],
}

/** Scores of the original as the platform's output has them. */
function scoresOf({ make, width }: OutputPlan, given: number[], rows: number): RawScores {
  const values = new Float32Array(rows * width)
  const sigmoid = (x: number) => 1 / (1 + Math.exp(-x))
  for (let r = 0; r < rows; r++) {
    if (make.startsWith('pair')) {
      const p = make === 'pair' ? given[r]! : sigmoid(given[r]!)
      values.set([1 - p, p], r * 2)
      continue
    }
    const row = given.slice(r * width, (r + 1) * width)
    const most = Math.max(...row)
    const sum = make === 'softmax' ? row.reduce((total, x) => total + Math.exp(x - most), 0) : 0
    values.set(
      row.map((x) => (make === 'softmax' ? Math.exp(x - most) / sum : make === 'sigmoid' ? sigmoid(x) : x)),
      r * width,
    )
  }
  return { width, values }
}
