import * as z from 'zod'
import type { GenerateInput } from '../../domains/endpoints/writing-schema.ts'
import type { ServerEvent } from '../../kernel/route.ts'
import type { Generated, Likelihood } from '../../ports/language/language.ts'
import { cannot, may, model, only, penalties, sampling, Usage, withoutEffect } from './fields.ts'
import { endingInWords } from './stream.ts'
import { settingsOf } from './to-generate.ts'
import { type Asked, type Endpoints, finishOf, openChoice, usageOf, whole } from './writing.ts'

const mostPrompts = 64
const prompt = z.string().min(1).max(400_000)

/** What /completions takes. */
export const CompletionRequest = z.object({
  model,
  prompt: z.union([prompt, z.array(prompt).min(1).max(mostPrompts)], {
    error: `send a text, or up to ${mostPrompts} of them (tokens are not taken)`,
  }),
  ...sampling,
  ...penalties,
  logprobs: may(z.number().int().min(0).max(5)),
  best_of: only(1, 'Only the answer itself is written here, not the best of several.'),
  echo: may(z.boolean()),
  suffix: cannot('the models here only go on from a prompt'),
  ...withoutEffect,
})
export type CompletionRequest = z.output<typeof CompletionRequest>

const Logprobs = z.object({
  tokens: z.array(z.string()),
  token_logprobs: z.array(z.number()),
  top_logprobs: z.array(z.record(z.string(), z.number())),
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
  const prompts = typeof request.prompt === 'string' ? [request.prompt] : request.prompt
  const each = request.n ?? 1
  const wanted = prompts.flatMap((text) => Array.from({ length: each }, (_, choice) => ({ text, choice })))
  const open = (index: number) => {
    const { text, choice } = wanted[index]!
    return openChoice(endpoints, asked, index, toInput(request, text, choice))
  }
  const before = (index: number) => (request.echo ? wanted[index]!.text : '')
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
    const choices = answers.map((answer, index) => ({
      index,
      text: before(index) + answer.text,
      logprobs: answer.logprobs ? logprobsOf(answer.logprobs, before(index).length) : null,
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
        let at = before(index).length
        if (request.echo) yield piece(index, before(index))
        for await (const said of index === 0 ? first : await open(index)) {
          if ('text' in said) {
            yield piece(index, said.text, { logprobs: said.logprobs ? logprobsOf(said.logprobs, at) : null })
            at += said.text.length
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

function toInput(request: CompletionRequest, prompt: string, choice: number): GenerateInput {
  return {
    prompt,
    maxTokens: request.max_tokens || usualTokens,
    ...settingsOf(request, choice),
    ...(request.logprobs !== undefined && { topLogprobs: request.logprobs }),
  }
}

/** Lists side by side, as this older part of their API has them; `offset` is where the first token begins in the text. */
function logprobsOf(likelihoods: readonly Likelihood[], offset: number): z.infer<typeof Logprobs> {
  let at = offset
  return {
    tokens: likelihoods.map(({ text }) => text),
    token_logprobs: likelihoods.map(({ logprob }) => logprob),
    top_logprobs: likelihoods.map(({ top }) => Object.fromEntries(top.map(({ text, logprob }) => [text, logprob]))),
    text_offset: likelihoods.map(({ text }) => {
      const begin = at
      at += text.length
      return begin
    }),
  }
}
