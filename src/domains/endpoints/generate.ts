import { isPlatformError, preconditionFailed } from '../../kernel/errors.ts'
import type { Principal } from '../../kernel/principal.ts'
import type { ServerEvent } from '../../kernel/route.ts'
import type { LiveEndpoint } from './live.ts'
import { notReady, shadow } from './predict.ts'
import { modelHeader } from './scaling/hosted-models.ts'
import { keep, withoutLikelihoods, write } from './write-rows.ts'
import { eventQueue } from './writing-events.ts'
import type { GenerateInput } from './writing-schema.ts'

export interface GenerateNeeds {
  /** The endpoint, for whoever may ask it. */
  mayAsk(by: Principal, ref: string, project: string | undefined): LiveEndpoint | Promise<LiveEndpoint>
}

export interface GenerateRequest {
  input: GenerateInput
  project?: string
  requestId: string
  /** A header of the request, by its name in small letters. */
  header?(name: string): string | undefined
  /** The caller went away. */
  signal: AbortSignal
}

/** What is wrong with a request is mostly known by then, and can still be said by a status. */
const refusalMs = 2000

/** One answer of a language model as it is written: events `text` (and `call`), then `done` (or `error`, where it breaks off). */
export function generator({ mayAsk }: GenerateNeeds) {
  return {
    async generate(by: Principal, ref: string, request: GenerateRequest): Promise<AsyncIterable<ServerEvent>> {
      const { input, signal, requestId } = request
      const endpoint = await mayAsk(by, ref, request.project)
      const model = endpoint.hosted === null ? undefined : request.header?.(modelHeader)
      const { serving, variant } =
        model !== undefined
          ? { serving: await endpoint.hosted!.serving(model), variant: null }
          : endpoint.traffic
            ? endpoint.traffic.choose(by, { ...request, text: '', body: () => ({ row: input }) })
            : { serving: endpoint.serving, variant: null }
      if (!serving) throw notReady(endpoint)
      if (serving.answers !== 'text')
        throw preconditionFailed(
          `The endpoint "${endpoint.name}" serves no language model, so it writes nothing. Send rows to its /predict instead.`,
          { endpoint: endpoint.id, task: serving.signature.task },
        )
      const at = Date.now()
      const began = performance.now()
      const stop = new AbortController()
      const events = eventQueue(() => stop.abort())
      const { prompt, messages, echo, ...settings } = input
      endpoint.gate.enter(by, at)
      serving.inFlight.enter()
      const writing = write(endpoint, serving, input, {
        signal: AbortSignal.any([signal, stop.signal]),
        onText: (text, logprobs) => events.push({ event: 'text', data: { text, ...(logprobs && { logprobs }) } }),
        onCall: (piece) => events.push({ event: 'call', data: piece }),
      }).then(({ prompt: sent, ...answer }) => {
        const prediction = { id: requestId, ...answer }
        // Kept is the text of a prompt, once: what is hidden there must not stand in what was answered.
        const row = { messages, prompt: typeof prompt === 'string' ? prompt : sent }
        const text = echo ? answer.text.slice(row.prompt?.length) : answer.text
        const predictions = JSON.stringify([withoutLikelihoods({ ...prediction, text })])
        keep(endpoint, serving, { at, rows: [row], predictions })
        shadow(endpoint, {
          at,
          rowCount: 1,
          rows: () => [{ ...settings, ...row }],
          predictions,
          ms: performance.now() - began,
        })
        events.push({ event: 'done', data: prediction })
      })
      const recorded = (error: unknown) => {
        const ms = performance.now() - began
        serving.inFlight.leave()
        endpoint.gate.leave(by, at, 1)
        endpoint.metrics.record(at, ms, 1, error !== null)
        endpoint.traffic?.settled(variant, { now: at, ms, rows: 1, error })
      }
      writing.then(() => recorded(null), recorded)
      let isOpen = false
      const refused = writing.catch((error) => {
        if (!isOpen) throw error
        events.push({ event: 'error', data: asData(error) })
      })
      await Promise.race([refused, events.first, after(refusalMs)])
      isOpen = true
      refused.then(events.end, events.end)
      return events
    },
  }
}

const asData = (error: unknown) =>
  isPlatformError(error)
    ? { code: error.code, message: error.message, facts: error.facts }
    : { code: 'internal', message: 'The answer broke off; the log of the server says why.', facts: {} }

const after = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms).unref())
