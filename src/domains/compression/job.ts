import type { JobHandler } from '../jobs/handler.ts'
import type { RegistryService } from '../registry/service.ts'
import { keepFitted } from '../training/fit-stages.ts'
import { type TrainingJobNeeds, type TrainingOutcome, trainingJob, type WayToPackage } from '../training/job.ts'
import { engineOf } from '../training/spec.ts'
import type { CompressionSpec } from './spec.ts'

/** The job `compression`: another package from a version's, then judged, proven and registered as every version is. */
export const compressionJob = (
  needs: TrainingJobNeeds & { registry: RegistryService },
): JobHandler<CompressionSpec, TrainingOutcome> => trainingJob(needs, compressing(needs.registry))

const compressing = (registry: Pick<RegistryService, 'layPackage'>): WayToPackage<CompressionSpec> => ({
  kind: 'compression',
  derived: ({ from, compression, summary }) => ({
    from: from.versionId,
    fromName: from.name,
    method: compression.method,
    summary,
  }),
  async fit({ files, datasets }, context, { onEvent }, into) {
    const { spec } = context
    const { method, scheme, options } = spec.compression
    const { task, target, positive, metric } = spec.parameters
    const { folder, cost } = await context.runEngine({
      name: 'fit',
      engine: `compression.${method}`,
      runtime: engineOf(spec).runtime,
      parameters: { task, target, positive, metric, scheme, options },
      seed: spec.seed,
      onEvent,
      async prepare(data) {
        await datasets.layPart(spec.splitId, 'train', files.resolvePath(data, 'train'))
        await registry.layPackage(spec.from.versionId, await files.makeFolder(data, 'model'), { sandboxOnly: true })
      },
    })
    await keepFitted(files, folder, into)
    return { cost }
  },
})
