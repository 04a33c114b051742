import type * as LlamaCpp from 'node-llama-cpp'
import { Refusal } from './opened.ts'
import type { Said, Told } from './protocol.ts'

/** Says the vector of each text, of length 1, and how many tokens it has. */
export async function writeVectors(
  context: LlamaCpp.LlamaEmbeddingContext,
  contextLength: number,
  { id, texts, deadlineMs }: Told & { type: 'embed' },
  { say, isCancelled }: { say(said: Said): void; isCancelled(): boolean },
): Promise<void> {
  const deadline = performance.now() + deadlineMs
  for (const [index, text] of texts.entries()) {
    if (isCancelled() || performance.now() > deadline) return
    const tokens = context.calculateInputLength(text)
    if (tokens >= contextLength)
      throw new Refusal(
        `The text of row ${index} has ${tokens} tokens; the model reads ${contextLength - 1} at once. Send a shorter one.`,
        { row: index, tokens, contextLength },
      )
    const { vector } = await context.getEmbeddingFor(text)
    const length = Math.hypot(...vector) || 1
    const unit = Float32Array.from(vector, (value) => value / length)
    say({ type: 'vector', id, index, tokens, vector: Buffer.from(unit.buffer).toString('base64') })
  }
}
