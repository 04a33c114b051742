import type { AnyEncoder } from '../encode.ts'
import type { LoadedModel } from '../inference.ts'
import { compilePrediction } from '../row-prediction.ts'
import type { ModelSignature } from '../signature.ts'

/** What answering took: milliseconds of each call, and the processor's seconds of all of them. */
export interface Asked {
  ms: number[]
  cpuSeconds: number
}

/** Answers requests one after another as an endpoint does, from rows to what a client is told, and says how long each took. */
export function askedModel(signature: ModelSignature, encoder: AnyEncoder, model: LoadedModel) {
  const predictionOf = compilePrediction(signature)
  return async (requests: readonly unknown[][]): Promise<Asked> => {
    const ms: number[] = []
    const cpu = process.cpuUsage()
    for (const rows of requests) {
      const start = performance.now()
      const { batch } = await encoder.encode(rows)
      const scores = await model.predict(batch)
      for (let r = 0; r < rows.length; r++) predictionOf(scores, r)
      ms.push(performance.now() - start)
    }
    const { user, system } = process.cpuUsage(cpu)
    return { ms, cpuSeconds: (user + system) / 1e6 }
  }
}
