import type { InferenceSession } from 'onnxruntime-node'
import { invalidInput } from '../../kernel/errors.ts'
import { noTelemetry } from '../../kernel/no-telemetry.ts'
import type { OnnxModelFile, RawBatch } from './inference.ts'
import type { Session } from './session.ts'

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
  const output = checkShape(session, shape)
  const fetches = [output]
  return {
    async run({ rows, numbers, strings }: RawBatch) {
      const feeds: Record<string, InstanceType<typeof Tensor>> = {}
      if (shape.numberColumns > 0) feeds.numbers = new Tensor('float64', numbers, [rows, shape.numberColumns])
      if (shape.stringColumns > 0) feeds.strings = new Tensor('string', strings, [rows, shape.stringColumns])
      const results = await session.run(feeds, fetches)
      const values = results[output]!.data as Float32Array
      if (values.length !== rows * shape.width) {
        throw new Error(`The graph answered ${values.length} values for ${rows} rows; ${rows * shape.width} were expected.`)
      }
      return values
    },
    close: () => session.release(),
  }
}

/** Compares the graph's inputs and outputs with the signature; answers the name of the output. */
function checkShape(session: InferenceSession, shape: OnnxShape): string {
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
  const output = session.outputMetadata.find((o) => o.name === 'probabilities' || o.name === 'prediction')
  if (!output?.isTensor || output.type !== 'float32') {
    throw invalidInput('The graph has no float32 output named "probabilities" or "prediction".', {
      outputs: session.outputNames,
    })
  }
  return output.name
}

/** What the runtime said, without the server's paths. */
const plainReason = (error: Error): string =>
  error.message
    .replace(/(?:\/[^\s/:"']+)+\//g, '')
    .slice(0, 300)
    .trim()
