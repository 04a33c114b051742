import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { pino } from 'pino'
import { contractRoutes } from '../../src/domains/endpoints/contract/routes.ts'
import { endpointsRoutes } from '../../src/domains/endpoints/routes.ts'
import { EndpointInput } from '../../src/domains/endpoints/schema.ts'
import { servingMigrations, servingWorld } from '../../src/domains/endpoints/testing.ts'
import type { Signature } from '../../src/domains/registry/schema.ts'
import { inferenceProtocolRoutes } from '../../src/facades/inference-protocol/routes.ts'
import { restServer } from '../../src/facades/rest/server.ts'
import { openSqlite } from '../../src/ports/metadata/sqlite.ts'

const media = fileURLToPath(new URL('../../src/ports/inference/fixtures/media/', import.meta.url))
export const sampleImage = Buffer.from(
  (JSON.parse(readFileSync(join(media, 'images.json'), 'utf8')) as Record<string, { file: string }>)['rgb.png']!.file,
  'base64',
)

const bare = { positive: null, threshold: null, tolerance: 1e-4, target: 'what' }
const example = null
const photos: Signature = {
  ...bare,
  task: 'multilabel',
  classes: ['red', 'green', 'blue'],
  thresholds: [0.2, 0.2, 0.9],
  inputs: [{ name: 'photo', type: 'image', tensor: 'image', index: 0, nullable: false, size: [8, 8], channels: 3, example }],
}
const clips: Signature = {
  ...bare,
  task: 'anomaly',
  classes: null,
  threshold: 1,
  inputs: [{ name: 'clip', type: 'audio', tensor: 'audio', index: 0, nullable: false, sampleRate: 8000, samples: null, example }],
  outputs: [
    { name: 'score', width: 1 },
    { name: 'vector', width: 2 },
  ],
}

export type TensorWorld = Awaited<ReturnType<typeof tensorWorld>>

/** For tests: a server with endpoints of columns (`churn`), images (`photos`) and sounds (`clips`), for clients of the inference protocol. */
export async function tensorWorld() {
  const metadata = openSqlite({ file: ':memory:' })
  await metadata.migrate(servingMigrations)
  const w = await servingWorld(metadata, {
    // Training rows are another domain's: here the row itself is the nearest.
    nearest: async (_by, _version, { row, limit }) => ({
      rows: Array.from({ length: limit }, (_, number) => ({ number, actual: 'no', distance: number / limit, row })),
    }),
  })
  const app = await restServer({
    config: { host: '127.0.0.1', port: 0, allowedHosts: [], publicUrl: null, trustedProxies: [] },
    auth: w.auth,
    events: w.events,
    logger: pino({ level: 'silent' }),
    version: '0.0.0',
    routes: [...endpointsRoutes(w.endpoints), ...contractRoutes(w.endpoints), ...inferenceProtocolRoutes(w.endpoints, '1.2.3')],
  })
  const origin = await app.listen({ host: '127.0.0.1', port: 0 })
  const tokenOf = async (person: typeof w.by) =>
    (await w.auth.tokens.create(person, { name: 'test', scopes: null, expiresInDays: 1 })).secret
  const graph = (name: string) => readFileSync(join(media, name))
  const background = [
    { a: 0, b: 0, state: 'AK' },
    { a: 1, b: -1, state: 'OH' },
  ]
  await w.register('churn', { background })
  await w.register('photos', {
    graph: graph('image.onnx'),
    signature: photos,
    beside: [{ path: 'preprocess.onnx', root: media, at: 'preprocess.onnx' }],
  })
  await w.register('clips', { graph: graph('audio.onnx'), signature: clips })
  for (const name of ['churn', 'photos', 'clips']) await w.endpoints.create(w.by, EndpointInput.parse({ model: name, name }))
  return {
    ...w,
    origin,
    token: await tokenOf(w.by),
    tokenOf,
    async close() {
      await app.close()
      await w.endpoints.close()
      await w.done()
      await metadata.close()
    },
  }
}
