import assert from 'node:assert/strict'
import { days } from '../../../kernel/time.ts'
import { onEachDatabase } from '../../../ports/metadata/testing.ts'
import { authTables } from '../../auth/tables.ts'
import type { StepContext } from '../runs/turn.ts'
import { LoopPolicy } from '../schema.ts'
import { loopTestMigrations, loopWorld } from '../testing.ts'
import { approveStep } from './approve.ts'

onEachDatabase(
  'a run that waits says who may approve it, and what to do where nobody can',
  loopTestMigrations,
  async (metadata) => {
    const w = await loopWorld(metadata)
    const step = approveStep({ metadata })
    const ask = (startedAt = Date.now()) =>
      step({
        run: { project_id: w.project.id, decision: null, challenger_name: 'churn:2' },
        policy: LoopPolicy.parse({ approval: true }),
        startedAt,
      } as StepContext)
    await authTables(metadata.db).deleteFrom('project_members').execute()
    await w.person('Mary', 'admin')
    const waiting = await ask()
    assert.deepEqual([waiting.kind, 'forPerson' in waiting && waiting.forPerson], ['stay', true])
    assert.equal(waiting.sentence, 'churn:2 waits for a person to approve it. Administrators of the project may: Mary.')
    await authTables(metadata.db).updateTable('users').set({ state: 'disabled' }).where('name', '=', 'Mary').execute()
    assert.match(
      (await ask()).sentence!,
      /The project has no administrator who could: make somebody one, or ask an administrator of the platform \(Ada\)/,
    )
    const late = await ask(Date.now() - days(31))
    assert.deepEqual([late.kind, 'outcome' in late && late.outcome], ['end', 'kept_champion'])
    assert.match(late.sentence!, /^Nobody approved it within 30 days. The champion stays. The project has no administrator/)
  },
)
