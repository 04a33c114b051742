import { Command } from 'commander'
import { type Logger, pino } from 'pino'
import { type Config, readConfig } from './kernel/config.ts'
import { isPlatformError } from './kernel/errors.ts'
import { seconds } from './kernel/time.ts'
import { openPlatform, version } from './platform.ts'
import { startServer } from './start-server.ts'

interface UpOptions {
  port?: string
  host?: string
  data?: string
  json?: boolean
}

const program = new Command('atoll')
  .description('Self-hosted platform for the whole life of a machine-learning model')
  .version(version)

program
  .command('up')
  .description('start the server')
  .option('--port <number>', 'where to listen (7070)')
  .option('--host <address>', 'on which address (127.0.0.1)')
  .option('--data <folder>', 'where to keep everything (./atoll-data)')
  .option('--json', 'print one line {"url", "token"} when it is ready')
  .action((options: UpOptions) => run(() => up(options)))

program.exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
await program.parseAsync()

async function up(options: UpOptions): Promise<void> {
  const config = readConfig(process.env, {
    ...(options.port !== undefined && { port: Number(options.port) }),
    ...(options.host !== undefined && { host: options.host }),
    ...(options.data !== undefined && { dataDir: options.data }),
  })
  // Standard output is for what was asked; the log goes beside it.
  const logger = pino({ level: config.logLevel, base: undefined }, pino.destination(2))
  const platform = await openPlatform(config, { logger })
  const server = config.roles.includes('web') ? await startServer(platform).catch((error) => closeThen(platform, error)) : null
  if (config.roles.includes('worker')) await platform.startWorkers()
  stopOnSignal(logger, async () => {
    await server?.close()
    await platform.close()
  })
  if (options.json && server)
    console.log(JSON.stringify({ url: server.url, token: await platform.domains.auth.firstStart.starterToken() }))
  else if (server) console.log(greeting(config, server))
}

function greeting(config: Config, { url, signInUrl }: { url: string; signInUrl: string | null }): string {
  const lines = [`Atoll ${version} is running at ${url}   (data in ${config.dataDir})`]
  if (signInUrl)
    lines.push('', 'Sign in with this link, once, within 15 minutes:', `  ${signInUrl}`, '', 'A restart prints a new one.')
  return lines.join('\n')
}

async function closeThen(platform: { close(): Promise<void> }, error: unknown): Promise<never> {
  await platform.close()
  throw error
}

/** The first signal stops in order; a second, or ten seconds, stops at once. */
function stopOnSignal(logger: Logger, close: () => Promise<void>): void {
  let stopping = false
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.on(signal, () => {
      if (stopping) process.exit(1)
      stopping = true
      setTimeout(() => process.exit(1), seconds(10)).unref()
      close().then(
        () => process.exit(0),
        (error) => {
          logger.error({ err: error }, 'stopping failed')
          process.exit(1)
        },
      )
    })
}

async function run(work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    console.error(isPlatformError(error) ? error.message : error)
    process.exit(1)
  }
}
