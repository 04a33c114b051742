import type { LoadedModel } from '../../ports/inference/inference.ts'
import type { TextEmbedder } from '../../ports/language/language.ts'

/** A model of llama.cpp that makes vectors, as a model that answers rows: the text of a row is its one string. */
export function vectorsModel(embedder: TextEmbedder): LoadedModel {
  return {
    kind: 'gguf',
    place: 'process',
    memoryBytes: embedder.memoryBytes,
    async predict({ rows, strings }, { signal } = {}) {
      const { width } = embedder
      const found = await embedder.embed(strings, { signal })
      const values = new Float32Array(rows * width)
      found.forEach(({ vector }, row) => {
        values.set(vector, row * width)
      })
      return { width, values, answers: found.map(({ tokens }) => ({ tokens: { prompt: tokens, generated: 0 } })) }
    },
    close: embedder.close,
  }
}
