import type * as z from 'zod'
import type { Principal } from '../../kernel/principal.ts'
import type { Metadata } from '../../ports/metadata/metadata.ts'
import { audit } from '../auth/audit.ts'
import type { CostService } from '../cost/service.ts'
import type { JobsService } from '../jobs/service.ts'
import { trainingSize } from '../training/estimate.ts'
import type { ComparisonPlan } from './plan.ts'
import type { ComparisonCreated, ComparisonInput } from './schema.ts'

export type ComparisonsService = ReturnType<typeof comparisonsService>

/** Comparisons of algorithms and versions over repeated folds: checked and pinned here, run by a worker. */
export function comparisonsService({
  metadata,
  jobs,
  cost,
  plan,
}: {
  metadata: Metadata
  jobs: Pick<JobsService, 'queue' | 'get'>
  cost: CostService
  plan(by: Principal, input: ComparisonInput): Promise<ComparisonPlan>
}) {
  async function create(by: Principal, input: ComparisonInput): Promise<z.infer<typeof ComparisonCreated>> {
    const { spec, rows, columns } = await plan(by, input)
    const trials = spec.repeats * spec.candidates.length
    const { size, prior } = trainingSize({ rows, columns, budgetSeconds: null, trials })
    const estimate = await cost.estimate({ kind: 'comparison', size, prior })
    const names = spec.candidates.map(({ name }) => name)
    const jobId = await metadata.transaction(async (tx) => {
      const id = await jobs.queue.enqueue(tx, by, {
        kind: 'comparison',
        name: `Compare ${names.join(', ')}`.slice(0, 120),
        projectId: spec.projectId,
        spec,
        visibility: spec.visibility,
        estimate,
        size,
      })
      await audit(tx, by, 'comparisons.create', { target: id, project: spec.projectId, facts: { candidates: names } })
      return id
    })
    jobs.queue.wake()
    return { job: await jobs.get(by, jobId), estimate }
  }

  return { create }
}
