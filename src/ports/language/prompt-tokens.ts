import type { LlamaModel, Token } from 'node-llama-cpp'
import { type ChatFormat, chatPrompt, type PromptPart } from './chat-prompt.ts'
import { Refusal } from './opened.ts'
import type { Prepared } from './prepare.ts'

/** The tokens of a prompt, or of a conversation by the model's template. */
export function promptTokens(model: LlamaModel, format: ChatFormat | null, prompt: Prepared['prompt']): Token[] {
  if ('prompt' in prompt) {
    if (typeof prompt.prompt !== 'string') return known(model, prompt.prompt)
    const tokens = model.tokenize(prompt.prompt, false)
    const { bos, shouldPrependBosToken } = model.tokens
    return shouldPrependBosToken && bos !== null ? [bos, ...tokens] : tokens
  }
  if (!format)
    throw new Refusal('This model has no chat template, so it takes no messages. Send a "prompt" to go on from.', {
      field: 'messages',
    })
  let parts: PromptPart[]
  try {
    parts = chatPrompt(prompt, format)
  } catch (error) {
    throw new Refusal(`The chat template of the model cannot make a prompt of these messages: ${(error as Error).message}`, {
      field: 'messages',
    })
  }
  return parts.flatMap(({ text, steers }) => model.tokenize(text, steers))
}

/** Tokens that somebody names by their numbers, as they are: nothing is put before them. */
function known(model: LlamaModel, tokens: readonly number[]): Token[] {
  const vocabulary = model.fileInfo.metadata.tokenizer.ggml.tokens.length
  const unknown = tokens.find((token) => token >= vocabulary)
  if (unknown !== undefined)
    throw new Refusal(`There is no token ${unknown}; the vocabulary of this model has ${vocabulary}.`, { field: 'prompt' })
  return tokens as Token[]
}
