import type { GenerateInput } from '../../domains/endpoints/writing-schema.ts'
import { invalidInput } from '../../kernel/errors.ts'
import type { ChatRequest } from './chat-schema.ts'
import { type Penalties, penaltiesOf, seedOf, stopsOf } from './fields.ts'

/** Settings that chats and completions share, in the platform's words. Their API's temperature is 1 where nothing is said. */
export function settingsOf(
  request: Penalties & {
    temperature?: number
    top_p?: number
    seed?: number
    stop?: string | string[]
  },
  choice: number,
) {
  const { temperature, top_p, seed, stop } = request
  const stops = stopsOf(stop)
  const ownSeed = seedOf(seed, choice)
  return {
    temperature: temperature ?? 1,
    ...(top_p !== undefined && { topP: top_p }),
    ...(ownSeed !== undefined && { seed: ownSeed }),
    ...(stops && { stop: stops }),
    ...penaltiesOf(request),
  }
}

/** A chat as the platform is asked for it. */
export function toGenerate(request: ChatRequest, choice: number): GenerateInput {
  const { max_completion_tokens, max_tokens, logprobs, top_logprobs, response_format, tools, tool_choice } = request
  if (top_logprobs !== undefined && !logprobs)
    throw invalidInput('"top_logprobs" is said beside "logprobs": true.', { field: 'top_logprobs' })
  const most = max_completion_tokens ?? max_tokens
  return {
    messages: request.messages.map(toMessage),
    ...(most && { maxTokens: most }),
    ...settingsOf(request, choice),
    ...(logprobs && { topLogprobs: top_logprobs ?? 0 }),
    ...(response_format?.type === 'json_object' && { format: { type: 'json' } }),
    ...(response_format?.type === 'json_schema' && {
      format: { type: 'schema', schema: response_format.json_schema.schema },
    }),
    ...(tools && {
      tools: tools.map(({ function: { name, description, parameters, strict } }) => ({
        name,
        ...(description !== undefined && { description }),
        ...(parameters && { parameters }),
        ...(strict !== undefined && { strict }),
      })),
    }),
    ...(tool_choice !== undefined && {
      toolChoice: typeof tool_choice === 'string' ? tool_choice : { name: tool_choice.function.name },
    }),
    ...(request.parallel_tool_calls !== undefined && { parallelCalls: request.parallel_tool_calls }),
  }
}

function toMessage(message: ChatRequest['messages'][number]): NonNullable<GenerateInput['messages']>[number] {
  const content = message.content ?? ''
  if (message.role === 'tool') return { role: 'tool', content, callId: message.tool_call_id }
  if (message.role !== 'assistant') return { role: message.role === 'user' ? 'user' : 'system', content }
  const calls = message.tool_calls?.map(({ id, function: { name, arguments: given } }) => ({ id, name, arguments: given }))
  return { role: 'assistant', content, ...(calls && { calls }) }
}
