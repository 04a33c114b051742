import type { Metadata } from '../../ports/metadata/metadata.ts'
import type { Access } from '../auth/access.ts'
import type { LineageContributor } from '../datasets/lineage.ts'
import { monitoringTables } from './store.ts'

/** Monitors: what watches an endpoint. */
export function monitorsLineage({ metadata, access }: { metadata: Metadata; access: Access }): LineageContributor {
  return async (by, ids) => {
    const rows = await monitoringTables(metadata.db)
      .selectFrom('monitors')
      .select(['id', 'name', 'endpoint_id', 'last_state'])
      .where(access.visibleTo(by, 'monitors'))
      .where((eb) => eb.or([eb('id', 'in', ids), eb('endpoint_id', 'in', ids)]))
      .limit(200)
      .execute()
    return {
      nodes: rows.map((row) => ({
        id: row.id,
        noun: 'monitor',
        name: row.name,
        detail: row.last_state?.replaceAll('_', ' ') ?? 'not run yet',
      })),
      edges: rows.map((row) => ({ from: row.endpoint_id, to: row.id, label: 'watched by' })),
    }
  }
}
