import type { InferenceSession } from 'onnxruntime-node'
import { invalidInput } from '../../kernel/errors.ts'
import { noTelemetry } from '../../kernel/no-telemetry.ts'

// Before the library is loaded, and in the main thread: what a worker thread sets, native code does not see.
Object.assign(process.env, noTelemetry)

/** Opens a graph on the calling thread: one thread, no spinning. From its bytes, so that no external data can be reached. */
export async function openGraph(graph: Uint8Array) {
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
  return { session, Tensor }
}

/** What the runtime said, without the server's paths. */
const plainReason = (error: Error): string =>
  error.message
    .replace(/(?:\/[^\s/:"']+)+\//g, '')
    .slice(0, 300)
    .trim()
