import { isPlatformError } from '../../../kernel/errors.ts'
import type { Metadata } from '../../../ports/metadata/metadata.ts'
import type { JobQueue } from '../../jobs/handler.ts'
import type { RegistryService } from '../../registry/service.ts'
import type { GatherEvidence } from '../gather/evidence.ts'
import type { JudgeEvidence } from '../judge/evidence.ts'
import type { JudgeSpec } from '../judge/job.ts'
import type { RunStore } from '../runs/run-store.ts'
import type { StepWork } from '../runs/turn.ts'
import { type JobReader, jobState } from './job-state.ts'
import { overrideText } from './override.ts'

export interface JudgeStepNeeds {
  metadata: Metadata
  store: Pick<RunStore, 'step'>
  queue: JobQueue
  jobs: JobReader
  registry: Pick<RegistryService, 'resolveVersion' | 'requirePromotable'>
}

/** *judge*: both on the same sealed rows; the rules of the policy decide, and the goal has its say. */
export function judgeStep({ metadata, store, queue, jobs, registry }: JudgeStepNeeds): StepWork {
  return async (context) => {
    const { run, policy, by, work } = context
    if (!work.job) {
      const gathered = JSON.parse((await store.step(run.id, 'gather'))!.evidence) as GatherEvidence
      const spec: JudgeSpec = {
        run: run.id,
        champion: run.champion_version,
        challenger: run.challenger_version!,
        goal: run.goal_id,
        split: gathered.split!,
        rules: policy.judge,
      }
      await metadata.transaction(async (tx) => {
        const job = await queue.enqueue(tx, by, {
          kind: 'loop.judge',
          name: `Judge ${run.challenger_name} against ${run.champion_name}`,
          projectId: run.project_id,
          spec,
        })
        await context.note(tx, { job })
      })
      queue.wake()
      return {
        kind: 'stay',
        inMs: 500,
        sentence: `${run.challenger_name} and ${run.champion_name} are judged on the same sealed rows.`,
      }
    }
    const job = await jobState(jobs, work.job, 'The judging')
    if (job.state === 'running') return { kind: 'stay', inMs: 500 }
    if (job.state !== 'succeeded') return { kind: 'end', outcome: job.state, sentence: job.sentence, evidence: { job: work.job } }
    const found = job.result as unknown as JudgeEvidence
    const challenger = await registry.resolveVersion(by, run.challenger_version!)
    const evidence = { ...found, job: work.job, goal: challenger.goalOutcome }
    if (!found.passed) return { kind: 'end', outcome: 'kept_champion', sentence: found.sentence, evidence }
    const objection = await registry
      .requirePromotable(by, challenger, policy.judge.belowGoal ? overrideText(found) : null)
      .then(() => null, objectionOf)
    if (objection !== null)
      return {
        kind: 'end',
        outcome: 'kept_champion',
        sentence: `${found.sentence} But ${objection} The champion stays.`,
        evidence,
      }
    return { kind: 'go', to: 'approve', sentence: found.sentence, evidence }
  }
}

/** What stands against it beside the figures: its goal, its proof, a bias policy. */
function objectionOf(error: unknown): string {
  if (isPlatformError(error) && (error.code === 'precondition_failed' || error.code === 'forbidden')) return error.message
  throw error
}
