import type * as LlamaCpp from 'node-llama-cpp'
import type { ChatFormat } from './chat-prompt.ts'

/** A model as its process holds it. */
export interface Opened {
  llamaCpp: typeof LlamaCpp
  llama: LlamaCpp.Llama
  model: LlamaCpp.LlamaModel
  sequence: LlamaCpp.LlamaContextSequence
  contextLength: number
  format: ChatFormat | null
}

/** What is wrong with a request, for whoever sent it. */
export class Refusal extends Error {
  readonly facts: Record<string, unknown>

  constructor(message: string, facts: Record<string, unknown> = {}) {
    super(message)
    this.facts = facts
  }
}
