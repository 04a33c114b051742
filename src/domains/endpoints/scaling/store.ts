import { type Kysely, sql } from 'kysely'
import type { Db } from '../../../ports/metadata/metadata.ts'
import type { ServedColumns } from '../traffic/store.ts'
import type { DayCount } from './gate.ts'

export interface HostedRow extends ServedColumns {
  endpoint_id: string
  name: string
}
export interface UsageRow {
  endpoint_id: string
  caller: string
  /** Days since 1970, UTC. */
  day: number
  requests: number
  rows: number
}

export const scalingTables = (
  db: Db,
): Kysely<{ endpoint_models: HostedRow; endpoint_usage: UsageRow; users: { id: string; name: string } }> => db

export const hostedBy = (db: Db, endpointId: string): Promise<HostedRow[]> =>
  scalingTables(db).selectFrom('endpoint_models').selectAll().where('endpoint_id', '=', endpointId).orderBy('name').execute()

export async function putHosted(tx: Db, endpointId: string, rows: readonly HostedRow[]): Promise<void> {
  await scalingTables(tx).deleteFrom('endpoint_models').where('endpoint_id', '=', endpointId).execute()
  for (let from = 0; from < rows.length; from += 50)
    await scalingTables(tx)
      .insertInto('endpoint_models')
      .values(rows.slice(from, from + 50))
      .execute()
}

/** Adds what was counted since it was last kept. */
export async function addUsage(db: Db, endpointId: string, day: number, counts: ReadonlyMap<string, DayCount>): Promise<void> {
  for (const [caller, { requests, rows }] of counts)
    await scalingTables(db)
      .insertInto('endpoint_usage')
      .values({ endpoint_id: endpointId, caller, day, requests, rows })
      .onConflict((c) =>
        c.columns(['endpoint_id', 'caller', 'day']).doUpdateSet({
          requests: sql`endpoint_usage.requests + ${requests}`,
          rows: sql`endpoint_usage.rows + ${rows}`,
        }),
      )
      .execute()
}

/** Newest first. */
export const usageOf = (db: Db, endpointId: string, fromDay: number): Promise<(UsageRow & { name: string | null })[]> =>
  scalingTables(db)
    .selectFrom('endpoint_usage')
    .leftJoin('users', 'users.id', 'endpoint_usage.caller')
    .selectAll('endpoint_usage')
    .select('users.name as name')
    .where('endpoint_id', '=', endpointId)
    .where('day', '>=', fromDay)
    .orderBy('day', 'desc')
    .orderBy('requests', 'desc')
    .limit(5000)
    .execute()
