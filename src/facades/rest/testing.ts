import { pino } from 'pino'
import { authMigrations } from '../../domains/auth/migrations.ts'
import { authRoutes } from '../../domains/auth/routes.ts'
import { type AuthWorld, authWorld } from '../../domains/auth/testing.ts'
import type { Metadata } from '../../ports/metadata/metadata.ts'
import { onEachDatabase } from '../../ports/metadata/testing.ts'
import { type RestNeeds, restServer } from './server.ts'

type App = Awaited<ReturnType<typeof restServer>>

export interface RestWorld extends AuthWorld {
  metadata: Metadata
  app: App
  /** A token of the administrator. */
  token: string
  /** A call in process, as the administrator unless a token (or null) is given. */
  call(
    method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    url: string,
    options?: { body?: unknown; token?: string | null; headers?: Record<string, string> },
  ): ReturnType<App['inject']> extends infer R ? Promise<Awaited<R>> : never
}

/** Runs a test against the façade with this domain's routes and those given, on each database. */
export function onEachServer(name: string, work: (world: RestWorld) => Promise<void>, given: Partial<RestNeeds> = {}): void {
  onEachDatabase(name, authMigrations, async (metadata) => {
    const world = await authWorld(metadata)
    const { auth, admin, events } = world
    const app = await restServer({
      config: { host: '127.0.0.1', port: 7070, allowedHosts: [], publicUrl: null, trustedProxies: [] },
      auth,
      events,
      logger: pino({ level: 'silent' }),
      version: '0.0.0',
      ...given,
      routes: [...authRoutes(auth), ...(given.routes ?? [])],
    })
    const { secret: token } = await auth.tokens.create(admin, { name: 'test', scopes: null, expiresInDays: 1 })
    const call = (async (method, url, { body, token: own = token, headers = {} } = {}) =>
      app.inject({
        method,
        url,
        headers: {
          host: 'localhost:7070',
          ...(own && { authorization: `Bearer ${own}` }),
          ...(body !== undefined && { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body !== undefined && { payload: typeof body === 'string' ? body : JSON.stringify(body) }),
      })) as RestWorld['call']
    try {
      await work({ ...world, metadata, app, token, call })
    } finally {
      await app.close()
    }
  })
}
