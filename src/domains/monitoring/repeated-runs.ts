import { sql } from 'kysely'
import type { Metadata } from '../../ports/metadata/metadata.ts'
import type { DriftReport, RepeatedRuns } from './schema.ts'
import { type MonitorRow, monitoringTables } from './store.ts'

export type Control = NonNullable<DriftReport['control']>

/** The sum of all k^-1.6: shares of the rate that add up to the whole. */
const sumOfShares = 2.285766

/**
 * The share of the rate that the n-th run since the last alarm may spend: falling as n^-1.6, which Ramdas et al. (2018) found to keep more power late
 * than steeper ones, and 1 over all runs however many follow.
 */
export const shareOfRun = (run: number): number => run ** -1.6 / sumOfShares

/**
 * The level that a run is judged at. LORD (Javanmard and Montanari 2018, Annals of Statistics 46) in its first form, where only the latest alarm earns:
 * from one alarm to the next the levels add up to the rate, so that the chance of a false alarm in that time is at most the rate, however many the runs
 * and however much their windows overlap (a union bound needs no independence); and of all alarms at most that share is expected to be false, one more
 * counted (mFDR of Foster and Stine 2008).
 */
export const levelOf = (method: RepeatedRuns, rate: number, run: number): number =>
  method === 'none' ? rate : rate * shareOfRun(run)

/** Takes the next place among the runs of a monitor: no two runs share one. Another version is another stream, which begins anew. */
export async function nextLevel({ db }: Pick<Metadata, 'db'>, monitor: MonitorRow, versionId: string): Promise<Control> {
  const { runs } = await monitoringTables(db)
    .updateTable('monitors')
    .set({
      runs_since_alarm: sql<number>`case when runs_version = ${versionId} then runs_since_alarm + 1 else 1 end`,
      runs_version: versionId,
    })
    .where('id', '=', monitor.id)
    .returning('runs_since_alarm as runs')
    .executeTakeFirstOrThrow()
  const { repeated_runs: method, false_alarm_rate: rate } = monitor
  return { method, rate, run: runs, level: levelOf(method, rate, runs) }
}

/** How a report says it. */
export function controlSentence({ method, rate, run, level }: Control): string {
  const p = String(Number(level.toPrecision(2)))
  if (method === 'none') return `An alarm needs p < ${p} in each run by itself, so repeated runs raise false alarms by and by.`
  return `An alarm needs p < ${p} here, run ${run} since the last alarm, so that all runs together keep to a false-alarm rate of ${rate} (LORD).`
}
