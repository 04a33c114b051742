import { randomBytes } from 'node:crypto'
import { minutes } from '../../kernel/time.ts'
import { type HostNeeds, openHost } from './host.ts'
import type { Asked, Generated, GenerateOptions, LanguageModel, LanguageModelFile, Likelihood, ToolCall } from './language.ts'
import { prepare } from './prepare.ts'

/** One answer, from the moment its turn comes. */
const answerMs = minutes(5)

/** A model that writes. */
export async function loadWriter(needs: HostNeeds, wanted: LanguageModelFile): Promise<LanguageModel> {
  const host = await openHost(needs, wanted, 'write')
  const { chatTemplate, closing } = host

  async function generate(request: Asked, options: GenerateOptions = {}): Promise<Generated> {
    // Refused before its turn comes, not after.
    const { sampling, ...prepared } = prepare(request, chatTemplate)
    const asked = performance.now()
    return host.inTurn(async (living) => {
      const queue = (performance.now() - asked) / 1000
      const signal = options.signal ? AbortSignal.any([options.signal, closing]) : closing
      let text = ''
      const calls: ToolCall[] = []
      const logprobs: Likelihood[] = []
      const seed = request.seed ?? (request.temperature ? Math.floor(Math.random() * 2 ** 32) : null)
      const answered = (rest: Pick<Generated, 'finishReason' | 'tokens' | 'prompt'>, first: number | null): Generated => ({
        text,
        ...((prepared.calls || calls.length > 0) && { calls }),
        ...(request.topLogprobs !== undefined && { logprobs }),
        ...rest,
        seconds: { queue, first, total: (performance.now() - asked) / 1000 },
        seed: request.temperature ? seed : null,
      })
      // Whoever went away while waiting is not written for.
      if (signal.aborted) return answered({ finishReason: 'cancelled', tokens: { prompt: 0, generated: 0 } }, null)
      const { finishReason, tokens, firstSeconds, prompt } = await (await living()).write(
        {
          ...prepared,
          sampling: { ...sampling, ...(seed !== null && { seed }), stop: [...(request.stop ?? []), ...(wanted.stop ?? [])] },
        },
        {
          fresh: request.seed !== undefined,
          deadlineMs: answerMs,
          signal,
          onText(piece, likelihoods) {
            text += piece
            if (likelihoods) logprobs.push(...likelihoods)
            options.onText?.(piece, likelihoods)
          },
          onCall({ index, name, arguments: given }) {
            const id = name === undefined ? undefined : `call_${randomBytes(12).toString('hex')}`
            if (id !== undefined) calls[index] = { id, name: name!, arguments: '' }
            if (given !== undefined) calls[index]!.arguments += given
            options.onCall?.({
              index,
              ...(id !== undefined && { id, name }),
              ...(given !== undefined && { arguments: given }),
            })
          },
        },
      )
      return answered({ finishReason, tokens, ...(prompt !== undefined && { prompt }) }, firstSeconds)
    })
  }

  const { contextLength, memoryBytes, threads, close } = host
  return { contextLength, canChat: chatTemplate !== null, memoryBytes, threads, generate, close }
}
