import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { EndpointInput } from '../../src/domains/endpoints/schema.ts'
import { servingMigrations, servingWorld } from '../../src/domains/endpoints/testing.ts'
import { TrafficInput } from '../../src/domains/endpoints/traffic/schema.ts'
import { openSqlite } from '../../src/ports/metadata/sqlite.ts'
import { serveProduct } from '../lib/product-server.ts'

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
await serveProduct(world)
