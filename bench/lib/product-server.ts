import { pino } from 'pino'
import { endpointsRoutes } from '../../src/domains/endpoints/routes.ts'
import type { servingWorld } from '../../src/domains/endpoints/testing.ts'
import { restServer } from '../../src/facades/rest/server.ts'
import { readConfig } from '../../src/kernel/config.ts'

/** Serves the endpoints of a world over HTTP, with authentication, access, rate limits, validation, capture and metrics, and prints the port and a token. */
export async function serveProduct(world: Awaited<ReturnType<typeof servingWorld>>): Promise<void> {
  const { secret } = await world.auth.tokens.create(world.by, { name: 'bench', scopes: ['endpoints:predict'], expiresInDays: 1 })
  const app = await restServer({
    config: { ...readConfig({}), port: 0 },
    routes: endpointsRoutes(world.endpoints),
    auth: world.auth,
    events: world.events,
    logger: pino({ level: 'error' }, pino.destination(2)),
    version: 'bench',
  })
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  console.log(`ready ${new URL(url).port} ${secret}`)
  process.on('SIGTERM', async () => {
    await app.close()
    await world.endpoints.close()
    await world.done()
    process.exit(0)
  })
}
