import type { InferenceSession } from 'onnxruntime-node'
import { invalidInput } from '../../kernel/errors.ts'
import { noTelemetry } from '../../kernel/no-telemetry.ts'
import type { OnnxModelFile, RawBatch } from './inference.ts'
import type { Session } from './session.ts'
import type { SignatureOutput } from './signature.ts'

// Before the library is loaded, and in the main thread: what a worker thread sets, native code does not see.
Object.assign(process.env, noTelemetry)

type OnnxShape = Omit<OnnxModelFile, 'file' | 'trust'>

/** Opens a graph on the calling thread: one thread, no spinning. From its bytes, so that no external data can be reached. */
export async function openOnnxSession(graph: Uint8Array, shape: OnnxShape): Promise<Session> {
  const { InferenceSession, Tensor } = await import('onnxruntime-node')
  const options: InferenceSession.SessionOptions = {
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    logSeverityLevel: 3,
    // Waiting threads that spin halve the throughput of a small machine.
    extra: { session: { intra_op: { allow_spinning: '0' }, inter_op: { allow_spinning: '0' } } },
  }
  const session = await InferenceSession.create(graph, options).catch((error: Error) => {
    throw invalidInput(`The model's graph cannot be loaded: ${plainReason(error)}`, { reason: plainReason(error) })
  })
  checkInputs(session, shape)
  const outputs = checkOutputs(session, shape)
  const [output] = outputs
  const fetches = outputs.map(({ name }) => name)
  return {
    async run({ rows, numbers, strings }: RawBatch) {
      const feeds: Record<string, InstanceType<typeof Tensor>> = {}
      if (shape.numberColumns > 0) feeds.numbers = new Tensor('float64', numbers, [rows, shape.numberColumns])
      if (shape.stringColumns > 0) feeds.strings = new Tensor('string', strings, [rows, shape.stringColumns])
      const results = await session.run(feeds, fetches)
      if (shape.outputs) return joinOutputs(rows, outputs, results)
      const values = results[output!.name]!.data as Float32Array
      if (values.length !== rows * shape.width) {
        throw new Error(`The graph answered ${values.length} values for ${rows} rows; ${rows * shape.width} were expected.`)
      }
      return values
    },
    close: () => session.release(),
  }
}

/** Compares the graph's inputs with the signature. */
function checkInputs(session: InferenceSession, shape: OnnxShape): void {
  const wanted = new Map<string, { type: string; columns: number }>()
  if (shape.numberColumns > 0) wanted.set('numbers', { type: 'float64', columns: shape.numberColumns })
  if (shape.stringColumns > 0) wanted.set('strings', { type: 'string', columns: shape.stringColumns })
  for (const input of session.inputMetadata) {
    const want = wanted.get(input.name)
    if (!want)
      throw invalidInput(`The graph wants an input "${input.name}" that its signature does not have.`, { input: input.name })
    const columns = input.isTensor ? input.shape.at(-1) : undefined
    if (
      !input.isTensor ||
      input.type !== want.type ||
      input.shape.length !== 2 ||
      (typeof columns === 'number' && columns !== want.columns)
    ) {
      const found = input.isTensor ? `${input.type} [${input.shape.join(', ')}]` : 'not a tensor'
      throw invalidInput(
        `The graph's input "${input.name}" is ${found}; its signature says ${want.type} [rows, ${want.columns}].`,
        {
          input: input.name,
        },
      )
    }
    wanted.delete(input.name)
  }
  for (const name of wanted.keys())
    throw invalidInput(`The graph has no input "${name}" though its signature does.`, { input: name })
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

/** What the runtime said, without the server's paths. */
const plainReason = (error: Error): string =>
  error.message
    .replace(/(?:\/[^\s/:"']+)+\//g, '')
    .slice(0, 300)
    .trim()
