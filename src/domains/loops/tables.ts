import type { Kysely } from 'kysely'
import type { Db } from '../../ports/metadata/metadata.ts'
import type { ResourceRow } from '../auth/access.ts'
import type { Outcome, Step } from './schema.ts'

export interface LoopRow extends ResourceRow {
  endpoint_id: string
  goal_id: string
  enabled: number
  /** LoopPolicy as JSON. */
  policy: string
  /** By the schedule. */
  next_run_at: number | null
  /** When its triggers are looked at next. */
  next_look_at: number
  /** What of the world earlier runs have taken notice of: `Seen` as JSON. */
  seen: string
  runs: number
}

export interface RunRow {
  id: string
  loop_id: string
  number: number
  project_id: string
  endpoint_id: string
  goal_id: string
  trigger: string
  policy: string
  state: 'running' | 'waiting' | 'ended'
  step: Step
  outcome: Outcome | null
  sentence: string
  champion_version: string
  champion_name: string
  challenger_version: string | null
  challenger_name: string | null
  /** What a person said of it: { approved, by, note, at }. */
  decision: string | null
  /** A person wants it to end: { by, reason }. */
  cancel: string | null
  /** How it ends once the champion is back in its place: { outcome, sentence }. */
  pending: string | null
  failures: number
  wake_at: number
  lease_owner: string | null
  lease_until: number | null
  /** Counts up with each claim: what an earlier holder still writes is refused by it. */
  fence: number
  started_at: number
  ended_at: number | null
}

export interface StepRow {
  run_id: string
  step: Step
  seq: number
  state: 'running' | 'waiting' | 'done' | 'skipped' | 'failed'
  sentence: string
  started_at: number
  ended_at: number | null
  evidence: string
  /** What the step has begun and must not begin again. */
  work: string
}

/** What of an endpoint is read here. */
interface EndpointRow {
  id: string
  deleted_at: number | null
}

export interface LoopTables {
  loops: LoopRow
  loop_runs: RunRow
  loop_steps: StepRow
  endpoints: EndpointRow
  loop_rules: { project_id: string; approval: number }
}

/** Types the tables of this domain. */
export const loopTables = (db: Db): Kysely<LoopTables> => db
