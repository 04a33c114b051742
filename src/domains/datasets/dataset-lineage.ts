import type { Metadata } from '../../ports/metadata/metadata.ts'
import type { Access } from '../auth/access.ts'
import type { LineageContributor } from './lineage.ts'
import type { Lineage } from './schema.ts'
import { columnsOf } from './store.ts'
import { datasetTables } from './tables.ts'

/** Data sets, their versions and splits, and which version was made from which. */
export function datasetLineage({ metadata, access }: { metadata: Metadata; access: Access }): LineageContributor {
  const db = datasetTables(metadata.db)
  return async (by, ids) => {
    const found: Lineage = { nodes: [], edges: [] }
    const visible = access.visibleTo(by, 'datasets')
    const versions = await db
      .selectFrom('dataset_versions')
      .innerJoin('datasets', 'datasets.id', 'dataset_versions.dataset_id')
      .selectAll('dataset_versions')
      .select('datasets.name as dataset_name')
      .where(visible)
      .where((eb) =>
        eb.or([
          eb('dataset_versions.id', 'in', ids),
          eb('dataset_versions.dataset_id', 'in', ids),
          ...ids.map((id) => eb('dataset_versions.derived_from', 'like', `%"${id}"%`)),
        ]),
      )
      .limit(200)
      .execute()
    for (const row of versions) {
      const detail = row.state === 'ready' ? `${row.rows} rows, ${columnsOf(row).length} columns` : row.state
      found.nodes.push({ id: row.id, noun: 'dataset version', name: `${row.dataset_name} v${row.number}`, detail })
      found.nodes.push({ id: row.dataset_id, noun: 'dataset', name: row.dataset_name, detail: '' })
      found.edges.push({ from: row.dataset_id, to: row.id, label: 'version' })
      const derived = row.derived_from ? (JSON.parse(row.derived_from) as { version: string; how: string }) : null
      if (derived) found.edges.push({ from: derived.version, to: row.id, label: derived.how })
    }
    const splits = await db
      .selectFrom('splits')
      .innerJoin('datasets', 'datasets.id', 'splits.dataset_id')
      .selectAll('splits')
      .where(visible)
      .where((eb) => eb.or([eb('splits.id', 'in', ids), eb('splits.version_id', 'in', ids)]))
      .limit(200)
      .execute()
    for (const row of splits) {
      found.nodes.push({
        id: row.id,
        noun: 'split',
        name: `${row.kind} split`,
        detail: `test ${row.test_share}, seed ${row.seed}${row.target ? `, target ${row.target}` : ''}`,
      })
      found.edges.push({ from: row.version_id, to: row.id, label: 'split' })
    }
    return found
  }
}
