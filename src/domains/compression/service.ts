import type * as z from 'zod'
import { invalidInput, preconditionFailed } from '../../kernel/errors.ts'
import { newId } from '../../kernel/ids.ts'
import type { Principal } from '../../kernel/principal.ts'
import type { Metadata } from '../../ports/metadata/metadata.ts'
import type { Access } from '../auth/access.ts'
import { audit } from '../auth/audit.ts'
import type { CostService } from '../cost/service.ts'
import type { DatasetsService } from '../datasets/service.ts'
import type { ExperimentsService } from '../experiments/service.ts'
import type { JobsService } from '../jobs/service.ts'
import type { TrainingFacts } from '../registry/card.ts'
import type { ModelVersion } from '../registry/schema.ts'
import type { RegistryService } from '../registry/service.ts'
import type { VersionFiles } from '../registry/version-files.ts'
import type { Algorithm } from '../training/algorithms.ts'
import { replayParameters } from '../training/replay-parameters.ts'
import { type EngineParameters, engineOf, type GivenRecipe, type TrainingSpec } from '../training/spec.ts'
import type { TuningService } from '../tuning/service.ts'
import type { CompressionCreated, CompressionInput } from './schema.ts'
import type { CompressionSpec } from './spec.ts'
import { studentOf } from './students.ts'
import { summaryOf } from './summary.ts'

export interface CompressionNeeds {
  metadata: Metadata
  access: Access
  jobs: Pick<JobsService, 'queue' | 'get'>
  cost: CostService
  datasets: Pick<DatasetsService, 'pin'>
  experiments: ExperimentsService
  tuning: TuningService
  registry: RegistryService
  versionFiles: Pick<VersionFiles, 'json'>
  algorithms: readonly Algorithm[]
  /** What the platform's own version is, for the run's record. */
  version: string
}

export type CompressionService = ReturnType<typeof compressionService>

/** Families whose packages can be made smaller. */
const families: ReadonlySet<string> = new Set(['tabular', 'text', 'image', 'audio'])
const tasks: ReadonlySet<string> = new Set(['binary', 'multiclass', 'multilabel', 'regression'])

/** Smaller and faster versions from a registered one: asked for here, made by a job, registered as versions derived from it. */
export function compressionService(needs: CompressionNeeds) {
  const { metadata, access, jobs, cost, datasets, experiments, tuning, registry, algorithms, version: platformVersion } = needs

  async function create(
    by: Principal,
    ref: string,
    input: CompressionInput,
    project?: string,
  ): Promise<z.infer<typeof CompressionCreated>> {
    const row = await registry.findVersion(by, ref, project)
    await access.authorize(by, 'training:create', { ...row, id: row.model_id })
    const from = await registry.resolveVersion(by, row.id)
    const trained = JSON.parse(row.training_spec) as TrainingSpec
    refuseWhatCannot(from, trained, input)
    const { dataset, version: data } = await datasets.pin(by, from.dataset, from.datasetVersion)
    const name = `${from.modelName}:${from.number}`
    const teaching = engineOf(trained)
    const student = input.method === 'distil' ? studentOf(algorithms, trained, input, teaching.family, data.columns) : null
    const modelName = input.model ?? from.modelName
    await registry.refuseOtherModel(by, from.project, modelName, { task: from.task, target: from.target })
    const summary = summaryOf(input)
    const size = Math.max(1, (data.rows ?? 0) * data.columns.length)
    const estimate = await cost.estimate({
      kind: 'compression',
      size,
      prior: {
        seconds: { low: 10, high: 60 + Math.round(size / 5000) },
        basis: 'The size of the data; no version was made smaller on this machine yet.',
      },
    })
    const { jobId, runId } = await metadata.transaction(async (tx) => {
      const experiment = await experiments.ensureExperiment(tx, by, { id: from.project }, modelName)
      const visibility = row.visibility === 'private' ? 'private' : 'team'
      const runId = await experiments.openRun(tx, by, {
        name: `${modelName} ${input.method} ${new Date().toISOString().slice(0, 19).replace('T', ' ').replaceAll(':', '.')}`,
        experiment,
        projectId: from.project,
        visibility,
        parameters: { ...scalars(input), from: name },
        inputs: [
          { kind: 'model-version', id: from.id, name },
          { kind: 'dataset-version', id: data.id, name: `${dataset.name}:${data.number}` },
          { kind: 'split', id: from.split, name: 'of the original' },
        ],
        code: {
          platform: platformVersion,
          engine: student ? `${student.engine.family}.train` : `compression.${input.method}`,
          contract: 1,
        },
      })
      const spec: CompressionSpec = {
        ...trained,
        versionId: newId('mdv'),
        runId,
        searchId: newId('srch'),
        modelName,
        visibility,
        seed: input.seed,
        ...student,
        ...(input.method === 'trim' && { parameters: await asItWas(from, trained) }),
        // A student begins with numbers of its own.
        ...(student && { weights: undefined }),
        from: { versionId: from.id, name, engine: teaching },
        compression: input,
        summary,
      }
      const jobId = await jobs.queue.enqueue(tx, by, {
        kind: 'compression',
        name: `Make ${name} smaller (${input.method})`,
        projectId: from.project,
        spec,
        visibility,
        estimate,
        size,
      })
      await experiments.attachJob(tx, runId, jobId)
      await tuning.open(tx, { id: spec.searchId, job: jobId, run: runId, metric: trained.parameters.metric, strategy: 'none' })
      await audit(tx, by, 'models.compress', { target: from.id, project: from.project, facts: { job: jobId, summary } })
      return { jobId, runId }
    })
    jobs.queue.wake()
    return { job: await jobs.get(by, jobId), run: runId, estimate }
  }

  /** The training of a version without its search, to be done again with fewer columns. */
  async function asItWas(from: ModelVersion, trained: TrainingSpec): Promise<EngineParameters> {
    const training = ((await needs.versionFiles.json(from, 'training.json')) ?? {}) as unknown as TrainingFacts
    const recipe = ((await needs.versionFiles.json(from, 'recipe.json')) ?? { steps: [] }) as unknown as GivenRecipe
    return { ...replayParameters(trained, training, recipe), importance: true }
  }

  return { create }
}

function refuseWhatCannot(from: ModelVersion, trained: TrainingSpec, { method }: CompressionInput): void {
  const name = `${from.modelName}:${from.number}`
  const { family } = engineOf(trained)
  if (from.manifest.trust !== 'built' || from.manifest.sandboxOnly.length === 0)
    throw preconditionFailed(`${name} was not trained here, so nothing smaller can be made from it.`, { version: from.id })
  if (!families.has(family) || !tasks.has(from.task))
    throw invalidInput(
      `A version of the family "${family}" for ${from.task} cannot be made smaller yet; tables, texts, images and sounds with a target can.`,
      { field: 'method', family, task: from.task },
    )
  if (method === 'trim' && family !== 'tabular')
    throw invalidInput(`Columns can be trimmed from models of tables; ${name} is of the family "${family}".`, {
      field: 'method',
      family,
    })
  if (method === 'trim' && from.derived !== null)
    throw preconditionFailed(`${name} was made from ${from.derived.fromName}. Trim the columns of that one.`, {
      version: from.id,
    })
  if (method !== 'distil' && method !== 'trim' && from.parity?.served === 'python')
    throw preconditionFailed(
      `${name} is served from Python, so it has no graph that could be made smaller. Distil it into a model that has one.`,
      { version: from.id },
    )
}

const scalars = (input: CompressionInput): Record<string, unknown> => {
  const { method, scheme, algorithms, temperature, alpha, sparsity, structured, standardErrors, seed } = input
  if (method === 'quantise') return { method, scheme, seed }
  if (method === 'distil') return { method, algorithms: algorithms.join(','), temperature, alpha, seed }
  if (method === 'prune') return { method, sparsity, structured, seed }
  return { method, standardErrors, seed }
}
