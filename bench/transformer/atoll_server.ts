import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pino } from 'pino'
import { endpointsRoutes } from '../../src/domains/endpoints/routes.ts'
import { EndpointInput } from '../../src/domains/endpoints/schema.ts'
import { servingMigrations, servingWorld } from '../../src/domains/endpoints/testing.ts'
import { restServer } from '../../src/facades/rest/server.ts'
import { readConfig } from '../../src/kernel/config.ts'
import { openSqlite } from '../../src/ports/metadata/sqlite.ts'

// The product's own parts with an endpoint for each package of the folder: authentication, access, validation, capture and metrics are all on.
const [models, folder] = process.argv.slice(2) as [string, string]
const metadata = openSqlite({ file: join(folder, 'atoll.db') })
await metadata.migrate(servingMigrations)
const world = await servingWorld(metadata)
for (const name of ['fp32', 'int8']) {
  const root = join(models, name)
  await world.register(name, {
    graph: readFileSync(join(root, 'model.onnx')),
    signature: JSON.parse(readFileSync(join(root, 'signature.json'), 'utf8')),
    beside: [{ path: 'tokenizer.json', root, at: 'tokenizer.json' }],
  })
  await world.endpoints.create(world.by, EndpointInput.parse({ model: name, name }))
}
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
