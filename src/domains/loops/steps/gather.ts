import { days } from '../../../kernel/time.ts'
import type { Metadata } from '../../../ports/metadata/metadata.ts'
import { gatheredColumn } from '../../datasets/media/column-names.ts'
import type { DatasetsService } from '../../datasets/service.ts'
import type { EndpointsService } from '../../endpoints/service.ts'
import type { GoalsService } from '../../goals/service.ts'
import type { JobQueue } from '../../jobs/handler.ts'
import type { RegistryService } from '../../registry/service.ts'
import type { GatherEvidence } from '../gather/evidence.ts'
import type { GatherSpec } from '../gather/job.ts'
import { type PeopleVersions, peopleVersions } from '../gather/people-versions.ts'
import type { StepContext, StepWork } from '../runs/turn.ts'
import { loopTables } from '../tables.ts'
import { type JobReader, jobState } from './job-state.ts'

export interface GatherStepNeeds {
  metadata: Metadata
  queue: JobQueue
  jobs: JobReader
  datasets: Pick<DatasetsService, 'split' | 'splitLike' | 'ensureSplit' | 'versions' | 'get'>
  goals: Pick<GoalsService, 'get'>
  registry: Pick<RegistryService, 'versionById'>
  endpoints: Pick<EndpointsService, 'get'>
}

type Work = { job?: string; baseSplit?: string | null; split?: string }

/** *gather*: labelled rows become a version of the data set, and its split seals the newest. */
export function gatherStep(needs: GatherStepNeeds): StepWork {
  const { metadata, queue, datasets, goals } = needs
  return async (context) => {
    const { run, by, policy } = context
    const work = context.work as Work
    if (!work.job) {
      const base = await baseSplit(needs, context)
      if (base === 'making') return { kind: 'stay', inMs: 1000, sentence: 'The rows of the newest version are being divided.' }
      const endpoint = await needs.endpoints.get(by, run.endpoint_id)
      const toMs = Date.now() + 1
      const spec: GatherSpec = {
        run: run.id,
        number: run.number,
        endpointId: run.endpoint_id,
        endpointName: endpoint.name,
        champion: run.champion_version,
        goal: run.goal_id,
        baseSplit: base,
        fromMs: toMs - days(policy.window.days),
        toMs,
        knownUntilMs: await knownToChampion(metadata, (await needs.registry.versionById(run.champion_version)).datasetVersion),
        window: policy.window,
        minimumSealed: policy.judge.minimumRows,
      }
      await metadata.transaction(async (tx) => {
        const job = await queue.enqueue(tx, by, {
          kind: 'loop.gather',
          name: `Gather rows of ${endpoint.name}`,
          projectId: run.project_id,
          spec,
        })
        await context.note(tx, { job })
      })
      queue.wake()
      return { kind: 'stay', inMs: 1000, sentence: 'Labelled rows of the window are gathered.' }
    }
    const job = await jobState(needs.jobs, work.job, 'Gathering the rows')
    if (job.state === 'running') return { kind: 'stay', inMs: 1000 }
    if (job.state === 'cancelled') return { kind: 'end', outcome: 'cancelled', sentence: job.sentence }
    if (job.state === 'failed') return { kind: 'end', outcome: 'failed', sentence: job.sentence, evidence: { job: work.job } }
    const evidence = { ...(job.result as unknown as GatherEvidence), job: work.job }
    if (!evidence.enough || evidence.version === null)
      return { kind: 'end', outcome: 'kept_champion', sentence: evidence.sentence, evidence }
    if (!work.split) {
      const goal = await goals.get(by, run.goal_id)
      const split = await datasets.ensureSplit(by, {
        dataset: evidence.dataset,
        version: evidence.version,
        target: goal.target,
        task: goal.task,
        kind: 'given',
        partColumn: gatheredColumn,
      })
      await context.keep({ ...work, split: split.id })
      return { kind: 'stay', inMs: 500, evidence: { ...evidence, split: split.id } }
    }
    const split = await datasets.split(by, work.split)
    if (split.state === 'making') return { kind: 'stay', inMs: 500 }
    if (split.state === 'failed')
      return { kind: 'end', outcome: 'failed', sentence: 'The rows could not be divided; see the job of the split.', evidence }
    return {
      kind: 'go',
      to: 'train',
      sentence: evidence.sentence,
      evidence: { ...evidence, split: split.id, leaks: split.leaks },
    }
  }
}

/**
 * What the new rows join: the training rows of the champion; where people made a newer version of the data since, the training rows of that
 * by the rule of the goal.
 */
async function baseSplit(
  { datasets, goals, registry }: GatherStepNeeds,
  { run, by }: StepContext,
): Promise<string | null | 'making'> {
  const champion = await registry.versionById(run.champion_version)
  const goal = await goals.get(by, run.goal_id)
  const people: PeopleVersions = peopleVersions(await datasets.versions(by, goal.dataset))
  const own = champion.dataset === goal.dataset && champion.split !== '' ? champion.split : null
  const learntFrom = own === null ? null : people.origin(champion.datasetVersion)
  const newest = people.newest
  if (newest === null || goal.split === null || (learntFrom !== null && newest.number <= learntFrom.number)) return own
  const split = await datasets.splitLike(by, goal.split, newest.id, goal.task)
  return split.state === 'making' ? 'making' : split.state === 'ready' ? split.id : own
}

/** Until when predictions were gathered for the data that a champion learnt from; 0 where it was made otherwise. */
async function knownToChampion({ db }: Metadata, datasetVersion: string): Promise<number> {
  if (datasetVersion === '') return 0
  const found = await loopTables(db)
    .selectFrom('loop_steps')
    .select('evidence')
    .where('step', '=', 'gather')
    .where('evidence', 'like', `%"${datasetVersion}"%`)
    .execute()
  const evidence = found
    .map((row) => JSON.parse(row.evidence) as GatherEvidence)
    .find(({ version }) => version === datasetVersion)
  return evidence?.newestMs ?? 0
}
