import type { CreateOptions, Http, ProjectOptions } from '../http.ts'
import { segment, withOptions } from '../http.ts'
import type { Invocation, InvocationQueue, InvocationQueueInput, ListQuery, Page, PredictOutput } from '../types.ts'

export interface InvokeOptions extends ProjectOptions, CreateOptions {
  expiresInSeconds?: number
  /** Called when it is over. */
  webhook?: string
  /** The media type of a file; that of the blob unless told. */
  type?: string
}

/** Requests to endpoints that are answered later. */
export const invocations = (http: Http) => {
  const at = (invocation: string) => `/v1/invocations/${segment(invocation)}`
  const queueAt = (endpoint: string) => `/v1/endpoints/${segment(endpoint)}/queue`
  const get = (invocation: string, options: { signal?: AbortSignal } = {}) =>
    http.json<Invocation>('GET', at(invocation), options)
  return {
    /**
     * Rows (as for `endpoints.predict`) or a file; the answer is fetched later.
     *
     *     const { id } = await atoll.invocations.create('churn', { rows })
     *     const { result } = await atoll.invocations.wait(id)
     */
    create: (endpoint: string, body: { rows: Record<string, unknown>[] } | Blob, options: InvokeOptions = {}) => {
      const { expiresInSeconds, webhook, type, ...others } = options
      const { query, ...rest } = withOptions(others)
      const isFile = body instanceof Blob
      return http.json<Invocation>('POST', `/v1/endpoints/${segment(endpoint)}/invocations`, {
        ...rest,
        query: { ...query, expiresInSeconds, webhook },
        bytes: isFile ? body : JSON.stringify(body),
        headers: { 'content-type': isFile ? type || body.type || 'application/octet-stream' : 'application/json' },
      })
    },
    list: (endpoint: string, query: ListQuery & { state?: Invocation['state'] } = {}) =>
      http.json<Page<Invocation>>('GET', `/v1/endpoints/${segment(endpoint)}/invocations`, { query }),
    get,
    /** What `/predict` would have answered; also where it is too large to be told with the invocation. */
    result: (invocation: string, options: { signal?: AbortSignal } = {}) =>
      http.json<PredictOutput>('GET', `${at(invocation)}/result`, options),
    cancel: (invocation: string) => http.json<Invocation>('POST', `${at(invocation)}/cancel`),
    /** Asks until it is over. */
    wait: async (invocation: string, { signal, everyMs = 500 }: { signal?: AbortSignal; everyMs?: number } = {}) => {
      for (;;) {
        const one = await get(invocation, { signal })
        if (one.state !== 'queued' && one.state !== 'running') return one
        await new Promise((resolve) => setTimeout(resolve, everyMs))
      }
    },
    queue: (endpoint: string, options: ProjectOptions = {}) =>
      http.json<InvocationQueue>('GET', queueAt(endpoint), withOptions(options)),
    setQueue: (endpoint: string, input: InvocationQueueInput, options: ProjectOptions = {}) =>
      http.json<InvocationQueue>('PUT', queueAt(endpoint), withOptions(options, { body: input })),
    /** A new secret that webhooks are signed with; told this once. */
    newSecret: (endpoint: string, options: ProjectOptions = {}) =>
      http.json<{ secret: string }>('POST', `${queueAt(endpoint)}/secret`, withOptions(options)),
  }
}
