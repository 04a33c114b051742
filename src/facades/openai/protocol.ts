import type { Protocol, Refused } from '../../kernel/route.ts'

/** OpenAI's body of an error. */
export interface OpenAiError {
  error: { message: string; type: string; param: string | null; code: string | null }
}

/** Refusals as OpenAI's clients read them; streams are chunks without names that end with [DONE]. */
export const openAi: Protocol = {
  name: 'openai',
  lastEvent: '[DONE]',
  refuse(said) {
    // "Precondition failed" and "unprocessable" are of other protocols; their clients know 400.
    const status = said.status === 412 || said.status === 422 ? 400 : said.status
    return { status, body: errorBody({ ...said, status }) }
  },
}

/** The body of an error; in a stream that breaks off it is the data of an event. */
export function errorBody({ status, code, message, facts }: Refused): OpenAiError {
  return { error: { message, type: typeOf(status), param: paramOf(facts), code: codeOf(code, facts) } }
}

function typeOf(status: number): string {
  if (status === 401) return 'authentication_error'
  if (status === 403) return 'permission_error'
  if (status === 429) return 'rate_limit_error'
  return status >= 500 ? 'server_error' : 'invalid_request_error'
}

function codeOf(code: string, facts: Record<string, unknown>): string | null {
  if (code === 'unauthenticated') return 'invalid_api_key'
  if (code === 'rate_limited') return 'rate_limit_exceeded'
  if (code === 'not_found' && facts.noun === 'endpoint') return 'model_not_found'
  if (typeof facts.contextLength === 'number') return 'context_length_exceeded'
  return code === 'invalid_input' ? null : code
}

/** The platform's names of what OpenAI calls otherwise. */
const params: Record<string, string> = {
  maxTokens: 'max_tokens',
  topP: 'top_p',
  topLogprobs: 'top_logprobs',
  frequencyPenalty: 'frequency_penalty',
  presencePenalty: 'presence_penalty',
  bias: 'logit_bias',
  format: 'response_format',
  toolChoice: 'tool_choice',
}

function paramOf({ field, noun }: Record<string, unknown>): string | null {
  if (noun === 'endpoint') return 'model'
  if (typeof field !== 'string') return null
  if (field.startsWith('format.schema')) return `response_format.json_schema${field.slice('format'.length)}`
  const [first = '', ...rest] = field.split('.')
  return [params[first] ?? first, ...rest].join('.')
}
