import type { JsonSchema } from './grammar/json-schema.ts'

export const roles = ['system', 'user', 'assistant', 'tool'] as const

/** A function that a model asks somebody to call. */
export interface ToolCall {
  id: string
  name: string
  /** A JSON object, as text. */
  arguments: string
}

export interface ChatMessage {
  role: (typeof roles)[number]
  content: string
  /** Of an assistant: the calls that it asked for. */
  calls?: ToolCall[]
  /** Of a tool: the call that it answers. */
  callId?: string
}

/** Text to go on from, or its tokens by their numbers; or a conversation to answer in. */
export type Prompt = { prompt: string | number[] } | { messages: ChatMessage[] }

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
  /** Taken from a token's logit for each time that it was written, and once if it was. */
  frequencyPenalty?: number
  presencePenalty?: number
  /** Added to the logits of tokens, by their numbers. */
  bias?: Record<string, number>
  /** Beside each token how likely it was, and so many of the likeliest. */
  topLogprobs?: number
  /** What is written begins with the prompt, where likelihoods are asked for with those of its tokens. */
  echo?: boolean
}

/** A function that a model may ask for. */
export interface Tool {
  name: string
  description?: string
  /** JSON Schema of its arguments, an object; none where absent. */
  parameters?: JsonSchema
  /** A schema that cannot be held to is refused, instead of only an object being written. */
  strict?: boolean
}

/** What form the answer has. */
export interface Form {
  /** Any JSON object, or what a JSON Schema takes. */
  format?: { type: 'json' } | { type: 'schema'; schema: JsonSchema }
  tools?: Tool[]
  /** auto: the model decides. required: it must ask for one, or for the one that is named. */
  toolChoice?: 'auto' | 'none' | 'required' | { name: string }
  /** Whether it may ask for several at once; yes unless told. */
  parallelCalls?: boolean
}

export type Asked = Prompt & Sampling & Form

/** stop: the model or a stop text ended it. length: as many tokens as were asked for, or as the context holds. calls: it asks for functions. */
export type FinishReason = 'stop' | 'length' | 'time' | 'cancelled' | 'calls'

/** A token and how likely it was among those that it was chosen from: natural logarithms of probabilities. */
export interface Likelihood {
  text: string
  /** Null where the token is a part of a character whose bytes are not known. */
  bytes: number[] | null
  /** Null at the beginning of a prompt, which nothing comes before. */
  logprob: number | null
  top: { text: string; bytes: number[] | null; logprob: number }[]
}

/** A call as it is written: its name comes first, then its arguments in pieces. */
export interface CallPiece {
  index: number
  /** At the beginning of a call. */
  id?: string
  name?: string
  arguments?: string
}

export interface Generated {
  text: string
  /** The functions that it asks for; absent where there were no tools. */
  calls?: ToolCall[]
  /** Where they were asked for: of the tokens of `text`. */
  logprobs?: Likelihood[]
  /** The text of a prompt that was sent as tokens. */
  prompt?: string
  finishReason: FinishReason
  tokens: { prompt: number; generated: number }
  /** Waiting for its turn; from then to the first token; in all, waiting included. `first` is null where there was none. */
  seconds: { queue: number; first: number | null; total: number }
  /** Where chance decided: with it the same text can be had again. */
  seed: number | null
}

export interface GenerateOptions {
  /** What has been written since the last call, whole characters only, with the likelihoods of its tokens where they were asked for. */
  onText?(text: string, likelihoods?: Likelihood[]): void
  onCall?(piece: CallPiece): void
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
  generate(request: Asked, options?: GenerateOptions): Promise<Generated>
  /** Ends what is being written, then lets go of the model. */
  close(): Promise<void>
}

/** A loaded model that makes vectors of texts, in a process of its own. */
export interface TextEmbedder {
  readonly contextLength: number
  /** Numbers of a vector. */
  readonly width: number
  readonly memoryBytes: number
  readonly threads: number
  /** Vectors of length 1, and how many tokens each text has; fewer where the signal ended it. */
  embed(texts: readonly string[], options?: { signal?: AbortSignal }): Promise<Embedded[]>
  close(): Promise<void>
}

export interface Embedded {
  vector: Float32Array
  tokens: number
}

/** Language models on this machine. */
export interface LanguageModels {
  load(model: LanguageModelFile): Promise<LanguageModel>
  loadEmbedder(model: LanguageModelFile): Promise<TextEmbedder>
  close(): Promise<void>
}
