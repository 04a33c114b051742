import type { OnnxModelFile, RawBatch } from './inference.ts'
import { openRemote } from './remote.ts'
import type { MortalSession } from './session.ts'

export type SessionCall = { type: 'open'; model: OnnxModelFile } | { type: 'run'; batch: RawBatch }

export interface Opened {
  isMasked: boolean
}

const script = new URL('./onnx-remote.ts', import.meta.url)

/** A graph in a worker thread, or in a process of its own that may die without harm. */
export async function openRemoteSession(model: OnnxModelFile, place: 'thread' | 'process'): Promise<MortalSession> {
  const remote = openRemote<SessionCall, Float32Array | Opened>(script, { place, what: `The model's ${place}` })
  let isMasked: boolean
  try {
    isMasked = ((await remote.ask({ type: 'open', model })) as Opened).isMasked
  } catch (error) {
    remote.stop()
    throw error
  }
  return {
    get dead() {
      return remote.dead
    },
    isMasked,
    async run(batch) {
      const numbers = batch.numbers.slice()
      return (await remote.ask({ type: 'run', batch: { ...batch, numbers } }, [numbers.buffer])) as Float32Array
    },
    close: async () => remote.stop(),
  }
}
