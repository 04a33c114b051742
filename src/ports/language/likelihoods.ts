import type { LlamaModel, Token } from 'node-llama-cpp'
import type { Likelihood } from './language.ts'

/** What a token was, and what else it could have been. */
export function likelihoodOf(
  model: LlamaModel,
  token: Token,
  { confidence, probabilities, top }: { confidence: number; probabilities?: Map<Token, number>; top: number },
): Likelihood {
  const likeliest: Likelihood['top'] = []
  for (const [other, probability] of probabilities ?? []) {
    if (likeliest.length >= top) break
    likeliest.push({ ...shown(model, other), logprob: logarithm(probability) })
  }
  return { ...shown(model, token), logprob: logarithm(confidence), top: likeliest }
}

/** A token of a prompt, among all that could have come there. */
export function likelihoodThere(model: LlamaModel, token: Token, probabilities: Map<Token, number>, top: number): Likelihood {
  const likeliest = [...probabilities].sort((a, b) => b[1] - a[1]).slice(0, top)
  return likelihoodOf(model, token, { confidence: probabilities.get(token) ?? 0, probabilities: new Map(likeliest), top })
}

/** The beginning, which nothing says how likely it was. */
export const unlikened = (model: LlamaModel, token: Token): Likelihood => ({ ...shown(model, token), logprob: null, top: [] })

function shown(model: LlamaModel, token: Token): { text: string; bytes: number[] | null } {
  const text = model.detokenize([token], true)
  return { text, bytes: text.includes('\ufffd') ? null : [...Buffer.from(text)] }
}

/** What cannot be has no logarithm; this is what is said instead, as OpenAI's API does. */
const impossible = -9999

const logarithm = (probability: number): number => (probability > 0 ? Math.log(probability) : impossible)
