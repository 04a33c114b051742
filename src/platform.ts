import { join } from 'node:path'
import type { Logger } from 'pino'
import packageInfo from '../package.json' with { type: 'json' }
import { authMigrations } from './domains/auth/migrations.ts'
import { authRoutes } from './domains/auth/routes.ts'
import { authService } from './domains/auth/service.ts'
import { statusRoutes } from './domains/auth/status-routes.ts'
import { costService } from './domains/cost/service.ts'
import { jobsMigrations } from './domains/jobs/migrations.ts'
import { jobsRoutes } from './domains/jobs/routes.ts'
import { jobsService } from './domains/jobs/service.ts'
import type { Config } from './kernel/config.ts'
import { createEvents } from './kernel/events.ts'
import type { RouteRecord } from './kernel/route.ts'
import { toIso } from './kernel/time.ts'
import type { BlobStore } from './ports/blobs/blob-store.ts'
import { openFilesystemBlobs } from './ports/blobs/filesystem.ts'
import { pythonRuntimes } from './ports/engines/python.ts'
import { openLocalExecutor } from './ports/executors/local.ts'
import { localFiles } from './ports/files/local.ts'
import type { Metadata } from './ports/metadata/metadata.ts'
import { openPostgres } from './ports/metadata/postgres.ts'
import { openSqlite } from './ports/metadata/sqlite.ts'

export type Platform = Awaited<ReturnType<typeof openPlatform>>

export const version: string = packageInfo.version

/** The engines and the locks of their environments. */
const pythonSources = join(import.meta.dirname, '..', 'python')

/** The map of the system: opens the ports, then builds each domain, lowest first. */
export async function openPlatform(config: Config, { logger }: { logger: Logger }) {
  const startedAt = toIso(Date.now())
  const files = localFiles()
  await files.makeFolder(config.dataDir)
  const metadata = openMetadata(config, logger)
  const executor = await openLocalExecutor({ python: config.python })
  const blobs = await openBlobs(config, { readOnlyInputs: executor.sandbox === 'full' })
  const runtimes = pythonRuntimes({ dir: config.runtimesDir, python: config.python, sources: pythonSources })
  const events = createEvents((error) => logger.error({ err: error }, 'a listener failed'))

  // Domains, lowest first. Each sees only those above this line.
  const auth = authService({ metadata, events })
  const jobs = jobsService({
    metadata,
    events,
    auth,
    executor,
    runtimes,
    files,
    folder: join(config.dataDir, 'jobs'),
    onError: (error, doing) => logger.error({ err: error }, doing),
  })
  const cost = costService({ jobs })

  await metadata.migrate([...authMigrations, ...jobsMigrations])

  const status = () => ({
    version,
    database: metadata.kind,
    roles: config.roles,
    sandbox: { level: executor.sandbox, reason: executor.sandboxReason },
    startedAt,
  })
  const routes: RouteRecord[] = [...statusRoutes({ metadata, status }), ...authRoutes(auth), ...jobsRoutes(jobs)]

  return {
    config,
    logger,
    metadata,
    blobs,
    files,
    executor,
    runtimes,
    events,
    domains: { auth, jobs, cost },
    routes,
    /** Begins to do what was queued: for processes with the role `worker`. */
    async startWorkers(): Promise<void> {
      await jobs.startWorker({ slots: config.jobSlots }).ready
    },
    /** Running jobs write a checkpoint and go back into the queue. */
    async close(): Promise<void> {
      await jobs.stopWorker()
      await executor.close()
      await metadata.close()
    },
  }
}

/** The metadata database: PostgreSQL where one is named, else a file in the data folder. */
export function openMetadata(config: Pick<Config, 'databaseUrl' | 'dataDir'>, logger: Logger): Metadata {
  if (!config.databaseUrl) return openSqlite({ file: join(config.dataDir, 'atoll.db') })
  return openPostgres({
    url: config.databaseUrl,
    onConnectionError: (error) => logger.warn({ err: error }, 'a database connection was lost'),
  })
}

export const openBlobs = (
  config: Pick<Config, 'dataDir'>,
  { readOnlyInputs = false }: { readOnlyInputs?: boolean } = {},
): Promise<BlobStore> => openFilesystemBlobs({ root: join(config.dataDir, 'blobs'), hardLinks: readOnlyInputs })
