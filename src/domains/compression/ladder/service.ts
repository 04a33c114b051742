import type * as z from 'zod'
import { isPlatformError } from '../../../kernel/errors.ts'
import type { Principal } from '../../../kernel/principal.ts'
import type { Metadata } from '../../../ports/metadata/metadata.ts'
import type { Access } from '../../auth/access.ts'
import { audit } from '../../auth/audit.ts'
import type { DatasetsService } from '../../datasets/service.ts'
import type { EvaluationService } from '../../evaluation/service.ts'
import { lowerIsBetter, type Metric } from '../../goals/schema.ts'
import type { Job } from '../../jobs/schema.ts'
import type { JobsService } from '../../jobs/service.ts'
import type { ModelVersion } from '../../registry/schema.ts'
import type { RegistryService } from '../../registry/service.ts'
import type { TrainingSpec } from '../../training/spec.ts'
import type { Ladder, LadderInput, LadderQuery, Rung } from '../schema.ts'
import { measurementsOf } from '../store.ts'
import { choose } from './choose.ts'
import { type MeasureNeeds, measureJob } from './measure-job.ts'
import { markFront, metricOf, rungOf } from './rungs.ts'

export interface LadderNeeds extends MeasureNeeds {
  metadata: Metadata
  access: Access
  jobs: Pick<JobsService, 'queue' | 'get'>
  datasets: Pick<DatasetsService, 'layPart' | 'pin'>
  registry: RegistryService
  evaluation: Pick<EvaluationService, 'compare'>
}

export type LadderService = ReturnType<typeof ladderService>

const mostCompared = 500

/** A version and all that was made from it, each with its quality on the same sealed rows and its speed on this machine. */
export function ladderService(needs: LadderNeeds) {
  const { metadata, access, jobs, datasets, registry, evaluation } = needs
  jobs.queue.register(measureJob(needs))
  // What was said of sealed rows never changes, so that it is compared once.
  const compared = new Map<string, Rung['difference']>()

  async function get(by: Principal, ref: string, query: z.output<typeof LadderQuery>): Promise<Ladder> {
    const versions = await registry.family(by, ref, query.project)
    const first = versions[0]!
    const { training_spec } = await registry.findVersion(by, first.id)
    const metric = metricOf(first, (JSON.parse(training_spec) as Partial<TrainingSpec>).parameters?.metric ?? null)
    const measured = await measurementsOf(
      metadata.db,
      versions.map(({ id }) => id),
    )
    const rungs: Rung[] = []
    for (const version of versions) {
      const rung = rungOf(version, metric, first, measured.get(version.id) ?? null)
      if (version.id !== first.id) rung.difference = await differenceTo(by, first, version, metric)
      rungs.push(rung)
    }
    markFront(rungs)
    return { metric, lowerIsBetter: lowerIsBetter.has(metric), rungs, choice: choose(rungs, query, metric) }
  }

  /** null where the two cannot be compared row by row. */
  async function differenceTo(by: Principal, first: ModelVersion, version: ModelVersion, metric: Metric) {
    const key = `${first.id} ${version.id} ${metric}`
    const known = compared.get(key)
    if (known !== undefined) return known
    const found = await evaluation.compare(by, { a: first.id, b: version.id, metric }).catch((error: unknown) => {
      if (isPlatformError(error) && error.code !== 'internal') return null
      throw error
    })
    const said = found && {
      value: found.difference.value,
      low: found.difference.low,
      high: found.difference.high,
      significant: found.significant,
      sentence: found.sentence,
    }
    if (compared.size >= mostCompared) compared.clear()
    compared.set(key, said)
    return said
  }

  /** Measures all rungs anew, side by side. */
  async function measure(by: Principal, ref: string, input: z.output<typeof LadderInput>, project?: string): Promise<Job> {
    const row = await registry.findVersion(by, ref, project)
    await access.authorize(by, 'training:create', { ...row, id: row.model_id })
    const versions = await registry.family(by, row.id)
    // The rows that they are asked about are of the data set.
    await datasets.pin(by, versions[0]!.dataset, versions[0]!.datasetVersion)
    const versionIds = versions.map(({ id }) => id)
    const jobId = await metadata.transaction(async (tx) => {
      const id = await jobs.queue.enqueue(tx, by, {
        kind: 'ladder',
        name: `Measure ${row.model_name} and what was made from it`,
        projectId: row.project_id,
        spec: { ...input, versionIds },
        visibility: row.visibility === 'private' ? 'private' : 'team',
        size: versionIds.length * input.repetitions,
      })
      await audit(tx, by, 'models.measure', { target: row.id, project: row.project_id, facts: { job: id, versions: versionIds } })
      return id
    })
    jobs.queue.wake()
    return jobs.get(by, jobId)
  }

  return { get, measure }
}
