import type { Metadata } from '../../ports/metadata/metadata.ts'
import type { Access } from '../auth/access.ts'
import type { LineageContributor } from '../datasets/lineage.ts'
import { endpointTables } from './store.ts'

/** Endpoints: what a model version serves. */
export function endpointsLineage({ metadata, access }: { metadata: Metadata; access: Access }): LineageContributor {
  return async (by, ids) => {
    const rows = await endpointTables(metadata.db)
      .selectFrom('endpoints')
      .select(['id', 'name', 'version_id', 'running', 'served'])
      .where(access.visibleTo(by, 'endpoints'))
      .where((eb) => eb.or([eb('id', 'in', ids), eb('version_id', 'in', ids)]))
      .limit(200)
      .execute()
    return {
      nodes: rows.map((row) => ({
        id: row.id,
        noun: 'endpoint',
        name: row.name,
        detail: row.running ? `serves by ${row.served}` : 'stopped',
      })),
      edges: rows.map((row) => ({ from: row.version_id, to: row.id, label: 'serves' })),
    }
  }
}
