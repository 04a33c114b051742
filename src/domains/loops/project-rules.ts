import type { Principal } from '../../kernel/principal.ts'
import type { Metadata } from '../../ports/metadata/metadata.ts'
import type { Access } from '../auth/access.ts'
import { audit } from '../auth/audit.ts'
import { loopTables } from './tables.ts'

/** What a project asks of all its loops. */
export function projectRules({ metadata, access }: { metadata: Metadata; access: Access }) {
  const { db } = metadata

  async function rules(by: Principal, project?: string) {
    const { id } = await access.projectFor(by, project)
    const row = await loopTables(db).selectFrom('loop_rules').select('approval').where('project_id', '=', id).executeTakeFirst()
    return { approval: row?.approval === 1 }
  }

  /** Whether every loop of a project waits for a person. */
  async function setRules(by: Principal, { approval }: { approval: boolean }, project?: string) {
    const { id } = await access.projectFor(by, project, 'loops:approve')
    await metadata.transaction(async (tx) => {
      await loopTables(tx)
        .insertInto('loop_rules')
        .values({ project_id: id, approval: approval ? 1 : 0 })
        .onConflict((c) => c.column('project_id').doUpdateSet({ approval: approval ? 1 : 0 }))
        .execute()
      await audit(tx, by, 'loops.rules', { target: id, project: id, facts: { approval } })
    })
    return { approval }
  }

  return { rules, setRules }
}
