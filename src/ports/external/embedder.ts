import type { TextEmbedder } from '../language/language.ts'
import type { Outbound } from '../outbound/outbound.ts'
import { ask, jsonOf, odd } from './ask.ts'
import type { ExternalModel } from './external.ts'

/** A model of vectors behind an OpenAI-compatible address; its vectors are told as they come. `width` null: not known yet. */
export function externalEmbedder(
  outbound: Outbound,
  external: ExternalModel,
  { contextLength, width }: { contextLength: number; width: number | null },
): TextEmbedder {
  return {
    contextLength,
    width: width ?? 0,
    memoryBytes: 0,
    threads: 0,
    async embed(texts, { signal } = {}) {
      const body = { ...(external.model !== null && { model: external.model }), input: texts, encoding_format: 'float' }
      const answer = (await jsonOf(await ask(outbound, external, { path: '/embeddings', body, signal }))) as {
        data?: { embedding?: unknown }[]
        usage?: { prompt_tokens?: number }
      }
      if (!Array.isArray(answer?.data) || answer.data.length !== texts.length)
        throw odd(`${texts.length} vectors were asked for, and not so many came`)
      // It says how many tokens there were in all; the first row bears them.
      const tokens = Number.isInteger(answer.usage?.prompt_tokens) ? answer.usage!.prompt_tokens! : 0
      return answer.data.map(({ embedding }, i) => {
        if (!Array.isArray(embedding) || embedding.length === 0 || (width !== null && embedding.length !== width))
          throw odd(`a vector is not ${width ?? 'a list'} numbers long`)
        const vector = Float32Array.from(embedding, Number)
        if (!vector.every(Number.isFinite)) throw odd('a vector holds what is no number')
        return { vector, tokens: i === 0 ? tokens : 0 }
      })
    },
    async close() {},
  }
}
