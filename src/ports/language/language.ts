export const roles = ['system', 'user', 'assistant'] as const

export interface ChatMessage {
  role: (typeof roles)[number]
  content: string
}

/** Text to go on from, or a conversation to answer in. */
export type Prompt = { prompt: string } | { messages: ChatMessage[] }

/** How the next token is chosen. Without a temperature: always the likeliest. */
export interface Sampling {
  maxTokens?: number
  temperature?: number
  topP?: number
  topK?: number
  /** The same seed gives the same text. */
  seed?: number
  /** Texts at which it ends; they are not part of what is answered. */
  stop?: string[]
}

/** stop: the model or a stop text ended it. length: as many tokens as were asked for, or as the context holds. */
export type FinishReason = 'stop' | 'length' | 'time' | 'cancelled'

export interface Generated {
  text: string
  finishReason: FinishReason
  tokens: { prompt: number; generated: number }
  /** Waiting for its turn; from then to the first token; in all, waiting included. `first` is null where there was none. */
  seconds: { queue: number; first: number | null; total: number }
  /** Where chance decided: with it the same text can be had again. */
  seed: number | null
}

export interface GenerateOptions {
  /** What has been written since the last call, whole characters only. */
  onText?(text: string): void
  signal?: AbortSignal
}

export interface LanguageModelFile {
  /** A local GGUF file: its head is checked before native code sees it. */
  file: string
  /** The package's own chat template; that of the file otherwise. */
  chatTemplate?: string | null
  /** Tokens of prompt and answer together that the model shall see; bounded by the model's own and by memory. */
  contextLength?: number
  /** Further ends, as the package says. */
  stop?: readonly string[]
}

/** A loaded language model: it writes for one request after another, in a process of its own. */
export interface LanguageModel {
  readonly contextLength: number
  /** It has a template that makes a prompt of a conversation. */
  readonly canChat: boolean
  readonly memoryBytes: number
  readonly threads: number
  generate(request: Prompt & Sampling, options?: GenerateOptions): Promise<Generated>
  /** Ends what is being written, then lets go of the model. */
  close(): Promise<void>
}

/** Language models on this machine. */
export interface LanguageModels {
  load(model: LanguageModelFile): Promise<LanguageModel>
  close(): Promise<void>
}
