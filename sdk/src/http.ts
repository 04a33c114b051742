/** What the server said when it refused, with the facts it gave (field, row, column). */
export class AtollError extends Error {
  readonly code: string
  readonly status: number
  readonly facts: Record<string, unknown>

  constructor(status: number, code: string, message: string, facts: Record<string, unknown> = {}) {
    super(message)
    this.name = 'AtollError'
    this.status = status
    this.code = code
    this.facts = facts
  }
}

export interface ClientOptions {
  /** Address of the server; '' for the page's own origin. */
  url: string
  /** A personal token. In the browser the session cookie does instead. */
  token?: string
  /** Replaces the global fetch (tests, proxies). */
  fetch?: typeof fetch
}

/** What any call takes besides its own words. */
export interface CallOptions {
  signal?: AbortSignal
}

/** For calls that create: the same key and words give the same answer, so a retry makes one thing. */
export interface CreateOptions extends CallOptions {
  idempotencyKey?: string
}

/** For calls about a thing by name: the project in which the name is looked for. */
export interface ProjectOptions extends CallOptions {
  project?: string
}

export interface RequestOptions {
  query?: object
  body?: unknown
  /** Sent as is, with this content type. */
  bytes?: BodyInit
  /** Sent as a form of several parts. */
  form?: FormData
  headers?: Record<string, string>
  signal?: AbortSignal
  idempotencyKey?: string
}

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

export interface Http {
  /** JSON in, JSON out; throws AtollError on refusal. */
  json<T>(method: Method, path: string, options?: RequestOptions): Promise<T>
  raw(method: Method, path: string, options?: RequestOptions): Promise<Response>
  /** The address of a GET, for what fetches by itself (an image in a page). */
  url(path: string, query?: object): string
  /** Server-sent events that answer one call, from the moment they begin until they end: not asked for again. */
  answerEvents<T>(method: Method, path: string, options?: RequestOptions): Promise<AsyncGenerator<{ event: string; data: T }>>
  /** Server-sent events, each with its data parsed; reconnects by itself with Last-Event-ID until the stream says it has ended. */
  events<T>(path: string, options?: RequestOptions & { after?: number }): AsyncGenerator<{ id: string; event: string; data: T }>
}

export function createHttp(options: ClientOptions): Http {
  const send = options.fetch ?? fetch
  const base = options.url.replace(/\/+$/, '')

  async function raw(method: Method, path: string, request: RequestOptions = {}): Promise<Response> {
    const headers: Record<string, string> = { ...request.headers }
    if (options.token) headers.authorization = `Bearer ${options.token}`
    if (request.idempotencyKey) headers['idempotency-key'] = request.idempotencyKey
    // The content type of a form names what parts it, which only fetch knows.
    let body: BodyInit | undefined = request.bytes ?? request.form
    if (request.bytes !== undefined) headers['content-type'] ??= 'application/octet-stream'
    else if (request.body !== undefined) {
      headers['content-type'] = 'application/json'
      body = JSON.stringify(request.body)
    }
    const init: RequestInit & { duplex?: 'half' } = { method, headers, credentials: 'same-origin' }
    if (body !== undefined) init.body = body
    if (request.signal) init.signal = request.signal
    if (body instanceof ReadableStream) init.duplex = 'half'
    const response = await send(`${base}${path}${queryString(request.query)}`, init)
    if (!response.ok) throw await toError(response)
    return response
  }

  async function json<T>(method: Method, path: string, request?: RequestOptions): Promise<T> {
    const response = await raw(method, path, request)
    if (response.status === 204) return undefined as T
    return (await response.json()) as T
  }

  async function* events<T>(path: string, request: RequestOptions & { after?: number } = {}) {
    let last = request.after === undefined ? undefined : String(request.after)
    let waitMs = 250
    for (;;) {
      try {
        const headers: Record<string, string> = { accept: 'text/event-stream', ...request.headers }
        if (last !== undefined) headers['last-event-id'] = last
        const response = await raw('GET', path, { ...request, headers })
        for await (const message of parseEvents(response)) {
          waitMs = 250
          if (message.id) last = message.id
          if (message.event === 'end') return
          yield { id: message.id, event: message.event, data: JSON.parse(message.data) as T }
        }
      } catch (error) {
        if (request.signal?.aborted) return
        if (error instanceof AtollError && error.status < 500 && error.status !== 429) throw error
      }
      await new Promise((resolve) => setTimeout(resolve, waitMs))
      waitMs = Math.min(waitMs * 2, 5000)
      if (request.signal?.aborted) return
    }
  }

  async function answerEvents<T>(method: Method, path: string, request: RequestOptions = {}) {
    const response = await raw(method, path, { ...request, headers: { accept: 'text/event-stream', ...request.headers } })
    return (async function* () {
      for await (const { event, data } of parseEvents(response)) {
        if (event === 'end') return
        yield { event, data: JSON.parse(data) as T }
      }
    })()
  }

  const url = (path: string, query?: object) => `${base}${path}${queryString(query)}`

  return { json, raw, url, events, answerEvents }
}

/** A request from a call's options: the project goes into the query. */
export const withOptions = (
  { project, signal, idempotencyKey }: ProjectOptions & CreateOptions,
  request: RequestOptions = {},
): RequestOptions => ({ ...request, query: { ...request.query, project }, signal, idempotencyKey })

/** A path segment from an id or name. */
export const segment = (ref: string | number): string => encodeURIComponent(String(ref))

function queryString(query: object | undefined): string {
  const params = new URLSearchParams()
  for (const [key, value] of Object.entries(query ?? {})) {
    if (value === undefined || value === null) continue
    params.set(key, typeof value === 'object' ? JSON.stringify(value) : String(value))
  }
  const text = params.toString()
  return text && `?${text}`
}

async function toError(response: Response): Promise<AtollError> {
  const text = await response.text()
  try {
    const { error } = JSON.parse(text) as { error: { code: string; message: string; facts?: Record<string, unknown> } }
    return new AtollError(response.status, error.code, error.message, error.facts)
  } catch {
    return new AtollError(response.status, 'unknown', `The server answered ${response.status}: ${text.slice(0, 300)}`)
  }
}

async function* parseEvents(response: Response): AsyncGenerator<{ id: string; event: string; data: string }> {
  if (!response.body) return
  const decoder = new TextDecoder()
  let buffered = ''
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
    buffered += decoder.decode(chunk, { stream: true })
    for (let end = buffered.indexOf('\n\n'); end >= 0; end = buffered.indexOf('\n\n')) {
      const block = buffered.slice(0, end)
      buffered = buffered.slice(end + 2)
      const message = { id: '', event: 'message', data: '' }
      for (const line of block.split('\n')) {
        if (line.startsWith('id:')) message.id = line.slice(3).trim()
        else if (line.startsWith('event:')) message.event = line.slice(6).trim()
        else if (line.startsWith('data:')) message.data += (message.data && '\n') + line.slice(5).replace(/^ /, '')
      }
      if (message.data) yield message
    }
  }
}
