import type { Kysely } from 'kysely'
import type { Db } from '../../../ports/metadata/metadata.ts'
import type { EndpointColumns } from '../store.ts'

export type ServedColumns = Pick<
  EndpointColumns,
  'model_id' | 'model_name' | 'version_id' | 'version_number' | 'served' | 'trust' | 'signature'
>
export interface VariantRow extends ServedColumns {
  endpoint_id: string
  name: string
  position: number
  weight: number
  shadow: number
}
export interface RolloutRow {
  id: string
  endpoint_id: string
  variant: string
  version_id: string
  version_number: number
  steps: string
  guard: string
  step: number
  step_since: number
  state: 'running' | 'completed' | 'rolled_back'
  reason: string | null
  override_reason: string | null
  log: string
  started_at: number
  ended_at: number | null
  by_id: string
  by_name: string
}

export const trafficTables = (db: Db): Kysely<{ endpoint_variants: VariantRow; endpoint_rollouts: RolloutRow }> => db

export const variantsOf = (db: Db, endpointId: string): Promise<VariantRow[]> =>
  trafficTables(db)
    .selectFrom('endpoint_variants')
    .selectAll()
    .where('endpoint_id', '=', endpointId)
    .orderBy('position')
    .execute()

/** Of several endpoints, by endpoint. */
export async function variantsByEndpoint(db: Db, endpointIds: readonly string[]): Promise<Map<string, VariantRow[]>> {
  const found = new Map<string, VariantRow[]>(endpointIds.map((id) => [id, []]))
  if (endpointIds.length === 0) return found
  const rows = await trafficTables(db)
    .selectFrom('endpoint_variants')
    .selectAll()
    .where('endpoint_id', 'in', [...endpointIds])
    .orderBy('position')
    .execute()
  for (const row of rows) found.get(row.endpoint_id)!.push(row)
  return found
}

/** All variants of an endpoint, written anew. */
export async function putVariants(tx: Db, endpointId: string, rows: readonly VariantRow[]): Promise<void> {
  await trafficTables(tx).deleteFrom('endpoint_variants').where('endpoint_id', '=', endpointId).execute()
  if (rows.length > 0)
    await trafficTables(tx)
      .insertInto('endpoint_variants')
      .values(rows.map((row, position) => ({ ...row, position })))
      .execute()
}

export const latestRollout = (db: Db, endpointId: string): Promise<RolloutRow | undefined> =>
  trafficTables(db)
    .selectFrom('endpoint_rollouts')
    .selectAll()
    .where('endpoint_id', '=', endpointId)
    .orderBy('started_at', 'desc')
    .orderBy('id', 'desc')
    .executeTakeFirst()

export const runningRollouts = (db: Db): Promise<RolloutRow[]> =>
  trafficTables(db).selectFrom('endpoint_rollouts').selectAll().where('state', '=', 'running').execute()

export const updateRollout = (tx: Db, id: string, changes: Partial<RolloutRow>) =>
  trafficTables(tx).updateTable('endpoint_rollouts').set(changes).where('id', '=', id).execute()
