import type { RegistryService } from '../../registry/service.ts'
import type { JudgeEvidence } from '../judge/evidence.ts'
import type { RunStore } from '../runs/run-store.ts'
import type { StepContext } from '../runs/turn.ts'

/** Why a challenger that misses its goal may serve all the same: the policy says so, and it beat what serves. Null where it needs no such reason. */
export async function overrideOf(
  { registry, store }: { registry: Pick<RegistryService, 'resolveVersion'>; store: Pick<RunStore, 'step'> },
  { run, policy, by }: StepContext,
): Promise<string | null> {
  const { goalOutcome } = await registry.resolveVersion(by, run.challenger_version!)
  if (!policy.judge.belowGoal || !goalOutcome || goalOutcome.met) return null
  const judged = JSON.parse((await store.step(run.id, 'judge'))!.evidence) as JudgeEvidence
  return overrideText(judged)
}

export const overrideText = ({ sentence }: Pick<JudgeEvidence, 'sentence'>): string =>
  `By the policy of the loop, as it beats what serves: ${sentence}`.slice(0, 4000)
