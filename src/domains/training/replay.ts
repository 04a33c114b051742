import type * as z from 'zod'
import { preconditionFailed } from '../../kernel/errors.ts'
import type { Principal } from '../../kernel/principal.ts'
import type { BlobStore } from '../../ports/blobs/blob-store.ts'
import type { Files } from '../../ports/files/files.ts'
import type { Metadata } from '../../ports/metadata/metadata.ts'
import type { Tables } from '../../ports/tables/tables.ts'
import type { Access } from '../auth/access.ts'
import { audit } from '../auth/audit.ts'
import type { CostService } from '../cost/service.ts'
import type { DatasetsService } from '../datasets/service.ts'
import { isUnjudgedByRow, outputDifferences } from '../evaluation/paired-outputs.ts'
import { readPaired } from '../evaluation/paired-predictions.ts'
import type { JobContext, JobHandler } from '../jobs/handler.ts'
import type { Job } from '../jobs/schema.ts'
import type { JobsService } from '../jobs/service.ts'
import type { TrainingFacts } from '../registry/card.ts'
import type { Derived, Evaluation, ModelVersion, Signature } from '../registry/schema.ts'
import type { RegistryService } from '../registry/service.ts'
import type { VersionFiles } from '../registry/version-files.ts'
import { compareReplay } from './compare-replay.ts'
import { trainingSize } from './estimate.ts'
import { finiteMetrics } from './finite-metrics.ts'
import { evaluateInto, fitInto } from './fit-stages.ts'
import { hashFile } from './hash-file.ts'
import { readySplit } from './ready-split.ts'
import { replayParameters } from './replay-parameters.ts'
import type { ReplayResult } from './schema.ts'
import type { GivenRecipe, TrainingSpec } from './spec.ts'
import { stageResults } from './stages.ts'

export interface ReplayNeeds {
  metadata: Metadata
  access: Access
  files: Files
  blobs: BlobStore
  tables: Tables
  jobs: JobsService
  cost: CostService
  datasets: DatasetsService
  registry: RegistryService
  versionFiles: VersionFiles
}

type ReplaySpec = { versionId: string; training: TrainingSpec }

export type ReplayService = ReturnType<typeof replayService>

/** Makes a version again from what was pinned (data, split, recipe, settings, seed) and says whether it is the same. */
export function replayService(needs: ReplayNeeds) {
  const { metadata, access, files, blobs, tables, jobs, cost, datasets, registry, versionFiles } = needs
  jobs.queue.register(handler())

  async function replay(by: Principal, ref: string, project?: string): Promise<Job> {
    const row = await registry.findVersion(by, ref, project)
    await access.authorize(by, 'training:create', { ...row, id: row.model_id })
    const version = await registry.resolveVersion(by, row.id)
    if (row.derived !== null)
      throw preconditionFailed(
        `${row.model_name}:${row.number} was made from another version, so there is no training to repeat. Replay ${(JSON.parse(row.derived) as Derived).fromName}, then make it smaller again with the same seed.`,
        { version: row.id },
      )
    if (version.manifest.trust === 'imported')
      throw preconditionFailed(`${version.modelName}:${version.number} was brought, not made here, so it cannot be made again.`, {
        version: version.id,
      })
    const spec = JSON.parse(row.training_spec) as TrainingSpec
    const { version: data } = await datasets.pin(by, version.dataset, version.datasetVersion)
    const recorded = {
      training: ((await versionFiles.json(version, 'training.json')) ?? {}) as unknown as TrainingFacts,
      recipe: ((await versionFiles.json(version, 'recipe.json')) ?? { steps: [] }) as unknown as GivenRecipe,
    }
    const parameters = replayParameters(spec, recorded.training, recorded.recipe)
    const { size, prior } = trainingSize({ rows: data.rows ?? 0, columns: data.columns.length, budgetSeconds: null, trials: 1 })
    const estimate = await cost.estimate({ kind: 'replay', size, prior })
    const jobId = await metadata.transaction(async (tx) => {
      const id = await jobs.queue.enqueue(tx, by, {
        kind: 'replay',
        name: `Replay ${version.modelName}:${version.number}`,
        projectId: version.project,
        spec: { versionId: version.id, training: { ...spec, parameters } },
        visibility: spec.visibility,
        estimate,
        size,
      })
      await audit(tx, by, 'models.replay', { target: version.id, project: version.project, facts: { job: id } })
      return id
    })
    jobs.queue.wake()
    return jobs.get(by, jobId)
  }

  function handler(): JobHandler<ReplaySpec, z.infer<typeof ReplayResult>> {
    return {
      kind: 'replay',
      async run(context) {
        const { training: spec } = context.spec
        const stages = stageResults(files, context.checkpointFolder)
        const split = await readySplit({ datasets, jobs }, context, spec.splitId)
        const hasValidation = split.parts.some((part) => part.part === 'validation' && part.rows > 0)
        const fitted = await stages.once('fit', (folder) =>
          fitInto({ files, tables, blobs, datasets }, context, { ...spec, hasValidation }, folder),
        )
        const signature = (await files.readJson(fitted.folder, 'model/signature.json')) as Signature
        const evaluated = await stages.once('evaluate', (folder) =>
          evaluateInto(
            { files, tables, blobs, datasets },
            context,
            { spec, fitFolder: fitted.folder, threshold: signature.threshold, reason: `replay by ${context.jobId}` },
            folder,
          ),
        )
        return compare(context, { fitFolder: fitted.folder, evaluateFolder: evaluated.folder, signature })
      },
      publish: async (_tx, _context, outcome) => outcome,
    }
  }

  async function servedFileOf(fitFolder: string): Promise<string | null> {
    for (const file of servedFiles)
      if (await files.exists(fitFolder, `model/${file}`)) return hashFile(files, fitFolder, `model/${file}`)
    return null
  }

  async function compare(
    context: JobContext<ReplaySpec>,
    made: { fitFolder: string; evaluateFolder: string; signature: Signature },
  ): Promise<z.infer<typeof ReplayResult>> {
    const version = await registry.resolveVersion(context.principal, context.spec.versionId)
    const before = await registry.baseline(version.id)
    const earlier = files.resolvePath(made.evaluateFolder, 'earlier.parquet')
    if (before.predictionsSha256) await blobs.materialise(before.predictionsSha256, earlier)
    const now = files.resolvePath(made.evaluateFolder, 'data/predictions.parquet')
    const paired = before.predictionsSha256
      ? isUnjudgedByRow(version.signature)
        ? await outputDifferences(tables, { a: earlier, b: now, signature: version.signature })
        : await readPaired(tables, { a: earlier, b: now, signature: version.signature })
      : null
    const training = (await files.readJson(made.fitFolder, 'model/training.json')) as TrainingFacts
    const evaluation = (await files.readJson(made.evaluateFolder, 'data/evaluation.json', 64 * 2 ** 20)) as Evaluation
    return compareReplay({
      version,
      paired,
      graph: {
        before: graphOf(version),
        now: await servedFileOf(made.fitFolder),
      },
      threshold: { before: version.signature.threshold, now: made.signature.threshold },
      metrics: { before: version.test, now: finiteMetrics(evaluation.metrics) },
      environment: {
        before: ((await versionFiles.json(version, 'training.json')) as TrainingFacts | null)?.environment ?? {},
        now: training.environment ?? {},
      },
    })
  }

  return { replay }
}

const graphOf = (version: ModelVersion): string | null =>
  version.manifest.files.find((file) => servedFiles.includes(file.path))?.sha256 ?? null
const servedFiles: readonly string[] = ['model.onnx', 'model.gguf']
