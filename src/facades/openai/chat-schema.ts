import * as z from 'zod'
import { cannot, logprobSettings, may, model, only, penalties, sampling, Usage, withoutEffect } from './fields.ts'

const mostCharacters = 400_000
const text = z.string().max(mostCharacters)
const TextPart = z.object({
  type: z.literal('text', { error: 'only parts of the type "text" can be read here (no images, sounds or files)' }),
  text,
})
/** A text, or a list of parts that are texts. */
const content = z.union([text, z.array(TextPart).min(1).max(500)]).transform(textOf)

const functionName = z.string().regex(/^[a-zA-Z0-9_-]{1,64}$/, { error: 'is a word of up to 64 letters, digits, _ and -' })
const ToolCall = z.object({
  id: z.string().max(200),
  type: z.literal('function'),
  function: z.object({ name: z.string().max(200), arguments: text }),
})

const name = may(z.string().max(200))
const ChatMessage = z.discriminatedUnion('role', [
  z.object({ role: z.literal(['system', 'developer', 'user']), content, name }),
  z.object({
    role: z.literal('assistant'),
    content: may(content),
    name,
    refusal: may(text),
    tool_calls: may(z.array(ToolCall).max(128)),
    function_call: cannot('use "tool_calls" instead'),
    audio: cannot('no sound is read here'),
  }),
  z.object({ role: z.literal('tool'), content, tool_call_id: z.string().max(200) }),
])

const schema = z.record(z.string(), z.unknown())
const Tool = z.object({
  type: z.literal('function', { error: 'only tools of the type "function" are known here' }),
  function: z.object({
    name: functionName,
    description: may(z.string().max(20_000)),
    parameters: may(schema),
    strict: may(z.boolean()),
  }),
})

const ResponseFormat = z.discriminatedUnion('type', [
  z.object({ type: z.literal('text') }),
  z.object({ type: z.literal('json_object') }),
  z.object({
    type: z.literal('json_schema'),
    json_schema: z.object({
      name: functionName,
      description: may(z.string().max(20_000)),
      schema,
      strict: may(z.boolean()),
    }),
  }),
])

/** What /chat/completions takes; a parameter that this server cannot honour is refused by its name. */
export const ChatRequest = z.object({
  model,
  messages: z.array(ChatMessage).min(1).max(500),
  ...sampling,
  ...penalties,
  ...logprobSettings,
  max_completion_tokens: may(z.number().int().min(1).max(32_768)),
  response_format: may(ResponseFormat),
  tools: may(z.array(Tool).max(128)),
  tool_choice: may(
    z.union(
      [
        z.enum(['auto', 'none', 'required']),
        z.object({ type: z.literal('function'), function: z.object({ name: functionName }) }),
      ],
      { error: 'is "auto", "none", "required" or {"type": "function", "function": {"name": …}}' },
    ),
  ),
  parallel_tool_calls: may(z.boolean()),
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

const Token = z.object({ token: z.string(), logprob: z.number(), bytes: z.array(z.number()).nullable() })
const Logprobs = z.object({
  content: z.array(Token.extend({ top_logprobs: z.array(Token) })).nullable(),
  refusal: z.null(),
})

export const ChatReply = z.object({
  id: z.string(),
  object: z.literal('chat.completion'),
  created: z.number(),
  model: z.string(),
  choices: z.array(
    z.object({
      index: z.number(),
      message: z.object({
        role: z.literal('assistant'),
        content: z.string().nullable(),
        refusal: z.null(),
        tool_calls: z.array(ToolCall).optional(),
      }),
      logprobs: Logprobs.nullable(),
      finish_reason: z.enum(['stop', 'length', 'tool_calls']),
    }),
  ),
  usage: Usage,
})
export type ChatReply = z.infer<typeof ChatReply>

function textOf(value: string | { text: string }[]): string {
  return typeof value === 'string' ? value : value.map((part) => part.text).join('')
}
