/** The platform, as it is, with one more kind of job: an engine that does nothing. Prints its address, a token and the job to repeat. */
import { pino } from 'pino'
import { readConfig } from '../../src/kernel/config.ts'
import { openPlatform } from '../../src/platform.ts'
import { startServer } from '../../src/start-server.ts'

const config = readConfig(process.env, { dataDir: process.argv[2]!, port: 0 })
const platform = await openPlatform(config, { logger: pino({ level: 'error' }, pino.destination(2)) })
const { auth, jobs } = platform.domains
jobs.queue.register({
  kind: 'bench',
  // There is no such engine, so it ends where the first line of an engine would be. The platform's part is the same.
  run: (context) =>
    context.runEngine({ name: 'none', engine: 'none', runtime: 'tabular', parameters: {}, seed: 1, prepare: async () => {} }),
})
const server = await startServer(platform)
const { userId } = await auth.firstStart.ensure('bench')
const by = await auth.users.principal(userId)
const project = await auth.access.projectFor(by)
const job = await platform.metadata.transaction((tx) =>
  jobs.queue.enqueue(tx, by, { kind: 'bench', name: 'bench', projectId: project.id, spec: {} }),
)
await jobs.cancel(by, job)
await platform.startWorkers()
console.log(`ready ${JSON.stringify({ url: server.url, token: await auth.firstStart.starterToken(), job })}`)
for (const signal of ['SIGTERM', 'SIGINT'] as const)
  process.on(signal, async () => {
    await server.close()
    await platform.close()
    process.exit(0)
  })
