/** The client and the routes have the same calls. */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { pino } from 'pino'
import type * as z from 'zod'
import { createAtoll } from '../../sdk/src/index.ts'
import { readConfig } from '../../src/kernel/config.ts'
import type { RouteRecord } from '../../src/kernel/route.ts'
import { openPlatform } from '../../src/platform.ts'

interface Request {
  call: string
  method: string
  path: string
  query: URLSearchParams
  headers: Record<string, string>
}

/** Routes that the client leaves out, each with its reason. */
const left: Record<string, string> = {
  'GET /metrics': 'for Prometheus, in its own text format',
}

test('every route has a call in the client, and every call of the client a route', async (t) => {
  const routes = await routesOfPlatform(t)
  const covered = new Set<string>()
  const unknown: string[] = []
  for (const request of await requestsOfClient(() => ['word', 'word', 'word', 'word'])) {
    const route = routeOf(routes, request)
    if (route) covered.add(nameOf(route))
    else unknown.push(`${request.call}: ${request.method} ${request.path}`)
  }
  assert.deepEqual(unknown, [], 'calls without a route')
  assert.ok(covered.size > 90, `${covered.size} routes are called`)
  const missing = routes.map(nameOf).filter((name) => !covered.has(name))
  assert.deepEqual(missing, Object.keys(left), 'routes without a call')
})

test('calls that create take an idempotency key, and calls by name the project', async (t) => {
  const routes = await routesOfPlatform(t)
  const keyed = new Set<string>()
  const projected = new Set<string>()
  // The options are somewhere behind the words of a call.
  for (const position of [0, 1, 2, 3, 4])
    for (const request of await requestsOfClient(() => [
      ...Array(position).fill('word'),
      { idempotencyKey: 'the-key', project: 'the-project' },
    ])) {
      const route = routeOf(routes, request)
      if (!route) continue
      if (request.headers['idempotency-key'] === 'the-key') keyed.add(nameOf(route))
      if (request.query.get('project') === 'the-project') projected.add(nameOf(route))
    }
  assert.deepEqual(
    routes
      .filter(({ idempotent }) => idempotent)
      .map(nameOf)
      .filter((name) => !keyed.has(name)),
    [],
    'routes whose call takes no idempotency key',
  )
  assert.ok(keyed.size > 10)
  assert.deepEqual(
    routes
      .filter(takesProject)
      .map(nameOf)
      .filter((name) => !projected.has(name)),
    [],
    'routes whose call takes no project',
  )
  assert.ok(projected.size > 40)
})

async function routesOfPlatform(t: TestContext): Promise<readonly RouteRecord[]> {
  const dataDir = await mkdtemp(join(tmpdir(), 'atoll-sdk-'))
  const platform = await openPlatform(readConfig({}, { dataDir }), { logger: pino({ level: 'silent' }) })
  t.after(async () => {
    await platform.close()
    await rm(dataDir, { recursive: true, force: true })
  })
  // Routes of other protocols have clients of their own.
  return platform.routes.filter(({ protocol }) => !protocol)
}

/** Calls each method of the client once and notes the requests that it makes. */
async function requestsOfClient(words: () => unknown[]): Promise<Request[]> {
  const requests: Request[] = []
  let call = ''
  const atoll = createAtoll({
    url: 'http://atoll.test',
    async fetch(address, init) {
      const url = new URL(String(address))
      const headers = (init?.headers ?? {}) as Record<string, string>
      requests.push({ call, method: init?.method ?? 'GET', path: url.pathname, query: url.searchParams, headers })
      if (headers.accept === 'text/event-stream') return new Response('event: end\ndata: {}\n\n')
      return Response.json({ id: 'word', items: [], state: call === 'uploads.send' ? 'complete' : 'succeeded' })
    },
  })
  for (const [noun, methods] of Object.entries(atoll)) {
    if (noun === 'http') continue
    for (const [verb, method] of Object.entries(methods as Record<string, (...args: unknown[]) => unknown>)) {
      call = `${noun}.${verb}`
      if (call === 'uploads.send') await method(new Blob(['x']))
      else if (call === 'jobs.follow') for await (const _ of atoll.jobs.follow('word'));
      else
        try {
          await method(...words())
        } catch (error) {
          // Options in the place of a word that is cut in parts.
          if (!(error instanceof TypeError) || words().every((word) => typeof word === 'string')) throw error
        }
    }
  }
  return requests
}

const nameOf = ({ method, path }: RouteRecord): string => `${method} ${path}`

const takesProject = ({ query }: RouteRecord): boolean =>
  Object.hasOwn((query as { shape?: Record<string, z.ZodType> } | undefined)?.shape ?? {}, 'project')

/** A route with the path word for word goes before one where the word is a parameter. */
const routeOf = (routes: readonly RouteRecord[], { method, path }: Request): RouteRecord | undefined =>
  routes.filter((route) => route.method === method && matches(route.path, path)).sort((a, b) => blanks(a) - blanks(b))[0]

const blanks = ({ path }: RouteRecord): number => path.split('/').filter((part) => /^[:*]/.test(part)).length

function matches(pattern: string, path: string): boolean {
  const [want, have] = [pattern.split('/'), path.split('/')]
  return (
    want.every((part, i) => part === '*' || part.startsWith(':') || part === have[i]) &&
    (want.length === have.length || want.at(-1) === '*')
  )
}
