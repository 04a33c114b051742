import type { Metadata } from '../../ports/metadata/metadata.ts'
import type { DatasetVersion } from '../datasets/schema.ts'
import { countTruth } from '../endpoints/truth/store.ts'
import type { DriftReport } from '../monitoring/schema.ts'
import { monitoringTables } from '../monitoring/store.ts'
import { peopleVersions } from './gather/people-versions.ts'
import type { Trigger } from './runs/run-store.ts'
import type { LoopPolicy } from './schema.ts'
import type { LoopRow } from './tables.ts'

/** What of the world earlier runs have taken notice of. */
export interface Seen {
  /** Truths that were known. */
  truths: number
  /** Reports of monitors up to then. */
  reportsMs: number
  /** The number of the newest version that people made. */
  version: number
}

const driftKinds: ReadonlySet<string> = new Set([
  'data_drift',
  'multivariate_drift',
  'prediction_drift',
  'explanation_drift',
  'embedding_drift',
])
const decayKinds: ReadonlySet<string> = new Set(['performance', 'performance_estimate'])

export interface TriggerNeeds {
  metadata: Metadata
  /** All versions of the data set of the loop's goal. */
  versionsOf(loop: LoopRow): Promise<DatasetVersion[]>
}

/** What there is to see now. */
export async function seenNow({ metadata, versionsOf }: TriggerNeeds, loop: LoopRow, now: number): Promise<Seen> {
  return {
    truths: await countTruth(metadata.db, loop.endpoint_id),
    reportsMs: now,
    version: peopleVersions(await versionsOf(loop)).newest?.number ?? 0,
  }
}

/** Whether something happened that a loop waits for; the first reason found, or null. A few small queries. */
export async function triggered(needs: TriggerNeeds, loop: LoopRow, policy: LoopPolicy, now: number): Promise<Trigger | null> {
  const { triggers } = policy
  const seen: Seen = { truths: 0, reportsMs: 0, version: 0, ...(JSON.parse(loop.seen) as Partial<Seen>) }
  if (loop.next_run_at !== null && loop.next_run_at <= now)
    return { kind: 'schedule', sentence: `The schedule "${triggers.schedule}" came round.`, facts: { due: loop.next_run_at } }
  if (triggers.drift || triggers.decay) {
    const alarm = await latestAlarm(needs.metadata, loop, policy, seen.reportsMs)
    if (alarm) return alarm
  }
  if (triggers.newRows !== null) {
    const fresh = (await countTruth(needs.metadata.db, loop.endpoint_id)) - seen.truths
    if (fresh >= triggers.newRows)
      return { kind: 'new_rows', sentence: `${fresh} predictions got their truth since the last run.`, facts: { rows: fresh } }
  }
  if (triggers.reviewedLabels) {
    const newest = peopleVersions(await needs.versionsOf(loop)).newest
    if (newest && newest.number > seen.version)
      return {
        kind: 'reviewed_labels',
        sentence: `Version ${newest.number} of the data was made by people since.`,
        facts: { version: newest.id, number: newest.number },
      }
  }
  return null
}

async function latestAlarm({ db }: Metadata, loop: LoopRow, { triggers }: LoopPolicy, sinceMs: number): Promise<Trigger | null> {
  const reports = await monitoringTables(db)
    .selectFrom('monitor_reports')
    .innerJoin('monitors', 'monitors.id', 'monitor_reports.monitor_id')
    .select(['monitor_reports.report', 'monitors.name'])
    .where('monitors.endpoint_id', '=', loop.endpoint_id)
    .where('monitors.deleted_at', 'is', null)
    .where('monitor_reports.at', '>', sinceMs)
    .where('monitor_reports.state', '=', 'alert')
    .orderBy('monitor_reports.at', 'desc')
    .limit(5)
    .execute()
  for (const { report, name } of reports) {
    const { id, monitor, checks = [], columns, sentence } = JSON.parse(report) as DriftReport
    const alarming = checks.filter(({ state }) => state === 'alert').map(({ kind }) => kind as string)
    // Reports from before there were checks are of drift alone.
    const kinds = checks.length > 0 ? alarming : columns.some(({ state }) => state === 'alert') ? ['data_drift'] : []
    const facts = { monitor, report: id, kinds }
    if (triggers.decay && kinds.some((kind) => decayKinds.has(kind)))
      return { kind: 'decay', sentence: `The monitor "${name}" says that the model got worse: ${sentence}`, facts }
    if (triggers.drift && kinds.some((kind) => driftKinds.has(kind)))
      return { kind: 'drift', sentence: `The monitor "${name}" says that the world moved: ${sentence}`, facts }
  }
  return null
}
