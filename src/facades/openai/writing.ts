import type { EndpointsService } from '../../domains/endpoints/service.ts'
import type { GenerateInput } from '../../domains/endpoints/writing-schema.ts'
import { type ErrorCode, PlatformError } from '../../kernel/errors.ts'
import type { Principal } from '../../kernel/principal.ts'
import type { CallPiece, Generated, Likelihood } from '../../ports/language/language.ts'
import type { Usage } from './fields.ts'

/** Whose request it is, and about which endpoint. */
export interface Asked {
  by: Principal
  model: string
  project: string | undefined
  requestId: string
  signal: AbortSignal
  header(name: string): string | undefined
}

/** What a language model says while it writes one choice, and at the end. */
export type Said = { text: string; logprobs?: Likelihood[] } | { call: CallPiece } | { done: Generated }

export type Endpoints = Pick<EndpointsService, 'generate'>

/** Opens one choice: it is refused here, or then written as it is read. */
export async function openChoice(
  endpoints: Endpoints,
  { by, model, project, requestId, signal, header }: Asked,
  choice: number,
  input: GenerateInput,
): Promise<AsyncGenerator<Said>> {
  const id = choice === 0 ? requestId : `${requestId}.${choice}`
  const events = await endpoints.generate(by, model, { input, project, requestId: id, signal, header })
  return (async function* () {
    for await (const { event, data } of events) {
      if (event === 'text') yield data as { text: string; logprobs?: Likelihood[] }
      else if (event === 'call') yield { call: data as CallPiece }
      else if (event === 'done') yield { done: data as Generated }
      else if (event === 'error') throw brokenOff(data as { code: ErrorCode; message: string; facts: Record<string, unknown> })
    }
  })()
}

/** Reads a choice to its end. */
export async function whole(said: AsyncGenerator<Said>): Promise<Generated> {
  for await (const one of said) if ('done' in one) return one.done
  throw new PlatformError('unavailable', 'The model was put away before it had answered. Ask again.')
}

const brokenOff = ({ code, message, facts }: { code: ErrorCode; message: string; facts: Record<string, unknown> }) =>
  new PlatformError(code, message, facts)

/** A text that a stop text, the model or the most tokens ended; time that has run out cuts as tokens do. */
export const finishOf = ({ finishReason }: Pick<Generated, 'finishReason'>): 'stop' | 'length' =>
  finishReason === 'stop' ? 'stop' : 'length'

/** Of several choices of one prompt the prompt counts once. */
export function usageOf(answers: readonly Generated[]): Usage {
  const prompt = answers[0]?.tokens.prompt ?? 0
  const completion = answers.reduce((sum, { tokens }) => sum + tokens.generated, 0)
  return { prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion }
}
