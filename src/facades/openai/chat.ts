import type { GenerateInput } from '../../domains/endpoints/schema.ts'
import type { ServerEvent } from '../../kernel/route.ts'
import type { Generated } from '../../ports/language/language.ts'
import type { ChatReply, ChatRequest } from './chat-schema.ts'
import { seedOf, stopsOf, type Usage } from './fields.ts'
import { endingInWords } from './stream.ts'
import { type Asked, type Endpoints, finishOf, openChoice, usageOf, whole } from './writing.ts'

/** Answers a conversation: whole, or chunk by chunk. */
export async function chat(
  endpoints: Endpoints,
  request: ChatRequest,
  asked: Asked,
): Promise<ChatReply | AsyncIterable<ServerEvent>> {
  const head = { id: `chatcmpl-${asked.requestId}`, created: Math.floor(Date.now() / 1000), model: request.model }
  const choices = request.n ?? 1
  const open = (choice: number) => openChoice(endpoints, asked, choice, toInput(request, choice))
  if (!request.stream) {
    const answers: Generated[] = []
    for (let i = 0; i < choices; i++) answers.push(await whole(await open(i)))
    return {
      ...head,
      object: 'chat.completion',
      choices: answers.map((answer, index) => ({
        index,
        message: { role: 'assistant', content: answer.text, refusal: null },
        logprobs: null,
        finish_reason: finishOf(answer),
      })),
      usage: usageOf(answers),
    }
  }
  // What can be refused is refused by a status, before the first chunk.
  const first = await open(0)
  const withUsage = request.stream_options?.include_usage === true
  const chunk = (choices: unknown[], usage: Usage | null = null): ServerEvent => ({
    event: 'chunk',
    data: { ...head, object: 'chat.completion.chunk', choices, ...(withUsage && { usage }) },
  })
  const delta = (index: number, delta: object, finish_reason: string | null = null) =>
    chunk([{ index, delta, logprobs: null, finish_reason }])
  return endingInWords(
    (async function* () {
      const answers: Generated[] = []
      for (let index = 0; index < choices; index++) {
        yield delta(index, { role: 'assistant', content: '', refusal: null })
        for await (const said of index === 0 ? first : await open(index)) {
          if ('text' in said) yield delta(index, { content: said.text })
          else {
            answers.push(said.done)
            yield delta(index, {}, finishOf(said.done))
          }
        }
      }
      if (withUsage) yield chunk([], usageOf(answers))
    })(),
  )
}

function toInput(request: ChatRequest, choice: number): GenerateInput {
  const { max_completion_tokens, max_tokens, temperature, top_p, seed, stop } = request
  const most = max_completion_tokens ?? max_tokens
  const ends = stopsOf(stop)
  const ownSeed = seedOf(seed, choice)
  return {
    messages: request.messages.map(({ role, content }) => ({
      role: role === 'developer' ? 'system' : role,
      content: content ?? '',
    })),
    ...(most && { maxTokens: most }),
    // Their API says 1 where nothing is said.
    temperature: temperature ?? 1,
    ...(top_p !== undefined && { topP: top_p }),
    ...(ownSeed !== undefined && { seed: ownSeed }),
    ...(ends && { stop: ends }),
  }
}
