import type { Kysely } from 'kysely'
import type { Db } from '../../ports/metadata/metadata.ts'
import type { ResourceRow } from '../auth/access.ts'

/** JSON columns hold the wire shapes of schema.ts. */
export interface DatasetRow extends ResourceRow {
  target: string | null
  /** { column: { description, unit } } */
  dictionary: string
}

export interface VersionRow {
  id: string
  dataset_id: string
  number: number
  state: 'importing' | 'ready' | 'failed'
  job_id: string | null
  rows: number | null
  columns: string
  files: string
  original: string | null
  derived_from: string | null
  warnings: string
  note: string
  /** { column: { missing, distinct } }: for refusing a target at once, and for estimates. `distinct` is approximate. */
  statistics: string
  created_by: string
  created_at: number
}

export interface UploadRow {
  id: string
  owner_id: string
  filename: string
  size_bytes: number
  expected_sha256: string | null
  sha256: string | null
  state: 'open' | 'complete'
  created_at: number
  expires_at: number
}

export interface ProfileRow {
  version_id: string
  /** '' for the profile without a target. */
  target: string
  profile: string
  created_at: number
}

export interface SplitRow {
  id: string
  project_id: string
  dataset_id: string
  version_id: string
  kind: 'random' | 'stratified' | 'grouped' | 'time' | 'given'
  target: string | null
  group_column: string | null
  time_column: string | null
  part_column: string | null
  seed: number
  folds: number
  test_share: number
  validation_share: number
  state: 'making' | 'ready' | 'failed'
  job_id: string | null
  /** train and validation: { part, rows, sha256, sizeBytes } */
  parts: string
  leaks: string
  /** The same request asks for the same split. */
  request_key: string
  created_by: string
  created_at: number
}

/** The test rows of a split: in a table of their own, so that reading a split never reads where they are. */
export interface SealedPartRow {
  split_id: string
  sha256: string
  size_bytes: number
  rows: number
}

export interface SealedOpeningRow {
  id: string
  split_id: string
  version_id: string
  reason: string
  job_id: string | null
  opened_by: string
  opened_at: number
}

export interface DatasetTables {
  datasets: DatasetRow
  dataset_versions: VersionRow
  uploads: UploadRow
  dataset_profiles: ProfileRow
  splits: SplitRow
  sealed_parts: SealedPartRow
  sealed_openings: SealedOpeningRow
  pseudonym_keys: { project_id: string; key: string; created_at: number }
}

/** Types the tables of this domain. */
export const datasetTables = (db: Db): Kysely<DatasetTables> => db
