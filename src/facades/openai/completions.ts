import * as z from 'zod'
import type { GenerateInput } from '../../domains/endpoints/writing-schema.ts'
import { invalidInput } from '../../kernel/errors.ts'
import type { ServerEvent } from '../../kernel/route.ts'
import type { Generated, Likelihood } from '../../ports/language/language.ts'
import { cannot, may, model, penalties, sampling, Usage, withoutEffect } from './fields.ts'
import { endingInWords } from './stream.ts'
import { settingsOf } from './to-generate.ts'
import { type Asked, type Endpoints, finishOf, openChoice, usageOf, whole } from './writing.ts'

const mostPrompts = 64
const prompt = z.string().min(1).max(400_000)
const tokens = z.array(z.number().int().min(0)).min(1).max(32_768)

/** What /completions takes. */
export const CompletionRequest = z.object({
  model,
  prompt: z.union([prompt, tokens, z.array(prompt).min(1).max(mostPrompts), z.array(tokens).min(1).max(mostPrompts)], {
    error: `send a text or the tokens of one by their numbers, or up to ${mostPrompts} of either`,
  }),
  ...sampling,
  ...penalties,
  logprobs: may(z.number().int().min(0).max(5)),
  best_of: may(z.number().int().min(1).max(16)),
  echo: may(z.boolean()),
  suffix: cannot('the models here only go on from a prompt'),
  ...withoutEffect,
})
export type CompletionRequest = z.output<typeof CompletionRequest>

const Logprobs = z.object({
  tokens: z.array(z.string()),
  token_logprobs: z.array(z.number().nullable()),
  top_logprobs: z.array(z.record(z.string(), z.number()).nullable()),
  text_offset: z.array(z.number()),
})

export const CompletionReply = z.object({
  id: z.string(),
  object: z.literal('text_completion'),
  created: z.number(),
  model: z.string(),
  choices: z.array(
    z.object({ index: z.number(), text: z.string(), logprobs: Logprobs.nullable(), finish_reason: z.enum(['stop', 'length']) }),
  ),
  usage: Usage,
})
type Reply = z.infer<typeof CompletionReply>

/** The most tokens where nothing is said, as their API has it. */
const usualTokens = 16

/** Goes on from texts: whole, or chunk by chunk. */
export async function complete(
  endpoints: Endpoints,
  request: CompletionRequest,
  asked: Asked,
): Promise<Reply | AsyncIterable<ServerEvent>> {
  const head = {
    id: `cmpl-${asked.requestId}`,
    object: 'text_completion' as const,
    created: Math.floor(Date.now() / 1000),
    model: request.model,
  }
  const prompts = promptsOf(request.prompt)
  const shown = request.n ?? 1
  const each = request.best_of ?? shown
  refuseBest(request, shown, each)
  const wanted = prompts.flatMap((prompt) => Array.from({ length: each }, (_, choice) => ({ prompt, choice })))
  const open = (index: number) => {
    const { prompt, choice } = wanted[index]!
    return openChoice(endpoints, asked, index, toInput(request, prompt, { choice, isRanked: each > shown }))
  }
  const usage = (answers: Generated[]): Usage =>
    prompts
      .map((_, i) => usageOf(answers.slice(i * each, (i + 1) * each)))
      .reduce((sum, one) => ({
        prompt_tokens: sum.prompt_tokens + one.prompt_tokens,
        completion_tokens: sum.completion_tokens + one.completion_tokens,
        total_tokens: sum.total_tokens + one.total_tokens,
      }))
  if (!request.stream) {
    const answers: Generated[] = []
    for (let i = 0; i < wanted.length; i++) answers.push(await whole(await open(i)))
    const best = prompts.flatMap((_, i) => likeliest(answers.slice(i * each, (i + 1) * each), shown))
    const choices = best.map((answer, index) => ({
      index,
      text: answer.text,
      logprobs: answer.logprobs && request.logprobs !== undefined ? logprobsOf(answer.logprobs, 0) : null,
      finish_reason: finishOf(answer),
    }))
    return { ...head, choices, usage: usage(answers) }
  }
  const first = await open(0)
  const withUsage = request.stream_options?.include_usage === true
  const chunk = (choices: unknown[], spent: Usage | null = null): ServerEvent => ({
    event: 'chunk',
    data: { ...head, choices, ...(withUsage && { usage: spent }) },
  })
  const piece = (
    index: number,
    text: string,
    { finish_reason = null, logprobs = null }: { finish_reason?: string | null; logprobs?: unknown } = {},
  ) => chunk([{ index, text, logprobs, finish_reason }])
  return endingInWords(
    (async function* () {
      const answers: Generated[] = []
      for (let index = 0; index < wanted.length; index++) {
        let at = 0
        for await (const said of index === 0 ? first : await open(index)) {
          if ('text' in said) {
            yield piece(index, said.text, { logprobs: said.logprobs ? logprobsOf(said.logprobs, at) : null })
            at += said.logprobs ? lengthOf(said.logprobs) : said.text.length
          } else if ('done' in said) {
            answers.push(said.done)
            yield piece(index, '', { finish_reason: finishOf(said.done) })
          }
        }
      }
      if (withUsage) yield chunk([], usage(answers))
    })(),
  )
}

function promptsOf(prompt: CompletionRequest['prompt']): (string | number[])[] {
  if (typeof prompt === 'string') return [prompt]
  return prompt.every((one) => typeof one === 'number') ? [prompt] : (prompt as (string | number[])[])
}

function refuseBest({ best_of, stream, echo }: CompletionRequest, shown: number, each: number): void {
  if (each < shown)
    throw invalidInput(`The best ${shown} of ${best_of} cannot be had. Let "best_of" be at least "n".`, { field: 'best_of' })
  if (each > shown && (stream || echo))
    throw invalidInput(
      `Which answer is best is known when all are written, and by what was written alone. Leave out ${stream ? '"stream"' : '"echo"'} or "best_of".`,
      { field: 'best_of' },
    )
}

/** Those whose tokens were likeliest on the average, as their API ranks them. */
function likeliest(answers: readonly Generated[], shown: number): Generated[] {
  if (answers.length === shown) return [...answers]
  const mean = ({ logprobs = [] }: Generated) =>
    logprobs.length === 0 ? 0 : logprobs.reduce((sum, { logprob }) => sum + (logprob ?? 0), 0) / logprobs.length
  return answers
    .map((answer) => ({ answer, mean: mean(answer) }))
    .sort((a, b) => b.mean - a.mean)
    .slice(0, shown)
    .map(({ answer }) => answer)
}

function toInput(
  request: CompletionRequest,
  prompt: string | number[],
  { choice, isRanked }: { choice: number; isRanked: boolean },
): GenerateInput {
  const topLogprobs = request.logprobs ?? (isRanked ? 0 : undefined)
  return {
    prompt,
    maxTokens: request.max_tokens ?? usualTokens,
    ...settingsOf(request, choice),
    ...(topLogprobs !== undefined && { topLogprobs }),
    ...(request.echo && { echo: true }),
  }
}

const lengthOf = (likelihoods: readonly Likelihood[]): number => likelihoods.reduce((sum, { text }) => sum + text.length, 0)

/** Lists side by side, as this older part of their API has them; `offset` is where the first token begins in the text. */
function logprobsOf(likelihoods: readonly Likelihood[], offset: number): z.infer<typeof Logprobs> {
  let at = offset
  return {
    tokens: likelihoods.map(({ text }) => text),
    token_logprobs: likelihoods.map(({ logprob }) => logprob),
    top_logprobs: likelihoods.map(({ logprob, top }) =>
      logprob === null ? null : Object.fromEntries(top.map(({ text, logprob }) => [text, logprob!])),
    ),
    text_offset: likelihoods.map(({ text }) => {
      const begin = at
      at += text.length
      return begin
    }),
  }
}
