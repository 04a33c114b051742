/** The platform with one language model behind an endpoint. Prints its address and a token. */
import { openAsBlob } from 'node:fs'
import { pino } from 'pino'
import { createAtoll } from '../../sdk/src/index.ts'
import { readConfig } from '../../src/kernel/config.ts'
import { openPlatform } from '../../src/platform.ts'
import { startServer } from '../../src/start-server.ts'

const [dataDir, file] = process.argv.slice(2) as [string, string]
const config = readConfig(process.env, { dataDir, port: 0 })
const platform = await openPlatform(config, { logger: pino({ level: 'error' }, pino.destination(2)) })
const server = await startServer(platform)
await platform.startWorkers()
const token = await platform.domains.auth.firstStart.starterToken()
const atoll = createAtoll({ url: server.url, token })
const upload = await atoll.uploads.send(await openAsBlob(file), { filename: 'model.gguf' })
const { job } = await atoll.weights.create({ name: 'bench', source: { upload: upload.id } })
await atoll.jobs.wait(job)
await atoll.weights.register('bench')
await atoll.endpoints.create({ name: 'bench', model: 'bench' })
console.log(`ready ${JSON.stringify({ url: server.url, token })}`)
for (const signal of ['SIGTERM', 'SIGINT'] as const)
  process.on(signal, async () => {
    await server.close()
    await platform.close()
    process.exit(0)
  })
