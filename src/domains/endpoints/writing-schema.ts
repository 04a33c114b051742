import * as z from 'zod'
import { roles } from '../../ports/language/language.ts'

const mostCharacters = 400_000
const text = z.string().max(mostCharacters)
const JsonSchema = z.record(z.string(), z.unknown()).describe('JSON Schema')

/** A function that a language model may ask for. */
const Tool = z.strictObject({
  name: z.string().regex(/^[a-zA-Z0-9_-]{1,64}$/),
  description: z.string().max(20_000).optional(),
  parameters: JsonSchema.optional().describe('of its arguments, an object; none where absent'),
  strict: z.boolean().optional().describe('refuse a schema that cannot be held to, instead of only writing an object'),
})

/** How a language model chooses its words, without a temperature always the likeliest; and what form its answer has. */
export const GenerateSettings = z.strictObject({
  maxTokens: z.number().int().min(0).max(32_768).optional().describe('of the answer; what the version says unless told'),
  temperature: z.number().min(0).max(5).optional().describe('0 (the usual): always the likeliest token'),
  topP: z.number().gt(0).max(1).optional().describe('only the likeliest tokens that make up this share'),
  topK: z.number().int().min(0).max(1000).optional().describe('only so many of the likeliest tokens; 0: all'),
  seed: z
    .number()
    .int()
    .min(0)
    .max(2 ** 32 - 1)
    .optional()
    .describe('the same seed gives the same text'),
  stop: z.array(z.string().min(1).max(200)).max(8).optional().describe('texts at which the answer ends'),
  frequencyPenalty: z.number().min(-2).max(2).optional().describe('taken from a token for each time that it was written'),
  presencePenalty: z.number().min(-2).max(2).optional().describe('taken from a token once it was written'),
  bias: z
    .record(z.string().regex(/^\d{1,7}$/), z.number().min(-100).max(100))
    .refine((bias) => Object.keys(bias).length <= 1024, { error: 'names more than 1024 tokens' })
    .optional()
    .describe('added to the logits of tokens, by their numbers; -100: never'),
  topLogprobs: z
    .number()
    .int()
    .min(0)
    .max(20)
    .optional()
    .describe('tell how likely each token was, and so many of the likeliest'),
  format: z
    .union([z.strictObject({ type: z.literal('json') }), z.strictObject({ type: z.literal('schema'), schema: JsonSchema })])
    .optional()
    .describe('any JSON object, or what a JSON Schema takes'),
  tools: z.array(Tool).max(128).optional().describe('functions that the model may ask for'),
  toolChoice: z
    .union([z.enum(['auto', 'none', 'required']), z.strictObject({ name: z.string() })])
    .optional()
    .describe('auto (the usual): the model decides; required: it must ask for one, or for the one that is named'),
  parallelCalls: z.boolean().optional().describe('several at once; true unless told'),
})

const ToolCall = z.object({
  id: z.string().max(200),
  name: z.string().max(200),
  arguments: text.describe('a JSON object, as text'),
})
const ChatMessage = z.strictObject({
  role: z.enum(roles),
  content: text,
  calls: z.array(ToolCall).max(128).optional().describe('of an assistant: what it asked for'),
  callId: z.string().max(200).optional().describe('of a tool: the call that it answers'),
})
const promptFields = {
  prompt: z.string().min(1).max(mostCharacters).optional().describe('text to go on from'),
  messages: z.array(ChatMessage).min(1).max(500).optional().describe('instead of a prompt: a conversation to answer in'),
}
const oneOfBoth = [
  ({ prompt, messages }: { prompt?: unknown; messages?: unknown }) => (prompt === undefined) !== (messages === undefined),
  { error: 'Send either "prompt" (a text) or "messages" (a list of { "role", "content" }).' },
] as const
/** A row for a language model. */
export const PromptRow = z.strictObject(promptFields).refine(...oneOfBoth)
export const GenerateInput = GenerateSettings.extend({
  ...promptFields,
  prompt: z
    .union([z.string().min(1).max(mostCharacters), z.array(z.number().int().min(0)).min(1).max(32_768)])
    .optional()
    .describe('text to go on from, or its tokens by their numbers in the vocabulary of the model'),
  echo: z.boolean().optional().describe('begin with the prompt, where likelihoods are asked for with those of its tokens'),
}).refine(...oneOfBoth)
export type GenerateInput = z.infer<typeof GenerateInput>

const Likelihood = z.object({
  text: z.string(),
  bytes: z.array(z.number()).nullable(),
  logprob: z.number().describe('natural logarithm of the probability, among what the token was chosen from'),
})

/** What a language model wrote, and at what cost. */
export const Written = z.object({
  text: z.string(),
  calls: z.array(ToolCall).optional().describe('functions that it asks for, where there were tools'),
  logprobs: z
    .array(
      Likelihood.extend({
        logprob: Likelihood.shape.logprob.nullable().describe('null at the beginning of a prompt'),
        top: z.array(Likelihood),
      }),
    )
    .optional(),
  finishReason: z
    .enum(['stop', 'length', 'time', 'cancelled', 'calls'])
    .describe(
      'stop: the model or a stop text ended it; length: no more tokens were asked for, or none fit; calls: it asks for functions',
    ),
  tokens: z.object({ prompt: z.number(), generated: z.number() }),
  seconds: z.object({
    queue: z.number().describe('waiting for its turn'),
    first: z.number().nullable().describe('from then to the first token'),
    total: z.number(),
  }),
  seed: z.number().nullable().describe('where chance had a part: with it the same text can be had again'),
})
