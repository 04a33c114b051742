import type { Kysely } from 'kysely'
import type { Db } from '../../ports/metadata/metadata.ts'
import type { ResourceRow } from '../auth/access.ts'
import type { runStates } from './schema.ts'

export type RunState = (typeof runStates)[number]

export interface RunColumns {
  experiment_id: string
  state: RunState
  message: string | null
  job_id: string | null
  inputs: string
  artifacts: string
  code: string
  environment: string
  /** How many metric points it has: the next one's number. */
  points: number
  started_at: number
  ended_at: number | null
}
export type RunRow = ResourceRow & RunColumns

/** A value that is not a finite number has no `value`; `special` says which. */
export interface MetricValue {
  value: number | null
  special: 'NaN' | 'Infinity' | '-Infinity' | null
}

export interface ExperimentTables {
  experiments: ResourceRow
  runs: RunRow
  run_parameters: { run_id: string; name: string; value: string; text_value: string | null; number_value: number | null }
  run_metrics: MetricValue & { run_id: string; name: string; step: number; at: number }
  run_rules: { run_id: string; training: string; document: string; at: number }
  run_metric_points: MetricValue & { run_id: string; name: string; seq: number; step: number; at: number }
}

export const experimentTables = (db: Db): Kysely<ExperimentTables> => db
