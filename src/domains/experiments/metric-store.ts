import type * as z from 'zod'
import type { Db } from '../../ports/metadata/metadata.ts'
import type { MetricPoint } from './schema.ts'
import { experimentTables, type MetricValue } from './tables.ts'

export type Point = z.infer<typeof MetricPoint>

/** Appends points to a run and moves the latest values on, in one transaction of the caller. The latest is of the highest step, then the last written. */
export async function appendPoints(tx: Db, runId: string, points: readonly Point[]): Promise<void> {
  if (points.length === 0) return
  const db = experimentTables(tx)
  // Taking the numbers first also puts concurrent writers of one run in a row.
  const { points: after } = await db
    .updateTable('runs')
    .set((eb) => ({ points: eb('points', '+', points.length) }))
    .where('id', '=', runId)
    .returning('points')
    .executeTakeFirstOrThrow()
  const now = Date.now()
  const rows = points.map((point, i) => ({
    run_id: runId,
    name: point.name,
    seq: after - points.length + i,
    step: point.step,
    ...toStored(point.value),
    at: point.at === undefined ? now : Date.parse(point.at) || now,
  }))
  const latest = new Map<string, (typeof rows)[number]>()
  for (const row of rows) if (row.step >= (latest.get(row.name)?.step ?? Number.NEGATIVE_INFINITY)) latest.set(row.name, row)
  for (let i = 0; i < rows.length; i += 100)
    await db
      .insertInto('run_metric_points')
      .values(rows.slice(i, i + 100))
      .execute()
  await db
    .insertInto('run_metrics')
    .values([...latest.values()].map(({ seq: _, ...row }) => row))
    .onConflict((conflict) =>
      conflict
        .columns(['run_id', 'name'])
        .doUpdateSet((eb) => ({
          value: eb.ref('excluded.value'),
          special: eb.ref('excluded.special'),
          step: eb.ref('excluded.step'),
          at: eb.ref('excluded.at'),
        }))
        .whereRef('excluded.step', '>=', 'run_metrics.step'),
    )
    .execute()
}

/** Latest values of several runs, by run and name. */
export async function latestMetrics(db: Db, runIds: readonly string[]): Promise<Map<string, Record<string, number>>> {
  const found = new Map<string, Record<string, number>>()
  if (runIds.length === 0) return found
  const rows = await experimentTables(db)
    .selectFrom('run_metrics')
    .selectAll()
    .where('run_id', 'in', runIds)
    .orderBy('name')
    .execute()
  for (const row of rows) {
    const metrics = found.get(row.run_id) ?? {}
    // JSON has no infinity: what is not finite is left out of the map and seen in the series.
    if (row.value !== null) metrics[row.name] = row.value
    found.set(row.run_id, metrics)
  }
  return found
}

/** Every point of a series, by step, then as written. */
export const pointsOf = (db: Db, runId: string, name: string) =>
  experimentTables(db)
    .selectFrom('run_metric_points')
    .select(['step', 'value'])
    .where('run_id', '=', runId)
    .where('name', '=', name)
    .orderBy('step')
    .orderBy('seq')
    .execute()

function toStored(value: Point['value']): MetricValue {
  if (typeof value === 'number') return { value, special: null }
  return { value: null, special: value }
}
