import { days, seconds } from '../../../kernel/time.ts'
import type { Metadata } from '../../../ports/metadata/metadata.ts'
import type { StepWork } from '../runs/turn.ts'
import { loopTables } from '../tables.ts'
import { approvers } from './approvers.ts'

const patienceMs = days(30)

/** *approve*: waits for a person where the loop or its project asks for one. */
export function approveStep({ metadata }: { metadata: Metadata }): StepWork {
  return async ({ run, policy, startedAt }) => {
    const rule = await loopTables(metadata.db)
      .selectFrom('loop_rules')
      .select('approval')
      .where('project_id', '=', run.project_id)
      .executeTakeFirst()
    const byProject = rule?.approval === 1
    if (!policy.approval && !byProject)
      return { kind: 'go', to: 'shadow', skipped: true, sentence: 'Neither the loop nor its project asks for a person.' }
    if (run.decision === null) {
      if (Date.now() - startedAt > patienceMs)
        return {
          kind: 'end',
          outcome: 'kept_champion',
          sentence: `Nobody approved it within 30 days. The champion stays. ${await approvers(metadata.db, run.project_id)}`,
        }
      return {
        kind: 'stay',
        // A decision wakes it; this is for what nobody tells.
        inMs: seconds(60),
        forPerson: true,
        sentence: `${run.challenger_name} waits for a person to approve it${byProject && !policy.approval ? ', as the project asks' : ''}. ${await approvers(metadata.db, run.project_id)}`,
      }
    }
    const said = JSON.parse(run.decision) as { approved: boolean; by: string; note: string; at: string }
    if (!said.approved)
      return { kind: 'end', outcome: 'rejected', sentence: `${said.by} rejected it: ${said.note}`, evidence: { ...said } }
    return {
      kind: 'go',
      to: 'shadow',
      sentence: `${said.by} approved it${said.note ? `: ${said.note}` : '.'}`,
      evidence: { ...said },
    }
  }
}
