import { join } from 'node:path'
import type { Runtimes } from '../../ports/engines/runtimes.ts'
import type { Executor } from '../../ports/executors/executor.ts'
import type { Files } from '../../ports/files/files.ts'
import type { Metadata } from '../../ports/metadata/metadata.ts'
import { authMigrations } from '../auth/migrations.ts'
import { type AuthWorld, authWorld } from '../auth/testing.ts'
import { jobsMigrations } from './migrations.ts'
import { type JobsService, jobsService } from './service.ts'

/** For tests of this domain and of those above: what it stands on, in order. */
export const jobsTestMigrations = [...authMigrations, ...jobsMigrations]

/** A jobs service on a migrated database, with people and a project. The caller starts and closes workers. */
export async function jobsWorld(
  metadata: Metadata,
  ports: { executor: Executor; runtimes: Runtimes; files: Files; folder: string },
): Promise<AuthWorld & { jobs: JobsService; errors: unknown[] }> {
  const world = await authWorld(metadata)
  const errors: unknown[] = []
  const jobs = jobsService({
    metadata,
    events: world.events,
    auth: world.auth,
    ...ports,
    folder: join(ports.folder, 'jobs'),
    onError: (error) => errors.push(error),
  })
  return { ...world, jobs, errors }
}
