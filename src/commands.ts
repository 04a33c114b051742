import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Command } from 'commander'
import { type Logger, pino } from 'pino'
import { type Config, readConfig } from './kernel/config.ts'
import { isPlatformError } from './kernel/errors.ts'
import { seconds } from './kernel/time.ts'
import { openPlatform, type Platform, version } from './platform.ts'
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
  // Before the commands, which inherit it.
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))

program
  .command('up')
  .description('start the server')
  .option('--port <number>', 'where to listen (7070)')
  .option('--host <address>', 'on which address (127.0.0.1)')
  .option('--data <folder>', 'where to keep everything (./atoll-data)')
  .option('--json', 'print one line {"url", "token"} when it is ready')
  .action((options: UpOptions) => run(() => up(options)))

program
  .command('doctor')
  .description('what this machine offers and lacks')
  .option('--data <folder>', 'the data folder (./atoll-data)')
  .option('--json', 'print one JSON value')
  .action((options: UpOptions) =>
    run(async () => {
      const { examine } = await import('./maintenance/doctor.ts')
      const findings = await withPlatform(options, examine)
      print(
        options,
        findings,
        findings
          .map(({ what, state, detail }) => `${{ good: '✔', warning: '!', bad: '✖' }[state]} ${what.padEnd(16)} ${detail}`)
          .join('\n'),
      )
      if (findings.some(({ state }) => state === 'bad')) process.exitCode = 1
    }),
  )

program
  .command('backup <file>')
  .description('write the database and every blob into one tar archive')
  .option('--data <folder>', 'the data folder (./atoll-data)')
  .option('--json', 'print one JSON value')
  .action((file: string, options: UpOptions) =>
    run(async () => {
      const { backup } = await import('./maintenance/backup.ts')
      const made = await withPlatform(options, (platform) => backup({ ...platform, version }, file))
      print(
        options,
        made,
        `${made.file}: ${(made.sizeBytes / 1e6).toFixed(1)} MB, ${made.blobs} blobs, ${made.seconds.toFixed(1)} s`,
      )
    }),
  )

program
  .command('restore <file>')
  .description('lay a backup into an empty data folder')
  .option('--data <folder>', 'the data folder (./atoll-data)')
  .option('--json', 'print one JSON value')
  .action((file: string, options: UpOptions) =>
    run(async () => {
      const { restore } = await import('./maintenance/restore.ts')
      const laid = await restore(file, configOf(options).dataDir, quietLogger())
      print(options, laid, `${laid.dataDir}: ${laid.blobs} blobs, all hashes right (made by version ${laid.version})`)
    }),
  )

program
  .command('secrets')
  .description('the encrypted secrets: keys of models elsewhere, of webhooks, and the password of the mail server')
  .command('rotate')
  .description('encrypt them all with a new key, and forget the old one')
  .option('--data <folder>', 'the data folder (./atoll-data)')
  .option('--json', 'print one JSON value')
  .action((options: UpOptions) =>
    run(async () => {
      const { sealed, key, keysFrom } = await withPlatform(options, async ({ secrets }) => ({
        ...(await secrets.rotate()),
        keysFrom: (await secrets.state()).keysFrom,
      }))
      print(
        options,
        { sealed, key, keysFrom },
        `${sealed} secrets are encrypted with the key ${key} (the first of ${keysFrom}). Nothing needs the older keys any more, except backups made before.`,
      )
    }),
  )

await program.parseAsync()

function configOf(options: UpOptions): Config {
  return readConfig(process.env, {
    ...(options.port !== undefined && { port: Number(options.port) }),
    ...(options.host !== undefined && { host: options.host }),
    ...(options.data !== undefined && { dataDir: options.data }),
  })
}

function quietLogger(): Logger {
  return pino({ level: 'warn', base: undefined }, pino.destination(2))
}

/** For commands that need the data folder and no server. */
async function withPlatform<T>(options: UpOptions, work: (platform: Platform) => Promise<T>): Promise<T> {
  const platform = await openPlatform(configOf(options), {
    logger: pino({ level: 'warn', base: undefined }, pino.destination(2)),
  })
  return work(platform).finally(() => platform.close())
}

function print(options: UpOptions, value: unknown, text: string): void {
  console.log(options.json ? JSON.stringify(value) : text)
}

async function up(options: UpOptions): Promise<void> {
  // Whatever the server writes is its owner's alone.
  process.umask(0o077)
  const config = configOf(options)
  // Standard output is for what was asked; the log goes beside it.
  const logger = pino({ level: config.logLevel, base: undefined }, pino.destination(2))
  const platform = await openPlatform(config, { logger })
  const server = config.roles.includes('web') ? await startServer(platform).catch((error) => closeThen(platform, error)) : null
  if (server) void platform.startServing()
  if (config.roles.includes('worker')) await platform.startWorkers()
  if (!server && config.roles.includes('worker')) void platform.startAnswering()
  const key = server && (await leaveKey(platform, server.url))
  stopOnSignal(logger, async () => {
    await server?.close()
    await key?.remove()
    await platform.close()
  })
  if (!server || !key) return
  console.log(options.json ? JSON.stringify({ url: server.url, token: key.token }) : greeting(config, server))
}

/** A short-lived token in a file that only the person who started the server can read: their own command line finds the server by it. */
async function leaveKey({ config, domains }: Platform, url: string) {
  const token = await domains.auth.firstStart.starterToken()
  const file = join(config.dataDir, 'local.json')
  await rm(file, { force: true })
  await writeFile(file, `${JSON.stringify({ url, token })}\n`, { mode: 0o600, flag: 'wx' })
  const remove = async () => {
    await rm(file, { force: true })
    await domains.auth.firstStart.endStarterToken(token)
  }
  return { token, remove }
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

/** The first signal stops in order, which lets running jobs write a checkpoint (they have 120 seconds); a second stops at once. */
function stopOnSignal(logger: Logger, close: () => Promise<void>): void {
  let stopping = false
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.on(signal, () => {
      if (stopping) process.exit(1)
      stopping = true
      setTimeout(() => process.exit(1), seconds(130)).unref()
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
    console.error(isPlatformError(error) ? error.message : isOfTheSystem(error) ? `The system refused: ${error.message}` : error)
    process.exit(1)
  }
}

/** A folder that cannot be made, a file that is not there: the message says what and where, a stack would only hide it. */
function isOfTheSystem(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error
}
