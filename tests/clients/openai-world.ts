import { pino } from 'pino'
import { endpointsRoutes } from '../../src/domains/endpoints/routes.ts'
import { EndpointInput } from '../../src/domains/endpoints/schema.ts'
import { servingMigrations, servingWorld } from '../../src/domains/endpoints/testing.ts'
import { ggufSignature } from '../../src/domains/registry/gguf-signature.ts'
import type { Signature } from '../../src/domains/registry/schema.ts'
import { openAiRoutes } from '../../src/facades/openai/routes.ts'
import type { Limits } from '../../src/facades/rest/limits.ts'
import { restServer } from '../../src/facades/rest/server.ts'
import { openLocalExecutor } from '../../src/ports/executors/local.ts'
import { readGguf } from '../../src/ports/language/gguf-header.ts'
import { openLanguage } from '../../src/ports/language/open.ts'
import { alphabetModel } from '../../src/ports/language/testing.ts'
import { openSqlite } from '../../src/ports/metadata/sqlite.ts'

const bare = { target: null, classes: null, positive: null, threshold: null, tolerance: 1e-3 }

const writer: Signature = {
  ...bare,
  task: 'generation',
  inputs: [{ name: 'prompt', type: 'text', tensor: 'tokens', index: 0, nullable: false, maxLength: 256, pad: 256, example: 'a' }],
  outputs: [{ name: 'text', width: 1 }],
  generation: { contextLength: 8192, maxNewTokens: 400, chat: true, stop: [] },
}

const words: Signature = {
  ...bare,
  task: 'embedding',
  inputs: [{ name: 'word', type: 'text', tensor: 'strings', index: 0, nullable: true, example: 'sun' }],
  outputs: [{ name: 'vector', width: 4 }],
}

export type OpenAiWorld = Awaited<ReturnType<typeof openAiWorld>>

/**
 * For tests: a server with language models and one of word vectors, for clients of the OpenAI API. `letters` goes on in the alphabet,
 * `unsure` by chance, `sentences` makes vectors of sentences, `words` knows the vectors of "sun" and "rain"; without `languages` only that one is there.
 */
export async function openAiWorld({
  limits,
  languages = true,
  allowedHosts = [],
}: {
  limits?: Partial<Limits>
  languages?: boolean
  allowedHosts?: string[]
} = {}) {
  const metadata = openSqlite({ file: ':memory:' })
  await metadata.migrate(servingMigrations)
  const executor = await openLocalExecutor({ python: 'python3' })
  const language = openLanguage({ executor })
  const w = await servingWorld(metadata, { language })
  const { endpoints, by } = w
  const app = await restServer({
    config: { host: '127.0.0.1', port: 0, allowedHosts, publicUrl: null, trustedProxies: [] },
    auth: w.auth,
    events: w.events,
    logger: pino({ level: 'silent' }),
    version: '0.0.0',
    routes: [...endpointsRoutes(endpoints), ...openAiRoutes(endpoints)],
    limits,
  })
  const origin = await app.listen({ host: '127.0.0.1', port: 0 })
  const tokenOf = async (person: typeof by) =>
    (await w.auth.tokens.create(person, { name: 'test', scopes: null, expiresInDays: 1 })).secret
  const deploy = (name: string) => endpoints.create(by, EndpointInput.parse({ model: name, name }))
  if (languages) {
    await w.register('letters', { graph: alphabetModel({ contextLength: 8192 }), kind: 'gguf', signature: writer })
    const reader = alphabetModel({ pooling: 1 })
    await w.register('sentences', { graph: reader, kind: 'gguf', signature: ggufSignature(await headOf(reader), false) })
    await w.register('unsure', { graph: alphabetModel({ contextLength: 2048, sure: 0.01 }), kind: 'gguf', signature: writer })
  }
  await w.register('words', { graph: 'words', signature: words })
  await w.register('numbers')
  for (const name of [...(languages ? ['letters', 'unsure', 'sentences'] : []), 'words', 'numbers']) await deploy(name)
  return {
    ...w,
    origin,
    baseURL: `${origin}/openai/v1`,
    token: await tokenOf(by),
    tokenOf,
    deploy,
    writer,
    async close() {
      await app.close()
      await endpoints.close()
      await w.done()
      await language.close()
      await executor.close()
      await metadata.close()
    },
  }
}

const headOf = (file: Buffer) =>
  readGguf(async (start, end) => file.subarray(start, end), { path: 'model.gguf', sizeBytes: file.length })
