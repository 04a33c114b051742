import type { Metadata } from '../../ports/metadata/metadata.ts'
import type { Access } from '../auth/access.ts'
import type { LineageContributor } from '../datasets/lineage.ts'
import { experimentTables } from './tables.ts'

/** Runs: what they read, and the experiment they belong to. */
export function runsLineage({ metadata, access }: { metadata: Metadata; access: Access }): LineageContributor {
  return async (by, ids) => {
    const rows = await experimentTables(metadata.db)
      .selectFrom('runs')
      .selectAll()
      .where(access.visibleTo(by, 'runs'))
      .where('id', 'in', ids)
      .limit(200)
      .execute()
    return {
      nodes: rows.map((row) => ({ id: row.id, noun: 'run', name: row.name, detail: row.state })),
      edges: rows.flatMap((row) =>
        (JSON.parse(row.inputs) as { kind: string; id: string }[])
          .filter((input) => input.kind === 'split')
          .map((input) => ({ from: input.id, to: row.id, label: 'read' })),
      ),
    }
  }
}
