import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { EndpointInput } from '../../src/domains/endpoints/schema.ts'
import { servingMigrations, servingWorld } from '../../src/domains/endpoints/testing.ts'
import { openSqlite } from '../../src/ports/metadata/sqlite.ts'
import { serveProduct } from '../lib/product-server.ts'

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
await serveProduct(world)
