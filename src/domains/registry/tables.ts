import type { Kysely } from 'kysely'
import type { Db } from '../../ports/metadata/metadata.ts'
import type { ResourceRow } from '../auth/access.ts'
import type { Task } from '../goals/schema.ts'
import type { versionStates } from './schema.ts'

export type VersionState = (typeof versionStates)[number]

export interface ModelRow extends ResourceRow {
  task: Task
  /** '' where the task has none. */
  target: string
  /** The number of the newest version. */
  versions: number
}

export interface VersionRow {
  id: string
  model_id: string
  number: number
  state: VersionState
  task: Task
  algorithm: string
  target: string
  goal_id: string | null
  dataset_id: string
  dataset_version_id: string
  split_id: string
  run_id: string
  job_id: string
  manifest: string
  signature: string
  validation: string
  test: string
  parity: string | null
  /** Blob of what the version said about each sealed row; not part of the package. */
  predictions: string | null
  /** What was asked of training, pinned: data set version, split, recipe, seed. */
  training_spec: string
  sealed_opened_at: number | null
  override: string | null
  /** What it was made from and how (JSON), where it was not trained from data alone. */
  derived: string | null
  created_by: string
  created_at: number
}

export const registryTables = (db: Db): Kysely<{ models: ModelRow; model_versions: VersionRow }> => db
