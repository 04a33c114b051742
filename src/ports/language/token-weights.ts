import type { Token, TokenBias } from 'node-llama-cpp'
import type { Sampling } from './language.ts'
import { type Opened, Refusal } from './opened.ts'

/** What is added to the logits of tokens, as far as it is known at each moment. */
export interface TokenWeights {
  /** Null where nothing weighs. */
  tokenBias: TokenBias | null
  wrote(tokens: readonly Token[]): void
  tookBack(tokens: readonly Token[]): void
}

/**
 * Biases of a request, and penalties of what was written. Penalties are kept as a weight for each different token instead of being counted anew from all
 * that was written: so a token costs no more at the end of a long answer than at its beginning.
 */
export function tokenWeights(
  { model, llamaCpp }: Pick<Opened, 'model' | 'llamaCpp'>,
  { bias = {}, frequencyPenalty = 0, presencePenalty = 0 }: Pick<Sampling, 'bias' | 'frequencyPenalty' | 'presencePenalty'>,
): TokenWeights {
  const isPenalised = frequencyPenalty !== 0 || presencePenalty !== 0
  const vocabulary = model.fileInfo.metadata.tokenizer.ggml.tokens.length
  const asked = new Map<Token, number>()
  for (const [text, logit] of Object.entries(bias)) {
    const token = Number(text) as Token
    if (!Number.isInteger(token) || token < 0 || token >= vocabulary)
      throw new Refusal(`There is no token ${text.slice(0, 40)}; the vocabulary has ${vocabulary}.`, { field: 'bias' })
    if (model.isEogToken(token))
      throw new Refusal(`The token ${token} ends an answer, and cannot be made likelier or less likely.`, { field: 'bias' })
    // -100 is never, as their API says.
    asked.set(token, logit <= -100 ? Number.NEGATIVE_INFINITY : logit)
  }
  if (!isPenalised && asked.size === 0) return { tokenBias: null, wrote() {}, tookBack() {} }
  const tokenBias = llamaCpp.TokenBias.for(model)
  const times = new Map<Token, number>()
  const weigh = (token: Token) => {
    const count = times.get(token) ?? 0
    const logit = (asked.get(token) ?? 0) - (count > 0 ? count * frequencyPenalty + presencePenalty : 0)
    tokenBias.set(token, logit === Number.NEGATIVE_INFINITY ? 'never' : { logit })
  }
  for (const token of asked.keys()) weigh(token)
  const count = (tokens: readonly Token[], by: number) => {
    if (!isPenalised) return
    for (const token of tokens) {
      times.set(token, (times.get(token) ?? 0) + by)
      weigh(token)
    }
  }
  return { tokenBias, wrote: (tokens) => count(tokens, 1), tookBack: (tokens) => count(tokens, -1) }
}
