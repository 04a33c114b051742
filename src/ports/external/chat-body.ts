import { invalidInput } from '../../kernel/errors.ts'
import type { Asked } from '../language/language.ts'

/** A request in the words of the OpenAI API. */
export function chatBody(model: string | null, request: Asked, isChat: boolean): Record<string, unknown> {
  const { format, tools, toolChoice, topLogprobs, bias } = request
  if (request.topK !== undefined) throw invalidInput('The model elsewhere has no "topK".', { field: 'topK' })
  if ('prompt' in request && typeof request.prompt !== 'string')
    throw invalidInput('The model elsewhere has a vocabulary of its own. Send the text, no tokens.', { field: 'prompt' })
  if (request.echo && topLogprobs !== undefined)
    throw invalidInput('How likely a prompt is, the model elsewhere does not say. Leave out "echo".', { field: 'echo' })
  if (!isChat && (format || tools?.length))
    throw invalidInput('Forms and tools are for conversations: send "messages".', { field: format ? 'format' : 'tools' })
  return {
    ...(model !== null && { model }),
    ...('prompt' in request ? { prompt: request.prompt } : { messages: request.messages.map(messageOf) }),
    stream: true,
    stream_options: { include_usage: true },
    temperature: request.temperature ?? 0,
    ...(request.maxTokens !== undefined && { max_tokens: request.maxTokens }),
    ...(request.topP !== undefined && { top_p: request.topP }),
    ...(request.seed !== undefined && { seed: request.seed }),
    ...(request.stop?.length && { stop: request.stop }),
    ...(request.frequencyPenalty && { frequency_penalty: request.frequencyPenalty }),
    ...(request.presencePenalty && { presence_penalty: request.presencePenalty }),
    ...(bias && { logit_bias: bias }),
    ...(topLogprobs !== undefined && (isChat ? { logprobs: true, top_logprobs: topLogprobs } : { logprobs: topLogprobs })),
    ...(format && {
      response_format:
        format.type === 'json'
          ? { type: 'json_object' }
          : { type: 'json_schema', json_schema: { name: 'answer', schema: format.schema, strict: true } },
    }),
    ...(tools?.length && {
      tools: tools.map((tool) => ({ type: 'function', function: tool })),
      ...(toolChoice && {
        tool_choice: typeof toolChoice === 'string' ? toolChoice : { type: 'function', function: { name: toolChoice.name } },
      }),
      ...(request.parallelCalls !== undefined && { parallel_tool_calls: request.parallelCalls }),
    }),
  }
}

type Message = Extract<Asked, { messages: unknown }>['messages'][number]

const messageOf = ({ role, content, calls, callId }: Message) => ({
  role,
  content,
  ...(calls && {
    tool_calls: calls.map(({ id, name, arguments: given }) => ({ id, type: 'function', function: { name, arguments: given } })),
  }),
  ...(callId !== undefined && { tool_call_id: callId }),
})
