import * as z from 'zod'
import { permissions } from '../../kernel/permissions.ts'
import type { RouteRecord } from '../../kernel/route.ts'
import { statusOf } from './error-statuses.ts'

/** The OpenAPI 3.1 description of the routes, made from the same records that serve them. */
export function openApiDocument(routes: readonly RouteRecord[], version: string): Record<string, unknown> {
  const paths: Record<string, Record<string, unknown>> = {}
  for (const record of routes) {
    const path = record.path.replace(/:(\w+)/g, '{$1}').replace(/\*$/, '{path}')
    paths[path] ??= {}
    paths[path][record.method.toLowerCase()] = operation(record)
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Atoll', version, description: 'Self-hosted platform for the whole life of a machine-learning model.' },
    paths,
    components: {
      securitySchemes: { token: { type: 'http', scheme: 'bearer', description: 'A personal token: atoll_pat_…' } },
      responses: {
        Refused: errorResponse('Refused, and nothing was changed', (status) => status < 500),
        Failed: errorResponse('Not done, through no fault of the call', (status) => status >= 500),
      },
      schemas: {
        Error: {
          type: 'object',
          required: ['error'],
          properties: {
            error: {
              type: 'object',
              required: ['code', 'message', 'facts'],
              properties: {
                code: { type: 'string', enum: Object.keys(statusOf) },
                message: { type: 'string' },
                facts: { type: 'object', description: 'What it was about: field, row, column, limit …' },
              },
            },
          },
        },
      },
    },
    security: [{ token: [] }],
  }
}

/** One kind of error reply, with the codes that it may hold. */
const errorResponse = (what: string, has: (status: number) => boolean) => ({
  description: `${what}: ${Object.entries(statusOf)
    .filter(([, status]) => has(status))
    .map(([code, status]) => `${status} ${code}`)
    .join(', ')}.`,
  content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
})

/** A unique, readable name: `GET /v1/jobs/:job/events` is `getJobsEventsByJob`. */
export function operationId({ method, path }: Pick<RouteRecord, 'method' | 'path'>): string {
  const words = (text: string) => text.split(/[^A-Za-z0-9]+/).filter(Boolean)
  const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1)
  const parts = path.replace(/^\/v1\//, '').split('/')
  const fixed = parts.filter((part) => !/^[:*]/.test(part)).flatMap(words)
  const by = parts.filter((part) => /^[:*]/.test(part)).flatMap((part) => words(part === '*' ? 'path' : part))
  return method.toLowerCase() + fixed.map(capital).join('') + by.map((part) => `By${capital(part)}`).join('')
}

function operation(record: RouteRecord): Record<string, unknown> {
  const needs = permissions[record.permission]
  return {
    operationId: operationId(record),
    summary: record.summary,
    tags: [record.tag],
    'x-permission': record.permission,
    description: `Permission \`${record.permission}\`: ${needs === 'anyone' ? 'no sign-in needed' : needs === 'user' ? 'anybody signed in' : needs === 'platform' ? 'platform administrators' : `the role ${needs} (or more) in the project`}.`,
    ...(needs === 'anyone' && { security: [] }),
    parameters: [...pathParameters(record), ...queryParameters(record), ...(record.idempotent ? [idempotencyHeader] : [])],
    ...(record.body !== undefined && { requestBody: { required: true, content: bodyContent(record) } }),
    responses: {
      [String(record.status ?? (record.returns === 'nothing' ? 204 : 200))]: {
        description: 'Done.',
        ...replyContent(record),
      },
      '4XX': { $ref: '#/components/responses/Refused' },
      '5XX': { $ref: '#/components/responses/Failed' },
    },
  }
}

const idempotencyHeader = {
  name: 'Idempotency-Key',
  in: 'header',
  required: false,
  description: 'Same key and same request: the same answer, and the work is done once.',
  schema: { type: 'string', maxLength: 255 },
}

function pathParameters({ path, params }: RouteRecord): unknown[] {
  const known = params ? propertiesOf(params) : {}
  const names = [...path.matchAll(/:(\w+)/g)].map((match) => match[1] as string)
  if (path.endsWith('*')) names.push('path')
  return names.map((name) => ({
    name,
    in: 'path',
    required: true,
    schema: known[name] ?? { type: 'string', description: 'id or name' },
  }))
}

function queryParameters({ query }: RouteRecord): unknown[] {
  if (!query) return []
  const schema = jsonSchema(query, 'input') as { required?: string[] }
  return Object.entries(propertiesOf(query)).map(([name, property]) => ({
    name,
    in: 'query',
    required: schema.required?.includes(name) ?? false,
    schema: property,
  }))
}

const propertiesOf = (schema: z.ZodType): Record<string, unknown> =>
  (jsonSchema(schema, 'input') as { properties?: Record<string, unknown> }).properties ?? {}

const asBytes = { schema: { type: 'string', format: 'binary' } }

const bodyContent = ({ body, takesFiles }: RouteRecord) =>
  body === 'bytes'
    ? { 'application/octet-stream': asBytes }
    : {
        'application/json': { schema: jsonSchema(body!, 'input') },
        ...(takesFiles && {
          'application/octet-stream': asBytes,
          'image/*': asBytes,
          'audio/*': asBytes,
          'multipart/form-data': { schema: { type: 'object', additionalProperties: true } },
        }),
      }

const asEvents = { 'text/event-stream': { schema: { type: 'string' } } }

function replyContent({ returns, streams }: Pick<RouteRecord, 'returns' | 'streams'>): Record<string, unknown> {
  if (returns === 'nothing') return {}
  if (returns === 'stream') return { content: { '*/*': { schema: { type: 'string', format: 'binary' } } } }
  if (returns === 'events') return { content: asEvents }
  return { content: { 'application/json': { schema: jsonSchema(returns, 'output') }, ...(streams && asEvents) } }
}

/** JSON Schema of one direction: what a caller may send, or what comes back. */
export function jsonSchema(schema: z.ZodType, io: 'input' | 'output'): unknown {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: 'any' }) as Record<string, unknown>
  return rest
}
