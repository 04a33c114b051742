import type { Metadata } from '../../ports/metadata/metadata.ts'
import type { Access } from '../auth/access.ts'
import type { LineageContributor } from '../datasets/lineage.ts'
import type { Lineage } from '../datasets/schema.ts'
import type { Derived } from './schema.ts'
import { registryTables } from './tables.ts'

/** Models and their versions: learnt from a split, left by a run, judged by a goal. */
export function registryLineage({ metadata, access }: { metadata: Metadata; access: Access }): LineageContributor {
  return async (by, ids) => {
    const found: Lineage = { nodes: [], edges: [] }
    const rows = await registryTables(metadata.db)
      .selectFrom('model_versions')
      .innerJoin('models', 'models.id', 'model_versions.model_id')
      .selectAll('model_versions')
      .select('models.name as model_name')
      .where(access.visibleTo(by, 'models'))
      .where((eb) =>
        eb.or(
          (['id', 'model_id', 'split_id', 'run_id', 'goal_id'] as const).map((column) =>
            eb(`model_versions.${column}`, 'in', ids),
          ),
        ),
      )
      .orderBy('model_versions.created_at', 'desc')
      .limit(200)
      .execute()
    for (const row of rows) {
      found.nodes.push({
        id: row.id,
        noun: 'model version',
        name: `${row.model_name}:${row.number}`,
        detail: `${row.algorithm}, ${row.state}`,
      })
      found.nodes.push({ id: row.model_id, noun: 'model', name: row.model_name, detail: `predicts ${row.target}` })
      if (row.split_id) found.edges.push({ from: row.split_id, to: row.id, label: 'trained and judged' })
      if (row.run_id) found.edges.push({ from: row.run_id, to: row.id, label: 'left' })
      found.edges.push({ from: row.id, to: row.model_id, label: 'version' })
      if (row.derived) {
        const { from, fromName, method } = JSON.parse(row.derived) as Derived
        found.nodes.push({ id: from, noun: 'model version', name: fromName, detail: 'smaller ones were made from it' })
        found.edges.push({ from, to: row.id, label: method })
      }
      if (row.goal_id) found.edges.push({ from: row.goal_id, to: row.id, label: 'judges' })
    }
    return found
  }
}
