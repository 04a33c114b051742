import type { LlamaModel, Token } from 'node-llama-cpp'
import { type ChatFormat, chatPrompt, type PromptPart } from './chat-prompt.ts'
import { Refusal } from './opened.ts'
import type { Prepared } from './prepare.ts'

/** The tokens of a prompt, or of a conversation by the model's template. */
export function promptTokens(model: LlamaModel, format: ChatFormat | null, prompt: Prepared['prompt']): Token[] {
  if ('prompt' in prompt) {
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
