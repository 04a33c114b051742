import { PlatformError } from '../../kernel/errors.ts'
import type {
  Asked,
  FinishReason,
  Generated,
  GenerateOptions,
  LanguageModel,
  Likelihood,
  ToolCall,
} from '../language/language.ts'
import type { Outbound } from '../outbound/outbound.ts'
import { ask, odd } from './ask.ts'
import { chatBody } from './chat-body.ts'
import { eventsOf } from './events.ts'
import type { ExternalModel } from './external.ts'

const mostCalls = 128

/** A language model behind an OpenAI-compatible address, as one of ours. */
export function externalWriter(outbound: Outbound, external: ExternalModel, contextLength: number): LanguageModel {
  const closing = new AbortController()

  async function generate(request: Asked, options: GenerateOptions = {}): Promise<Generated> {
    const began = performance.now()
    const signal = options.signal ? AbortSignal.any([options.signal, closing.signal]) : closing.signal
    const isChat = !('prompt' in request)
    let text = ''
    let first: number | null = null
    let finishReason: FinishReason | null = null
    let pieces = 0
    let tokens: Generated['tokens'] | null = null
    const calls: ToolCall[] = []
    const logprobs: Likelihood[] = []
    const answered = (ended: FinishReason): Generated => ({
      text,
      ...((request.tools?.length || calls.length > 0) && { calls }),
      ...(request.topLogprobs !== undefined && { logprobs }),
      finishReason: ended,
      tokens: tokens ?? { prompt: 0, generated: pieces },
      seconds: { queue: 0, first, total: (performance.now() - began) / 1000 },
      seed: request.temperature ? (request.seed ?? null) : null,
    })
    try {
      const body = await ask(outbound, external, {
        path: isChat ? '/chat/completions' : '/completions',
        body: chatBody(external.model, request, isChat),
        signal,
      })
      if (request.echo && 'prompt' in request && typeof request.prompt === 'string') {
        text = request.prompt
        options.onText?.(text)
      }
      for await (const event of eventsOf(body)) {
        if (event?.error)
          throw new PlatformError(
            'unavailable',
            `The model elsewhere broke off: ${String(event.error.message ?? '').slice(0, 300)}`,
            {},
          )
        const { prompt_tokens: prompt, completion_tokens: generated } = event?.usage ?? {}
        if (Number.isInteger(prompt) && Number.isInteger(generated)) tokens = { prompt, generated }
        const choice = event?.choices?.[0]
        if (!choice) continue
        const said: unknown = isChat ? choice.delta?.content : choice.text
        const known = isChat ? likelihoodsOf(choice.logprobs?.content) : null
        if (typeof said === 'string' && said !== '') {
          first ??= (performance.now() - began) / 1000
          pieces++
          text += said
          if (known) logprobs.push(...known)
          options.onText?.(said, known ?? undefined)
        }
        for (const piece of Array.isArray(choice.delta?.tool_calls) ? choice.delta.tool_calls : []) takeCall(piece)
        if (typeof choice.finish_reason === 'string') finishReason = finishOf(choice.finish_reason)
      }
    } catch (error) {
      if (signal.aborted) return answered('cancelled')
      throw error
    }
    if (finishReason === null) throw odd('its answer ends before its end')
    return answered(finishReason)

    function takeCall(piece: any): void {
      const index = piece?.index
      if (!Number.isInteger(index) || index < 0 || index >= mostCalls) throw odd('a call has no number')
      first ??= (performance.now() - began) / 1000
      const { name, arguments: given } = piece.function ?? {}
      const isNew = calls[index] === undefined
      if (isNew && (index !== calls.length || typeof name !== 'string')) throw odd('a call has no name')
      if (isNew)
        calls[index] = { id: String(piece.id ?? `call_${index}`).slice(0, 200), name: String(name).slice(0, 200), arguments: '' }
      const call = calls[index]!
      if (typeof given === 'string') call.arguments += given
      options.onCall?.({
        index,
        ...(isNew && { id: call.id, name: call.name }),
        ...(typeof given === 'string' && { arguments: given }),
      })
    }
  }

  return {
    contextLength,
    canChat: true,
    memoryBytes: 0,
    threads: 0,
    generate,
    async close() {
      closing.abort()
    },
  }
}

const finishOf = (reason: string): FinishReason =>
  reason === 'tool_calls' || reason === 'function_call' ? 'calls' : reason === 'length' ? 'length' : 'stop'

function likelihoodsOf(content: unknown): Likelihood[] | null {
  if (!Array.isArray(content)) return null
  const one = (token: any) => ({
    text: String(token?.token ?? ''),
    bytes: Array.isArray(token?.bytes) ? token.bytes.map(Number) : null,
    logprob: Number(token?.logprob ?? 0),
  })
  return content.map((token) => ({ ...one(token), top: (token?.top_logprobs ?? []).map(one) }))
}
