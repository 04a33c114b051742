import type { Kysely } from 'kysely'
import type { Db } from '../../ports/metadata/metadata.ts'
import type { ResourceRow } from '../auth/access.ts'
import type { jobStates } from './schema.ts'

export type JobState = (typeof jobStates)[number]
export type FinalState = 'succeeded' | 'failed' | 'cancelled'

/** batch: what takes the machine. interactive: what somebody waits for on a page; it has slots of its own. */
export type Lane = 'batch' | 'interactive'

export interface JobRow extends ResourceRow {
  kind: string
  lane: Lane
  state: JobState
  spec: string
  cancel_requested: 0 | 1
  /** The fencing token: every write of a worker carries it, and a late one changes nothing. */
  attempt: number
  max_attempts: number
  /** Attempts that ended without a word. Stopping for a restart of the server is no crash. */
  crashes: number
  worker: string | null
  lease_until: number | null
  event_seq: number
  progress: string | null
  estimate: string | null
  cost: string | null
  /** How large the job is, in its kind's own unit: estimates of later jobs learn from it. */
  size: number | null
  result: string | null
  failure: string | null
  sandbox: string | null
  queued_at: number
  started_at: number | null
  finished_at: number | null
}

export interface JobEventRow {
  job_id: string
  seq: number
  attempt: number
  at: number
  type: string
  data: string
}

export interface JobTables {
  jobs: JobRow
  job_events: JobEventRow
}

/** Types the tables of this domain. */
export const jobTables = (db: Db): Kysely<JobTables> => db
