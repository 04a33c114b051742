import type { InferenceSession } from 'onnxruntime-node'
import { invalidInput } from '../../kernel/errors.ts'
import type { OnnxModelFile, RawBatch } from './inference.ts'
import { openGraph } from './open-graph.ts'
import type { Session } from './session.ts'
import { checkInputs, feedItems } from './session-inputs.ts'
import type { SignatureOutput } from './signature.ts'

type OnnxShape = Omit<OnnxModelFile, 'file' | 'trust'>

/** Opens a model's graph on the calling thread. */
export async function openOnnxSession(graph: Uint8Array, shape: OnnxShape): Promise<Session> {
  const { session, Tensor } = await openGraph(graph)
  const names = checkInputs(session, shape)
  const { media } = shape
  const outputs = checkOutputs(session, shape)
  const [output] = outputs
  const fetches = outputs.map(({ name }) => name)
  return {
    async run({ rows, numbers, strings, items }: RawBatch) {
      const feeds: Record<string, InstanceType<typeof Tensor>> = {}
      if (shape.numberColumns > 0) feeds.numbers = new Tensor('float64', numbers, [rows, shape.numberColumns])
      if (shape.stringColumns > 0) feeds.strings = new Tensor('string', strings, [rows, shape.stringColumns])
      if (media) feedItems(feeds, items!, { media, names, Tensor })
      const results = await session.run(feeds, fetches)
      if (shape.outputs) return joinOutputs(rows, outputs, results)
      const values = results[output!.name]!.data as Float32Array
      if (values.length !== rows * shape.width) {
        throw new Error(`The graph answered ${values.length} values for ${rows} rows; ${rows * shape.width} were expected.`)
      }
      return values
    },
    isMasked: names.has('attention_mask'),
    close: () => session.release(),
  }
}

/** The graph's outputs that the signature speaks of, in its order. */
function checkOutputs(session: InferenceSession, shape: OnnxShape): SignatureOutput[] {
  if (!shape.outputs) {
    const output = session.outputMetadata.find((o) => o.name === 'probabilities' || o.name === 'prediction')
    if (output?.isTensor && output.type === 'float32') return [{ name: output.name, width: shape.width }]
    throw invalidInput('The graph has no float32 output named "probabilities" or "prediction".', {
      outputs: session.outputNames,
    })
  }
  for (const { name } of shape.outputs) {
    const output = session.outputMetadata.find((one) => one.name === name)
    if (!output?.isTensor || !numeric.has(output.type))
      throw invalidInput(`The graph has no numeric output "${name}" though its signature does.`, { outputs: session.outputNames })
  }
  return shape.outputs
}

const numeric: ReadonlySet<string> = new Set(['float32', 'float64', 'int64', 'int32', 'bool'])

/** Lays the values of several outputs beside one another, row by row. */
function joinOutputs(rows: number, outputs: readonly SignatureOutput[], results: InferenceSession.ReturnType): Float32Array {
  const width = outputs.reduce((sum, one) => sum + one.width, 0)
  const joined = new Float32Array(rows * width)
  let offset = 0
  for (const one of outputs) {
    const values = results[one.name]!.data as Float32Array | BigInt64Array
    if (values.length !== rows * one.width)
      throw new Error(
        `The graph's output "${one.name}" has ${values.length} values for ${rows} rows; ${rows * one.width} were expected.`,
      )
    for (let r = 0; r < rows; r++)
      for (let k = 0; k < one.width; k++) joined[r * width + offset + k] = Number(values[r * one.width + k])
    offset += one.width
  }
  return joined
}
