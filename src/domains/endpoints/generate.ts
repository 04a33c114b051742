import { isPlatformError, preconditionFailed } from '../../kernel/errors.ts'
import type { Principal } from '../../kernel/principal.ts'
import type { ServerEvent } from '../../kernel/route.ts'
import type { LiveEndpoint } from './live.ts'
import { notReady, shadow } from './predict.ts'
import type { GenerateInput } from './schema.ts'
import { keep, write } from './write-rows.ts'

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

/** One answer of a language model as it is written: events `text`, then `done` (or `error`, where it breaks off). */
export function generator({ mayAsk }: GenerateNeeds) {
  return {
    async generate(by: Principal, ref: string, request: GenerateRequest): Promise<AsyncIterable<ServerEvent>> {
      const { input, signal, requestId } = request
      const endpoint = await mayAsk(by, ref, request.project)
      const { serving, variant } = endpoint.traffic
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
      const { prompt, messages } = input
      endpoint.gate.enter(by, at)
      serving.inFlight.enter()
      const writing = write(endpoint, serving, input, {
        signal: AbortSignal.any([signal, stop.signal]),
        onText: (text) => events.push({ event: 'text', data: { text } }),
      }).then((answer) => {
        const prediction = { id: requestId, ...answer }
        const predictions = JSON.stringify([prediction])
        keep(endpoint, serving, { at, rows: [{ prompt, messages }], predictions })
        shadow(endpoint, { at, rows: [{ prompt, messages }], predictions, ms: performance.now() - began })
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

/** Events in their order, for one reader; `left` is called when the reader goes before the end. */
function eventQueue(left: () => void) {
  const queued: ServerEvent[] = []
  let isEnded = false
  let wake = () => {}
  let sawFirst = () => {}
  const first = new Promise<void>((resolve) => {
    sawFirst = resolve
  })
  return {
    first,
    push(event: ServerEvent): void {
      // A reader that is slow gets the text in larger pieces.
      const before = queued.at(-1)
      if (event.event === 'text' && before?.event === 'text')
        queued[queued.length - 1] = { event: 'text', data: { text: textOf(before) + textOf(event) } }
      else queued.push(event)
      sawFirst()
      wake()
    },
    end(): void {
      isEnded = true
      wake()
    },
    async *[Symbol.asyncIterator](): AsyncGenerator<ServerEvent> {
      try {
        for (;;) {
          const next = queued.shift()
          if (next) yield next
          else if (isEnded) return
          else
            await new Promise<void>((resolve) => {
              wake = resolve
            })
        }
      } finally {
        left()
      }
    },
  }
}

const textOf = ({ data }: ServerEvent): string => (data as { text: string }).text
