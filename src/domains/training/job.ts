import type * as z from 'zod'
import { PlatformError } from '../../kernel/errors.ts'
import type { Events } from '../../kernel/events.ts'
import type { BlobStore } from '../../ports/blobs/blob-store.ts'
import type { Files } from '../../ports/files/files.ts'
import type { Inference } from '../../ports/inference/inference.ts'
import type { LanguageModels } from '../../ports/language/language.ts'
import type { Db } from '../../ports/metadata/metadata.ts'
import type { Tables } from '../../ports/tables/tables.ts'
import type { DatasetsService } from '../datasets/service.ts'
import { prove } from '../evaluation/prove.ts'
import type { ExperimentsService } from '../experiments/service.ts'
import type { GoalsService } from '../goals/service.ts'
import type { JobContext, JobHandler } from '../jobs/handler.ts'
import type { Cost } from '../jobs/schema.ts'
import type { JobsService } from '../jobs/service.ts'
import type { TrainingFacts } from '../registry/card.ts'
import type { Derived, Parity, Signature } from '../registry/schema.ts'
import type { RegistryService } from '../registry/service.ts'
import type { TuningService } from '../tuning/service.ts'
import { type Assembled, assemblePackage } from './assemble.ts'
import { type EngineStages, evaluateInto, fitInto } from './fit-stages.ts'
import { hashFile } from './hash-file.ts'
import { pointsOfRun } from './points-of-run.ts'
import { readySplit } from './ready-split.ts'
import { trainingResult } from './result.ts'
import { runRecorder } from './run-recorder.ts'
import { engineOf, type TrainingSpec } from './spec.ts'
import { stageResults } from './stages.ts'
import { measureUncertainty, understand } from './understand.ts'

export interface TrainingJobNeeds {
  files: Files
  blobs: BlobStore
  tables: Tables
  inference: Inference
  language: Pick<LanguageModels, 'load'>
  events: Events
  jobs: Pick<JobsService, 'ended'>
  datasets: DatasetsService
  goals: Pick<GoalsService, 'outcomes' | 'get'>
  experiments: ExperimentsService
  tuning: TuningService
  registry: RegistryService
}

export interface TrainingOutcome {
  assembled: Assembled
  parity: z.infer<typeof Parity>
  sealedOpenedAt: string
}

/** How a kind of job comes to a package; what follows is the same for all. */
export interface WayToPackage<Spec extends TrainingSpec = TrainingSpec> {
  kind: string
  /** Leaves model/, native/ and data/ in `into`. */
  fit(
    needs: EngineStages,
    context: JobContext<Spec>,
    more: { hasValidation: boolean; onEvent: Parameters<JobContext['runEngine']>[0]['onEvent'] },
    into: string,
  ): Promise<{ cost: Cost }>
  /** What the version is made from, where that is another version. */
  derived?(spec: Spec): Derived
}

const byTraining: WayToPackage = {
  kind: 'training',
  fit: (needs, context, more, into) => fitInto(needs, context, { ...context.spec, ...more }, into),
}

/** A job that leaves a version: fit, evaluate, prove, register. A stage that an earlier attempt finished is not done again. */
export function trainingJob<Spec extends TrainingSpec = TrainingSpec>(
  needs: TrainingJobNeeds,
  { kind, fit, derived }: WayToPackage<Spec> = byTraining as unknown as WayToPackage<Spec>,
): JobHandler<Spec, TrainingOutcome> {
  const { files, blobs, tables, inference, language, events, datasets, goals, experiments, tuning, registry } = needs

  async function run(context: JobContext<Spec>): Promise<TrainingOutcome> {
    const { spec } = context
    const stages = stageResults(files, context.checkpointFolder)
    const split = await readySplit(needs, context, spec.splitId)

    const fitted = await stages.once('fit', async (folder) => {
      const recorder = runRecorder(
        { experiments, tuning },
        { runId: spec.runId, searchId: spec.searchId, metric: spec.parameters.metric },
      )
      try {
        const hasValidation = split.parts.some((part) => part.part === 'validation' && part.rows > 0)
        return await fit({ files, tables, blobs, datasets }, context, { hasValidation, onEvent: recorder.onEvent }, folder)
      } finally {
        await recorder.close()
      }
    })
    const signature = (await files.readJson(fitted.folder, 'model/signature.json')) as Signature

    context.progress('evaluate', 0, 1, 'The sealed rows are opened, once.')
    const evaluated = await stages.once('evaluate', (folder) =>
      evaluateInto(
        { files, tables, blobs, datasets },
        context,
        { spec, fitFolder: fitted.folder, threshold: signature.threshold, reason: 'evaluation' },
        folder,
      ),
    )

    context.progress('prove', 0, 1, 'The raw rows are replayed through the serving code.')
    const { parity } = await stages.once('prove', async (folder) => ({
      parity: await proveIn(context, folder, fitted.folder, evaluated.folder, signature),
    }))
    if (parity.served === 'gguf' && parity.reason)
      context.report({ type: 'warning', data: { code: 'not_served', message: parity.reason, facts: {} } })
    if (parity.served === 'python' && parity.reason)
      context.report({ type: 'warning', data: { code: 'served_by_python', message: parity.reason, facts: {} } })

    context.progress('understand', 0, 1, 'The columns are weighed by what the model says.')
    const understood = await stages.once('understand', async (folder) => {
      const made = { signature, parity, fitFolder: fitted.folder, evaluateFolder: evaluated.folder }
      const failed = (code: string, what: string) => (error: Error) =>
        context.report({ type: 'warning', data: { code, message: `${what}: ${error.message}`, facts: {} } })
      await understand(needs, context, made, folder).catch(failed('not_explained', 'The model could not be explained'))
      await measureUncertainty(needs, made, folder).catch(failed('no_uncertainty', 'How sure the model is could not be measured'))
      return {}
    })

    context.progress('register', 0, 1, 'The package is put together.')
    const goal = spec.goalId === null ? null : await goals.get(context.principal, spec.goalId).catch(() => null)
    const { version } = await datasets.pin(context.principal, spec.datasetId, spec.datasetVersionId)
    const assembled = await assemblePackage(
      { files, blobs },
      {
        spec,
        fitFolder: fitted.folder,
        evaluateFolder: evaluated.folder,
        understoodFolder: understood.folder,
        sealedOpenedAt: evaluated.openedAt,
        parity,
        split,
        goal,
        derived: derived?.(spec) ?? null,
        dataset: { rows: version.rows, columns: version.columns.length },
        judge: async (metrics) =>
          spec.goalId === null ? null : ((await goals.outcomes([{ goal: spec.goalId, metrics }]))[0] ?? null),
      },
    )
    return { assembled, parity, sealedOpenedAt: evaluated.openedAt }
  }

  async function proveIn(
    context: JobContext<TrainingSpec>,
    folder: string,
    fitFolder: string,
    evaluateFolder: string,
    signature: Signature,
  ): Promise<z.infer<typeof Parity>> {
    const training = (await files.readJson(fitFolder, 'model/training.json')) as TrainingFacts
    await files.copy({ root: fitFolder, path: 'model' }, { root: folder, path: 'package' })
    const packageFolder = files.resolvePath(folder, 'package')
    const parity = await prove(
      { files, inference, language },
      {
        signature,
        exported: {
          ok: training.export?.ok === true && training.export.path === 'onnx',
          reason: training.export?.reason ?? null,
        },
        packageFolder,
        evidenceFolder: files.resolvePath(evaluateFolder, 'data'),
        hashOf: (path) => hashFile(files, packageFolder, path),
        engine: engineOf(context.spec),
        layNative: () => files.copy({ root: fitFolder, path: 'native' }, { root: packageFolder, path: 'native' }),
      },
    )
    await files.remove(folder, 'package')
    return parity
  }

  /** *register*: the version, its run and the answer exist together, or none of them does. */
  async function publish(tx: Db, context: JobContext<Spec>, outcome: TrainingOutcome): Promise<Record<string, unknown>> {
    const { spec } = context
    const { assembled, parity, sealedOpenedAt } = outcome
    const { task, target } = spec.parameters
    const registered = await registry.register(
      tx,
      context.principal,
      { name: spec.modelName, projectId: context.projectId, visibility: spec.visibility },
      {
        id: spec.versionId,
        task,
        target: target ?? '',
        algorithm: assembled.training.algorithm,
        goal_id: spec.goalId,
        dataset_id: spec.datasetId,
        dataset_version_id: spec.datasetVersionId,
        split_id: spec.splitId,
        run_id: spec.runId,
        job_id: context.jobId,
        manifest: JSON.stringify(assembled.manifest),
        signature: JSON.stringify(assembled.signature),
        validation: JSON.stringify(assembled.validation),
        test: JSON.stringify(assembled.evaluation.metrics),
        parity: JSON.stringify(parity),
        predictions: assembled.predictionsSha256,
        training_spec: JSON.stringify(spec),
        sealed_opened_at: Date.parse(sealedOpenedAt),
        created_by: context.principal.userId ?? '',
        ...(derived && { derived: JSON.stringify(derived(context.spec)) }),
      },
    )
    await experiments.appendPoints(tx, spec.runId, pointsOfRun(assembled))
    await experiments.setParameters(tx, spec.runId, { algorithm: assembled.training.algorithm, ...assembled.training.params })
    await experiments.closeRun(tx, spec.runId, {
      state: 'finished',
      artifacts: assembled.artifacts,
      environment: assembled.training.environment ?? {},
    })
    return trainingResult(spec, registered, assembled, parity)
  }

  return {
    kind,
    run,
    publish,
    async unpublish(tx, { spec, state, failure }) {
      await experiments.closeRun(tx, spec.runId, { state, message: failure.message })
    },
    async requeued(tx, { spec }) {
      await experiments.reopenRun(tx, spec.runId)
    },
    async ended({ spec, state, projectId }) {
      if (state !== 'succeeded') return
      const modelId = await registry.modelOfVersion(spec.versionId)
      if (!modelId) throw new PlatformError('internal', `The version ${spec.versionId} was not registered.`, {})
      events.emit('model.version-registered', { modelId, versionId: spec.versionId, projectId })
    },
  }
}
