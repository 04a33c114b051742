import type * as z from 'zod'
import { invalidInput } from '../../kernel/errors.ts'
import type { Principal } from '../../kernel/principal.ts'
import type { BlobStore } from '../../ports/blobs/blob-store.ts'
import type { Metadata } from '../../ports/metadata/metadata.ts'
import type { Access } from '../auth/access.ts'
import { audit } from '../auth/audit.ts'
import type { DatasetsService } from '../datasets/service.ts'
import type { ExperimentsService } from '../experiments/service.ts'
import type { JobsService } from '../jobs/service.ts'
import type { CodeFile } from '../training/lay-for-script.ts'
import type { TrainingService } from '../training/service.ts'
import { SearchSpec } from '../tuning/schema.ts'
import { codeArtifacts, type ScriptSpec } from './job.ts'
import type { ScriptCreated, ScriptInput } from './schema.ts'

export type ScriptsService = ReturnType<typeof scriptsService>

const mostCodeBytes = 3 * 2 ** 20

/** Scripts of the user's own as jobs: with a model to register they are a training, else a run with artifacts. */
export function scriptsService(needs: {
  metadata: Metadata
  access: Access
  blobs: BlobStore
  jobs: Pick<JobsService, 'queue' | 'get'>
  datasets: Pick<DatasetsService, 'pin' | 'split' | 'ensureSplit'>
  experiments: ExperimentsService
  training: Pick<TrainingService, 'create'>
  /** What the platform's own version is, for the run's record. */
  version: string
}) {
  const { metadata, access, blobs, jobs, datasets, experiments, training } = needs

  async function create(by: Principal, input: z.output<typeof ScriptInput>): Promise<z.infer<typeof ScriptCreated>> {
    refuseBadCode(input)
    await access.projectFor(by, input.project, 'training:create')
    const code = await keepCode(input)
    if (input.model) return createTraining(by, input, input.model, code)
    const project = await access.projectFor(by, input.project, 'training:create')
    const channels: (ScriptSpec['channels'][number] & { name: string; version: string })[] = []
    for (const [channel, wish] of Object.entries(input.channels)) {
      const { dataset, version } = await datasets.pin(by, wish.dataset, wish.version, input.project)
      const split = wish.split
        ? await datasets.split(by, wish.split)
        : await datasets.ensureSplit(by, { dataset: dataset.id, version: version.id, target: dataset.target })
      if (split.version !== version.id)
        throw invalidInput(`The split of the channel "${channel}" is of another data set or version.`, {
          field: `channels.${channel}.split`,
        })
      channels.push({
        channel,
        splitId: split.id,
        part: wish.part,
        format: wish.format,
        name: `${dataset.name}:${version.number}`,
        version: version.id,
      })
    }
    const name = input.name ?? entryName(input)
    const script = scriptOf(input)
    const { jobId, runId } = await metadata.transaction(async (tx) => {
      const experiment = await experiments.ensureExperiment(tx, by, { id: project.id }, input.experiment ?? name)
      const runId = await experiments.openRun(tx, by, {
        name: `${name} ${new Date().toISOString().slice(0, 16).replace('T', ' ').replace(':', '.')}`,
        experiment,
        projectId: project.id,
        parameters: { ...scalars(input.hyperparameters), seed: input.seed },
        inputs: channels.map((one) => ({ kind: 'dataset-version', id: one.version, name: one.name })),
        artifacts: codeArtifacts(code),
        code: { platform: needs.version, engine: 'script.train', contract: 1, entryPoint: input.entryPoint ?? null },
      })
      const spec: ScriptSpec = {
        runId,
        runtime: input.runtime,
        seconds: input.seconds,
        seed: input.seed,
        script,
        code,
        channels: channels.map(({ channel, splitId, part, format }) => ({ channel, splitId, part, format })),
      }
      const jobId = await jobs.queue.enqueue(tx, by, { kind: 'script', name: `Run ${name}`, projectId: project.id, spec })
      await experiments.attachJob(tx, runId, jobId)
      await audit(tx, by, 'scripts.create', { target: jobId, project: project.id, facts: { run: runId, entryPoint: name } })
      return { jobId, runId }
    })
    jobs.queue.wake()
    return { job: await jobs.get(by, jobId), run: runId }
  }

  /** As one more algorithm of a training: the same split, sealed evaluation, proof and registration. */
  async function createTraining(
    by: Principal,
    input: z.output<typeof ScriptInput>,
    model: NonNullable<z.output<typeof ScriptInput>['model']>,
    code: CodeFile[],
  ): Promise<z.infer<typeof ScriptCreated>> {
    const { train, ...others } = input.channels
    if (!train)
      throw invalidInput(
        'A script whose model is to be registered needs the channel "train": its data set and split judge the model.',
        {
          field: 'channels',
        },
      )
    const stray = Object.keys(others).find((name) => name !== 'validation')
    if (stray)
      throw invalidInput(
        `A script whose model is registered gets the channels "train" and, where the split has such rows, "validation"; "${stray}" is neither.`,
        { field: `channels.${stray}` },
      )
    return training.create(by, {
      dataset: train.dataset,
      version: train.version,
      project: input.project,
      goal: model.goal,
      target: model.target,
      task: null,
      positive: model.positive,
      metric: model.metric,
      split: train.split,
      recipe: 'auto',
      algorithms: ['script'],
      search: SearchSpec.parse({ strategy: 'none' }),
      imbalance: 'none',
      calibration: 'none',
      options: {
        runtime: input.runtime,
        code,
        script: { ...scriptOf(input), contentType: model.contentType, format: train.format },
        ...(input.seconds !== null && { seconds: input.seconds }),
      },
      seed: input.seed,
      model: model.name ?? input.name ?? null,
      experiment: input.experiment,
    })
  }

  async function keepCode({ files }: z.output<typeof ScriptInput>): Promise<CodeFile[]> {
    const kept: CodeFile[] = []
    for (const { path, content, encoding } of files)
      kept.push({ path, ...(await blobs.put(encoding === 'base64' ? Buffer.from(content, 'base64') : content)) })
    return kept
  }

  return { create }
}

const scriptOf = ({ entryPoint, arguments: words, hyperparameters, metrics }: z.output<typeof ScriptInput>) => ({
  ...(entryPoint !== undefined && { entryPoint }),
  arguments: words,
  hyperparameters,
  metrics,
})

const scalars = (values: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => typeof value !== 'object' || value === null))

const entryName = ({ files, entryPoint }: z.output<typeof ScriptInput>): string =>
  (entryPoint ?? files[0]!.path).split('/').at(-1)!.slice(0, 100)

function refuseBadCode({ files, entryPoint, metrics }: z.output<typeof ScriptInput>): void {
  const seen = new Set<string>()
  let bytes = 0
  for (const { path, content } of files) {
    if (seen.has(path)) throw invalidInput(`The file "${path}" is there twice.`, { field: 'files', path })
    seen.add(path)
    bytes += content.length
  }
  if (bytes > mostCodeBytes)
    throw invalidInput(
      `The code is ${(bytes / 2 ** 20).toFixed(1)} MB, of which a script may bring ${mostCodeBytes / 2 ** 20}. Bring data as a data set.`,
      { field: 'files' },
    )
  if (entryPoint !== undefined && !seen.has(entryPoint))
    throw invalidInput(`The entry point "${entryPoint}" is not among the files.`, { field: 'entryPoint' })
  const twice = metrics.find((one, i) => metrics.findIndex(({ name }) => name === one.name) !== i)
  if (twice) throw invalidInput(`The metric "${twice.name}" is defined twice.`, { field: 'metrics' })
}
