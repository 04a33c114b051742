import type { Readable } from 'node:stream'
import type * as z from 'zod'
import type { Permission } from './permissions.ts'
import type { Principal } from './principal.ts'
import type { RawBody } from './raw-body.ts'
import type { RequestTrace } from './request-trace.ts'

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

/** Facts of the request that a few routes need beside their validated input. */
export interface RequestFacts {
  id: string
  /** The caller's address (a proxy's word only where one is declared). */
  address: string
  headers: Record<string, string | string[] | undefined>
  /** Aborted when the caller hangs up. */
  signal: AbortSignal
  /** Where somebody follows the request. */
  trace?: RequestTrace | undefined
}

/** A reply that is not JSON. */
export interface StreamReply {
  contentType: string
  body: Readable | AsyncIterable<Uint8Array | string> | Uint8Array | string
  filename?: string
  sizeBytes?: number
  headers?: Record<string, string>
  /** 200 unless told (206: a part of it). */
  status?: number
}

/** One server-sent event. `id` lets a reader resume with Last-Event-ID. */
export interface ServerEvent {
  id?: string
  event: string
  data: unknown
}

/** A refusal, before it is put in the words of a protocol. */
export interface Refused {
  status: number
  code: string
  message: string
  facts: Record<string, unknown>
}

/** Another language than the native API's, which the callers of a route speak. */
export interface Protocol {
  name: string
  /** How it says that something was refused. */
  refuse(said: Refused): { status?: number; headers?: Record<string, string>; body: unknown }
  /** Events are data alone, without names, and this is the last of them. */
  lastEvent?: string
}

export interface RouteInput<P, Q, B> {
  principal: Principal
  params: P
  query: Q
  body: B
  request: RequestFacts
  /** Session routes only. */
  setCookie: (name: string, value: string | null, maxAgeSeconds?: number) => void
}

/** A route as data: validation, authorisation, OpenAPI, SDK, CLI and UI all read it. `:name` in the path is a parameter. */
export interface RouteRecord {
  method: Method
  path: string
  permission: Permission
  summary: string
  tag: string
  params?: z.ZodType
  query?: z.ZodType
  /** A zod schema for JSON, or 'bytes' for a streamed body (handle gets a Readable). */
  body?: z.ZodType | 'bytes'
  /** A zod schema for JSON, 'stream' for a StreamReply, 'events' for server-sent events. */
  returns: z.ZodType | 'stream' | 'events' | 'nothing'
  status?: number
  /** The protocol that its callers speak; the native API's own words where there is none. */
  protocol?: Protocol
  /** It may answer server-sent events instead of `returns`, where the body asks for them. */
  streams?: boolean
  /** Creating calls accept Idempotency-Key: same key and same body, same answer. */
  idempotent?: boolean
  maxBodyBytes?: number
  handle: (input: RouteInput<any, any, any>) => unknown
  /**
   * Instead of `handle`, for a call that comes by the thousand a second: it checks the body itself and answers JSON text,
   * so `body` and `returns` only describe.
   */
  handleText?: (input: TextInput) => string | Promise<string>
  /** With `handleText`: bodies that are not JSON are taken too, as bytes. */
  takesFiles?: boolean
}

/** What `handleText` gets: the body's text as it came, and how to parse it (not yet checked; refuses what is no JSON). One object, whose methods are called on it. */
export interface TextInput {
  principal: Principal
  params: Record<string, string>
  query: any
  body(): unknown
  text: string
  /** The body as it came, where it is at hand. */
  raw?: RawBody | undefined
  /** A body that is not JSON, where the route takes such. */
  file?: FileBody
  requestId: string
  /** Where somebody follows the request. */
  trace?: RequestTrace
  /** A header of the request, by its name in small letters; of several of one name the first. */
  header(name: string): string | undefined
  /** Aborted when the caller hangs up; made where a handler asks for it. */
  hangUp(): AbortSignal
}

export interface FileBody {
  contentType: string
  content: Uint8Array
}

type Infer<S, Otherwise> = S extends z.ZodType ? z.output<S> : Otherwise
type BodyOf<S> = S extends 'bytes' ? Readable : Infer<S, undefined>
type Returned<S> = S extends 'stream'
  ? StreamReply
  : S extends 'events'
    ? AsyncIterable<ServerEvent>
    : S extends 'nothing'
      ? void
      : Infer<S, never>
type PathParams<Path extends string> = Path extends `${string}:${infer Param}/${infer Rest}`
  ? { [K in Param]: string } & PathParams<Rest>
  : Path extends `${string}:${infer Param}`
    ? { [K in Param]: string }
    : object

/** Types a route's handler from its schemas. */
export function route<
  const Path extends string,
  Q extends z.ZodType | undefined = undefined,
  B extends z.ZodType | 'bytes' | undefined = undefined,
  R extends z.ZodType | 'stream' | 'events' | 'nothing' = 'nothing',
>(
  record: Omit<RouteRecord, 'path' | 'query' | 'body' | 'returns' | 'handle' | 'handleText'> & {
    path: Path
    query?: Q
    body?: B
    returns: R
  } & (
      | { handle: (input: RouteInput<PathParams<Path>, Infer<Q, undefined>, BodyOf<B>>) => Returned<R> | Promise<Returned<R>> }
      | {
          streams: true
          handle: (
            input: RouteInput<PathParams<Path>, Infer<Q, undefined>, BodyOf<B>>,
          ) => Promise<Returned<R> | AsyncIterable<ServerEvent>>
        }
      | { handleText: (input: TextInput & { params: PathParams<Path>; query: Infer<Q, undefined> }) => string | Promise<string> }
    ),
): RouteRecord {
  return record as unknown as RouteRecord
}
