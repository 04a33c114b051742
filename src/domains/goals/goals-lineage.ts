import type { Metadata } from '../../ports/metadata/metadata.ts'
import type { Access } from '../auth/access.ts'
import type { LineageContributor } from '../datasets/lineage.ts'
import { listGoalsAt, toGoal } from './store.ts'

/** Goals, and the split on which each is judged. */
export function goalsLineage({ metadata, access }: { metadata: Metadata; access: Access }): LineageContributor {
  return async (by, ids) => {
    const goals = (await listGoalsAt(metadata.db, access.visibleTo(by, 'goals'), ids)).map(toGoal)
    return {
      nodes: goals.map((goal) => ({ id: goal.id, noun: 'goal', name: goal.name, detail: goal.sentence })),
      edges: goals.flatMap((goal) => (goal.split ? [{ from: goal.split, to: goal.id, label: 'judged on' }] : [])),
    }
  }
}
