import type * as z from 'zod'
import { invalidInput, isPlatformError, PlatformError } from '../../kernel/errors.ts'
import { minutes } from '../../kernel/time.ts'
import type { Asked, Form, Generated, GenerateOptions, Sampling } from '../../ports/language/language.ts'
import type { LiveEndpoint } from './live.ts'
import type { TextServing } from './serving.ts'
import { GenerateSettings, PromptRow } from './writing-schema.ts'

const mostRows = 64
const mostMs = minutes(10)
const usualTokens = 256

/** Rows for a language model in one request: one after the other. Answers the JSON list of predictions. */
export async function answerPrompts(
  endpoint: LiveEndpoint,
  serving: TextServing,
  request: { rows: unknown[]; body(): unknown; requestId: string; at: number },
): Promise<string> {
  const { rows, requestId, at } = request
  if (rows.length > mostRows)
    throw invalidInput(
      `A request to a language model takes at most ${mostRows} rows, not ${rows.length}. Send several requests.`,
      {
        field: 'rows',
        maxRows: mostRows,
      },
    )
  const settings = checked(GenerateSettings, (request.body() as { generation?: unknown }).generation ?? {}, 'generation')
  const prompts = rows.map((row, i) => checked(PromptRow, row, `rows.${i}`, i))
  const until = AbortSignal.timeout(mostMs)
  const predictions: string[] = []
  const kept: string[] = []
  for (const [i, prompt] of prompts.entries()) {
    if (until.aborted)
      throw new PlatformError(
        'timeout',
        `The rows took longer than ${mostMs / 60_000} minutes; row ${i} was not reached. Send fewer.`,
        {
          row: i,
        },
      )
    const answer = await write(endpoint, serving, { ...settings, ...prompt }, { signal: until }).catch((error) => {
      if (!isPlatformError(error)) throw error
      throw new PlatformError(error.code, `Row ${i}: ${error.message}`, { ...error.facts, row: i })
    })
    const prediction = { id: rows.length === 1 ? requestId : `${requestId}.${i}`, ...answer }
    predictions.push(JSON.stringify(prediction))
    kept.push(JSON.stringify(withoutLikelihoods(prediction)))
  }
  keep(endpoint, serving, { at, rows: prompts, predictions: `[${kept.join(',')}]` })
  return `[${predictions.join(',')}]`
}

/** As it is kept: the likelihoods of each token would be many times the text. */
export const withoutLikelihoods = <P extends object>({ logprobs: _, ...rest }: P & { logprobs?: unknown }) => rest

/** One answer of a language model; what it took goes into the figures of its endpoint. */
export async function write(
  endpoint: LiveEndpoint,
  { language, signature }: TextServing,
  asked: Omit<z.infer<typeof PromptRow>, 'prompt'> & { prompt?: string | number[] } & Sampling & Form,
  options: GenerateOptions = {},
): Promise<Generated> {
  const { prompt, messages, ...settings } = asked
  const request: Asked = {
    maxTokens: signature.generation?.maxNewTokens ?? usualTokens,
    ...settings,
    ...(messages ? { messages } : { prompt: prompt! }),
  }
  const answer = await language.generate(request, options)
  endpoint.metrics.text.record(answer)
  return answer
}

/** What a shadow writes for a row that another version answered, by the same settings; its figures are nobody's. */
export async function shadowText(
  { language, signature }: TextServing,
  asked: z.infer<typeof PromptRow> & Sampling & Form,
): Promise<Record<string, unknown>> {
  const { prompt, messages, ...settings } = asked
  const maxTokens = signature.generation?.maxNewTokens ?? usualTokens
  const answer = await language.generate({ maxTokens, ...settings, ...(messages ? { messages } : { prompt: prompt! }) }, {})
  return withoutLikelihoods({ ...answer })
}

/** Puts a request among the captured ones; a conversation as its prompt, so that hiding the column hides it too. */
export function keep(
  endpoint: LiveEndpoint,
  serving: TextServing,
  { at, rows, predictions }: { at: number; rows: z.infer<typeof PromptRow>[]; predictions: string },
): void {
  const kept = rows.map(({ prompt, messages }) => ({ prompt: messages ?? prompt }))
  endpoint.captures.record({
    at,
    body: JSON.stringify({ rows: kept }),
    rows: () => kept,
    version: serving.versionId,
    variant: serving.variant,
    predictions,
  })
}

/** A part of a body as its schema has it; refuses what is not, by its place. */
function checked<S extends z.ZodType>(schema: S, value: unknown, place: string, row?: number): z.output<S> {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const [issue] = result.error.issues
  throw invalidInput(`"${[place, ...(issue?.path ?? [])].join('.')}" is not as it should be: ${issue?.message}`, {
    field: [place, ...(issue?.path ?? [])].join('.'),
    ...(row !== undefined && { row }),
  })
}
