import type { JobContext, JobHandler } from '../jobs/handler.ts'
import type { RegistryService } from '../registry/service.ts'
import { type EngineStages, fitInto, keepFitted } from '../training/fit-stages.ts'
import { type TrainingJobNeeds, type TrainingOutcome, trainingJob, type WayToPackage } from '../training/job.ts'
import { engineOf } from '../training/spec.ts'
import type { CompressionSpec } from './spec.ts'

type LayPackage = Pick<RegistryService, 'layPackage'>
type Fit = WayToPackage<CompressionSpec>['fit']

/** The job `compression`: another package from a version's, then judged, proven and registered as every version is. */
export const compressionJob = (
  needs: TrainingJobNeeds & { registry: RegistryService },
): JobHandler<CompressionSpec, TrainingOutcome> =>
  trainingJob(needs, {
    kind: 'compression',
    derived: ({ from, compression, summary }) => ({
      from: from.versionId,
      fromName: from.name,
      method: compression.method,
      summary,
    }),
    fit: (stages, context, more, into) =>
      (context.spec.compression.method === 'distil' ? byTeacher : fromPackage)(needs.registry)(stages, context, more, into),
  })

/** An engine makes the package out of the original's. */
const fromPackage =
  (registry: LayPackage): Fit =>
  async ({ files, datasets }, context, { hasValidation, onEvent }, into) => {
    const { spec } = context
    const { method, scheme, sparsity, structured, standardErrors, options } = spec.compression
    const { folder, cost } = await context.runEngine({
      name: 'fit',
      engine: `compression.${method}`,
      runtime: engineOf(spec).runtime,
      parameters: { ...spec.parameters, scheme, sparsity, structured, standardErrors, options },
      seed: spec.seed,
      onEvent,
      async prepare(data) {
        for (const part of hasValidation ? (['train', 'validation'] as const) : (['train'] as const))
          await datasets.layPart(spec.splitId, part, files.resolvePath(data, part))
        await registry.layPackage(spec.from.versionId, await files.makeFolder(data, 'model'), { sandboxOnly: true })
      },
    })
    await keepFitted(files, folder, into)
    return { cost }
  }

/** A student is trained as any model is, with what the original says of the rows beside their labels. */
const byTeacher =
  (registry: LayPackage): Fit =>
  async (stages, context, more, into) => {
    const { files } = stages
    const parts = more.hasValidation ? (['train', 'validation'] as const) : (['train'] as const)
    for (const part of parts) await answersOf(registry, stages, context, part)
    return fitInto(
      stages,
      context,
      {
        ...context.spec,
        ...more,
        async layMore(data) {
          await files.makeFolder(data, 'teacher')
          for (const part of parts)
            await files.copy(
              { root: context.folder, path: `said-${part}.parquet` },
              { root: data, path: `teacher/${part}.parquet` },
            )
        },
      },
      into,
    )
  }

/** What the original says of the rows of a part, by its own training code. */
async function answersOf(
  registry: LayPackage,
  { files, datasets }: EngineStages,
  context: JobContext<CompressionSpec>,
  part: 'train' | 'validation',
): Promise<void> {
  const { from, splitId, seed, parameters } = context.spec
  const { folder } = await context.runEngine({
    name: `teacher-${part}`,
    engine: `${from.engine.family}.predict`,
    runtime: from.engine.runtime,
    parameters: { task: parameters.task, target: parameters.target },
    seed,
    async prepare(data) {
      await datasets.layPart(splitId, part, files.resolvePath(data, 'rows'))
      await registry.layPackage(from.versionId, await files.makeFolder(data, 'model'), { sandboxOnly: true })
    },
  })
  await files.move(
    { root: folder, path: 'output/data/predictions.parquet' },
    { root: context.folder, path: `said-${part}.parquet` },
  )
}
