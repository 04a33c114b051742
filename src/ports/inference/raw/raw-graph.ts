import { openRemote } from '../remote.ts'

/** A tensor as it goes into a graph or comes out of it. */
export interface RawTensor {
  /** As ONNX Runtime calls it: float32, float64, int64, string, … */
  type: string
  dims: number[]
  data: ArrayBufferView | string[]
}

/** A graph that is asked by its own tensors, in a process of its own that may die without harm. */
export interface RawGraph {
  run(feeds: Record<string, RawTensor>, fetches: string[]): Promise<Record<string, RawTensor>>
  close(): Promise<void>
}

export type RawCall = { type: 'open'; file: string } | { type: 'run'; feeds: Record<string, RawTensor>; fetches: string[] }

const script = new URL('./raw-remote.ts', import.meta.url)

/** Opens a graph as it is. */
export async function openRawGraph(file: string): Promise<RawGraph> {
  const remote = openRemote<RawCall, Record<string, RawTensor>>(script, { place: 'process', what: "The model's process" })
  try {
    await remote.ask({ type: 'open', file })
  } catch (error) {
    remote.stop()
    throw error
  }
  return {
    run: (feeds, fetches) => remote.ask({ type: 'run', feeds, fetches }),
    close: async () => remote.stop(),
  }
}
