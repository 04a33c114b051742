import { PlatformError } from '../../kernel/errors.ts'
import { toIso } from '../../kernel/time.ts'
import type { BlobStore } from '../../ports/blobs/blob-store.ts'
import type { Files } from '../../ports/files/files.ts'
import type { Tables } from '../../ports/tables/tables.ts'
import type { DatasetsService } from '../datasets/service.ts'
import type { JobContext } from '../jobs/handler.ts'
import type { Cost } from '../jobs/schema.ts'
import { layWeights } from '../weights/service.ts'
import { type CodeFile, layCode, layForScript } from './lay-for-script.ts'
import { type EngineParameters, engineOf, type TrainingSpec } from './spec.ts'

/** What the two engines of a training job leave, and how to run them: also used to replay a version. */
export interface EngineStages {
  files: Files
  tables: Tables
  blobs: BlobStore
  datasets: Pick<DatasetsService, 'layPart' | 'openSealed'>
}

/** *fit*: training and validation rows only. Leaves model/, native/ and data/ in `into`. */
export async function fitInto(
  needs: EngineStages,
  context: JobContext,
  fit: {
    splitId: string
    seed: number
    engine?: TrainingSpec['engine']
    weights?: TrainingSpec['weights']
    parameters: EngineParameters
    hasValidation: boolean
    onEvent?: Parameters<JobContext['runEngine']>[0]['onEvent']
    /** Lays what this way of fitting reads beside the rows. */
    layMore?(data: string): Promise<void>
  },
  into: string,
): Promise<{ cost: Cost }> {
  const { files, datasets } = needs
  const { family, runtime } = engineOf(fit)
  const { folder, cost } = await context.runEngine({
    name: 'fit',
    engine: `${family}.train`,
    runtime,
    parameters: { ...withGivenRows(fit.parameters, fit.hasValidation) },
    seed: fit.seed,
    limits: limitsOf(fit.parameters),
    onEvent: fit.onEvent,
    async prepare(data) {
      await fit.layMore?.(data)
      if (fit.weights) await layWeights(needs, fit.weights, data)
      if (family === 'script') await layCode(needs, fit.parameters.options?.code as CodeFile[], data)
      for (const part of fit.hasValidation ? (['train', 'validation'] as const) : (['train'] as const))
        if (family === 'script')
          await layForScript(needs, { splitId: fit.splitId, part, channel: part, format: formatOf(fit.parameters) }, data)
        else await datasets.layPart(fit.splitId, part, files.resolvePath(data, part))
    },
  })
  await keepFitted(files, folder, into)
  return { cost }
}

/** Rows that were set aside for validation are what it validates on; a split that was still being made did not say whether there are any. */
const withGivenRows = (parameters: EngineParameters, hasValidation: boolean): EngineParameters =>
  hasValidation ? { ...parameters, validation: { ...parameters.validation, kind: 'holdout' } } : parameters

/** Takes what a fitting engine left; refuses an ending without what every package needs. */
export async function keepFitted(files: Files, folder: string, into: string): Promise<void> {
  for (const [from, to] of [
    ['model', 'model'],
    ['native', 'native'],
    ['output/data', 'data'],
  ] as const)
    await files.move({ root: folder, path: from }, { root: into, path: to })
  for (const needed of ['model/signature.json', 'model/training.json', 'model/recipe.json'])
    if (!(await files.exists(into, needed)))
      throw new PlatformError('internal', `The training engine ended well but left no ${needed}.`, { file: needed })
}

/** *evaluate*: the sealed rows are laid for this stage alone, and the opening is in the audit trail. Leaves data/ in `into`. */
export async function evaluateInto(
  needs: EngineStages,
  context: JobContext,
  fitted: {
    spec: Pick<TrainingSpec, 'splitId' | 'versionId' | 'seed' | 'engine' | 'parameters' | 'weights'>
    fitFolder: string
    threshold: number | null
    reason: string
  },
  into: string,
): Promise<{ cost: Cost; openedAt: string }> {
  const { files, datasets } = needs
  const { spec, fitFolder } = fitted
  const { task, target, positive, goal, options } = spec.parameters
  const { family, runtime } = engineOf(spec)
  const { folder, cost } = await context.runEngine({
    name: 'evaluate',
    engine: `${family}.evaluate`,
    runtime,
    parameters: {
      task,
      target,
      positive,
      threshold: fitted.threshold,
      bootstrap: 1000,
      parityRows: options?.parityRows ?? 1000,
      costs: goal && { costFalsePositive: goal.costFalsePositive, costFalseNegative: goal.costFalseNegative },
      ...(options && { options }),
    },
    seed: spec.seed,
    async prepare(data) {
      // A language model is scored beside what it began with.
      if (family === 'language' && spec.weights) await layWeights(needs, spec.weights, data)
      const opening = { version: spec.versionId, reason: fitted.reason, job: context.jobId }
      await datasets.openSealed(null, context.principal, spec.splitId, opening, files.resolvePath(data, 'test'))
      await files.copy({ root: fitFolder, path: 'model' }, { root: data, path: 'model' })
      await files.copy({ root: fitFolder, path: 'native' }, { root: data, path: 'model/native' })
    },
  })
  const openedAt = toIso(Date.now())
  await files.move({ root: folder, path: 'output/data' }, { root: into, path: 'data' })
  // The rows themselves do not outlive the stage.
  await files.remove(folder, 'input/data/test')
  return { cost, openedAt }
}

/** How long it may take, where the request says so. */
const limitsOf = ({ options }: EngineParameters) => (typeof options?.seconds === 'number' ? { wallSeconds: options.seconds } : {})

const formatOf = ({ options }: EngineParameters): 'csv' | 'parquet' =>
  (options?.script as { format?: string } | undefined)?.format === 'parquet' ? 'parquet' : 'csv'
