import type { LlamaModel, Token } from 'node-llama-cpp'
import type { Likelihood } from './language.ts'

/** What a token was, and what else it could have been. */
export function likelihoodOf(
  model: LlamaModel,
  token: Token,
  { confidence, probabilities, top }: { confidence: number; probabilities?: Map<Token, number>; top: number },
): Likelihood {
  const likeliest: Omit<Likelihood, 'top'>[] = []
  for (const [other, probability] of probabilities ?? []) {
    if (likeliest.length >= top) break
    likeliest.push({ ...shown(model, other), logprob: logarithm(probability) })
  }
  return { ...shown(model, token), logprob: logarithm(confidence), top: likeliest }
}

function shown(model: LlamaModel, token: Token): { text: string; bytes: number[] | null } {
  const text = model.detokenize([token], true)
  return { text, bytes: text.includes('\ufffd') ? null : [...Buffer.from(text)] }
}

/** What cannot be has no logarithm; this is what is said instead, as OpenAI's API does. */
const impossible = -9999

const logarithm = (probability: number): number => (probability > 0 ? Math.log(probability) : impossible)
