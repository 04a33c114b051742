import * as z from 'zod'
import { cannot, may, model, only, sampling, Usage, withoutEffect } from './fields.ts'

const mostCharacters = 400_000
const text = z.string().max(mostCharacters)
const TextPart = z.object({
  type: z.literal('text', { error: 'only parts of the type "text" can be read here (no images, sounds or files)' }),
  text,
})
/** A text, or a list of parts that are texts. */
const content = z.union([text, z.array(TextPart).min(1).max(500)]).transform(textOf)

const ChatMessage = z.discriminatedUnion('role', [
  z.object({ role: z.literal(['system', 'developer', 'user']), content, name: may(z.string().max(200)) }),
  z.object({
    role: z.literal('assistant'),
    content: may(content),
    name: may(z.string().max(200)),
    refusal: may(text),
    audio: cannot('no sound is read here'),
  }),
])

/** What /chat/completions takes; a parameter that this server cannot honour is refused by its name. */
export const ChatRequest = z.object({
  model,
  messages: z.array(ChatMessage).min(1).max(500),
  ...sampling,
  max_completion_tokens: may(z.number().int().min(1).max(32_768)),
  modalities: may(z.array(z.literal('text', { error: 'only texts are written here' })).min(1)),
  store: only(false, 'Nothing is stored for later here; the endpoint captures by its own policy.'),
  audio: cannot('no sound is made here'),
  functions: cannot('use "tools" instead'),
  function_call: cannot('use "tool_choice" instead'),
  prediction: cannot('predicted outputs are not used here'),
  reasoning_effort: cannot('the models here have no levels of reasoning'),
  verbosity: cannot('the models here have no levels of verbosity'),
  web_search_options: cannot('nothing is searched here'),
  ...withoutEffect,
})
export type ChatRequest = z.output<typeof ChatRequest>

export const FinishReason = z.enum(['stop', 'length'])

const Message = z.object({
  role: z.literal('assistant'),
  content: z.string().nullable(),
  refusal: z.null(),
})

export const ChatReply = z.object({
  id: z.string(),
  object: z.literal('chat.completion'),
  created: z.number(),
  model: z.string(),
  choices: z.array(z.object({ index: z.number(), message: Message, logprobs: z.null(), finish_reason: FinishReason })),
  usage: Usage,
})
export type ChatReply = z.infer<typeof ChatReply>

function textOf(value: string | { text: string }[]): string {
  return typeof value === 'string' ? value : value.map((part) => part.text).join('')
}
