import { authMigrations } from '../domains/auth/migrations.ts'
import { compressionMigrations } from '../domains/compression/migrations.ts'
import { datasetsMigrations } from '../domains/datasets/migrations.ts'
import { capturedFilesMigrations } from '../domains/endpoints/captured-files/migrations.ts'
import { endpointsMigrations } from '../domains/endpoints/migrations.ts'
import { truthMigrations } from '../domains/endpoints/truth/migrations.ts'
import { experimentsMigrations } from '../domains/experiments/migrations.ts'
import { fairnessMigrations } from '../domains/fairness/migrations.ts'
import { goalsMigrations } from '../domains/goals/migrations.ts'
import { jobsMigrations } from '../domains/jobs/migrations.ts'
import { loopsMigrations } from '../domains/loops/migrations.ts'
import { monitoringMigrations } from '../domains/monitoring/migrations.ts'
import { recipesMigrations } from '../domains/recipes/migrations.ts'
import { registryMigrations } from '../domains/registry/migrations.ts'
import { invocationsMigrations } from '../domains/transforms/invocations/store.ts'
import { transformsMigrations } from '../domains/transforms/migrations.ts'
import { tuningMigrations } from '../domains/tuning/migrations.ts'
import { weightsMigrations } from '../domains/weights/migrations.ts'
import type { Migration } from '../ports/metadata/metadata.ts'

/** The tables of all domains, in the order in which they are made: what refers to another comes after it. */
export const allMigrations: Migration[] = [
  ...authMigrations,
  ...jobsMigrations,
  ...datasetsMigrations,
  ...goalsMigrations,
  ...recipesMigrations,
  ...weightsMigrations,
  ...experimentsMigrations,
  ...tuningMigrations,
  ...registryMigrations,
  ...fairnessMigrations,
  ...compressionMigrations,
  ...endpointsMigrations,
  ...truthMigrations,
  ...capturedFilesMigrations,
  ...transformsMigrations,
  ...invocationsMigrations,
  ...monitoringMigrations,
  ...loopsMigrations,
]
