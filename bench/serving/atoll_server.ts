import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pino } from 'pino'
import { endpointsRoutes } from '../../src/domains/endpoints/routes.ts'
import { EndpointInput } from '../../src/domains/endpoints/schema.ts'
import { servingMigrations, servingWorld } from '../../src/domains/endpoints/testing.ts'
import { TrafficInput } from '../../src/domains/endpoints/traffic/schema.ts'
import { restServer } from '../../src/facades/rest/server.ts'
import { readConfig } from '../../src/kernel/config.ts'
import { openSqlite } from '../../src/ports/metadata/sqlite.ts'

// The product's own parts with one endpoint: authentication, access, rate limits, validation, capture and metrics are all on.
const model = process.argv[2]!
const metadata = openSqlite({ file: join(process.argv[3]!, 'atoll.db') })
await metadata.migrate(servingMigrations)
const world = await servingWorld(metadata)
await world.register('bench', {
  graph: readFileSync(join(model, 'model.onnx')),
  signature: JSON.parse(readFileSync(join(model, 'signature.json'), 'utf8')),
})
await world.endpoints.create(world.by, EndpointInput.parse({ model: 'bench', name: 'bench' }))
// The same beside a shadow of itself.
await world.endpoints.create(world.by, EndpointInput.parse({ model: 'bench', name: 'shadowed' }))
await world.endpoints.setTraffic(
  world.by,
  'shadowed',
  TrafficInput.parse({ variants: [{ name: 'dark', model: 'bench', shadow: true }] }),
)
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
