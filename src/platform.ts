import { join } from 'node:path'
import type { Logger } from 'pino'
import packageInfo from '../package.json' with { type: 'json' }
import { authMigrations } from './domains/auth/migrations.ts'
import { authRoutes } from './domains/auth/routes.ts'
import { authService } from './domains/auth/service.ts'
import { statusRoutes } from './domains/auth/status-routes.ts'
import type { Config } from './kernel/config.ts'
import { createEvents } from './kernel/events.ts'
import type { RouteRecord } from './kernel/route.ts'
import { toIso } from './kernel/time.ts'
import { openFilesystemBlobs } from './ports/blobs/filesystem.ts'
import { openLocalExecutor } from './ports/executors/local.ts'
import { localFiles } from './ports/files/local.ts'
import { openPostgres } from './ports/metadata/postgres.ts'
import { openSqlite } from './ports/metadata/sqlite.ts'

export type Platform = Awaited<ReturnType<typeof openPlatform>>

export const version: string = packageInfo.version

/** The map of the system: opens the ports, then builds each domain, lowest first. */
export async function openPlatform(config: Config, { logger }: { logger: Logger }) {
  const startedAt = toIso(Date.now())
  const files = localFiles()
  await files.makeFolder(config.dataDir)
  const metadata = config.databaseUrl
    ? openPostgres({
        url: config.databaseUrl,
        onConnectionError: (error) => logger.warn({ err: error }, 'a database connection was lost'),
      })
    : openSqlite({ file: join(config.dataDir, 'atoll.db') })
  const blobs = await openFilesystemBlobs({ root: join(config.dataDir, 'blobs') })
  const executor = await openLocalExecutor({ python: config.python })
  const events = createEvents((error) => logger.error({ err: error }, 'a listener failed'))

  // Domains, lowest first. Each sees only those above this line.
  const auth = authService({ metadata, events })

  await metadata.migrate([...authMigrations])

  const status = () => ({
    version,
    database: metadata.kind,
    roles: config.roles,
    sandbox: { level: executor.sandbox, reason: executor.sandboxReason },
    startedAt,
  })
  const routes: RouteRecord[] = [...statusRoutes({ metadata, status }), ...authRoutes(auth)]

  return {
    config,
    logger,
    metadata,
    blobs,
    files,
    executor,
    events,
    domains: { auth },
    routes,
    /** Begins to do what was queued: for processes with the role `worker`. */
    async startWorkers(): Promise<void> {},
    async close(): Promise<void> {
      await executor.close()
      await metadata.close()
    },
  }
}
