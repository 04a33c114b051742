import type { ServerEvent } from '../../kernel/route.ts'
import type { Generated, Likelihood } from '../../ports/language/language.ts'
import type { ChatReply, ChatRequest } from './chat-schema.ts'
import type { Usage } from './fields.ts'
import { endingInWords } from './stream.ts'
import { toGenerate } from './to-generate.ts'
import { type Asked, type Endpoints, openChoice, usageOf, whole } from './writing.ts'

/** Answers a conversation: whole, or chunk by chunk. */
export async function chat(
  endpoints: Endpoints,
  request: ChatRequest,
  asked: Asked,
): Promise<ChatReply | AsyncIterable<ServerEvent>> {
  const head = { id: `chatcmpl-${asked.requestId}`, created: Math.floor(Date.now() / 1000), model: request.model }
  const choices = request.n ?? 1
  const open = (choice: number) => openChoice(endpoints, asked, choice, toGenerate(request, choice))
  if (!request.stream) {
    const answers: Generated[] = []
    for (let i = 0; i < choices; i++) answers.push(await whole(await open(i)))
    return {
      ...head,
      object: 'chat.completion',
      choices: answers.map((answer, index) => ({
        index,
        message: messageOf(answer),
        logprobs: answer.logprobs ? logprobsOf(answer.logprobs) : null,
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
  const delta = (
    index: number,
    delta: object,
    { finish_reason = null, logprobs = null }: { finish_reason?: string | null; logprobs?: unknown } = {},
  ) => chunk([{ index, delta, logprobs, finish_reason }])
  return endingInWords(
    (async function* () {
      const answers: Generated[] = []
      for (let index = 0; index < choices; index++) {
        yield delta(index, { role: 'assistant', content: '', refusal: null })
        for await (const said of index === 0 ? first : await open(index)) {
          if ('text' in said)
            yield delta(index, { content: said.text }, { logprobs: said.logprobs ? logprobsOf(said.logprobs) : null })
          else if ('call' in said) yield delta(index, { tool_calls: [callDelta(said.call)] })
          else {
            answers.push(said.done)
            yield delta(index, {}, { finish_reason: finishOf(said.done) })
          }
        }
      }
      if (withUsage) yield chunk([], usageOf(answers))
    })(),
  )
}

function messageOf({ text, calls }: Generated): ChatReply['choices'][number]['message'] {
  if (!calls?.length) return { role: 'assistant', content: text, refusal: null }
  return {
    role: 'assistant',
    content: text === '' ? null : text,
    refusal: null,
    tool_calls: calls.map(({ id, name, arguments: given }) => ({ id, type: 'function', function: { name, arguments: given } })),
  }
}

/** The first piece of a call says which it is; the others go on with its arguments. */
const callDelta = ({
  index,
  id,
  name,
  arguments: given = '',
}: {
  index: number
  id?: string
  name?: string
  arguments?: string
}) =>
  id === undefined
    ? { index, function: { arguments: given } }
    : { index, id, type: 'function', function: { name, arguments: given } }

/** Time that has run out cuts as tokens do. */
function finishOf({ finishReason }: Generated): 'stop' | 'length' | 'tool_calls' {
  if (finishReason === 'calls') return 'tool_calls'
  return finishReason === 'stop' ? 'stop' : 'length'
}

const logprobsOf = (likelihoods: readonly Likelihood[]) => ({
  content: likelihoods.map(({ top, ...one }) => ({ ...tokenOf(one), top_logprobs: top.map(tokenOf) })),
  refusal: null,
})

/** Of what is written the likelihood is always known. */
const tokenOf = ({ text, logprob, bytes }: Omit<Likelihood, 'top'>) => ({ token: text, logprob: logprob!, bytes })
