import type * as z from 'zod'
import { invalidInput, preconditionFailed } from '../../../kernel/errors.ts'
import type { Events } from '../../../kernel/events.ts'
import { newId } from '../../../kernel/ids.ts'
import type { Principal } from '../../../kernel/principal.ts'
import type { BlobStore } from '../../../ports/blobs/blob-store.ts'
import type { Files } from '../../../ports/files/files.ts'
import { compilePrediction } from '../../../ports/inference/row-prediction.ts'
import type { Metadata } from '../../../ports/metadata/metadata.ts'
import type { Access } from '../../auth/access.ts'
import { storePackage } from '../../registry/package.ts'
import type { ModelVersion } from '../../registry/schema.ts'
import type { RegistryService } from '../../registry/service.ts'
import { refuseUnproven } from '../deployment-rule.ts'
import type { LoadedRows, LoadedText, VersionToLoad } from '../serving.ts'
import type { StepFigures } from './figures.ts'
import { type OpenPipeline, openPipeline, type PipelineFile, planOf } from './load.ts'
import { isCombine, isModel, isThreshold, type PipelinePlan, type Step } from './plan.ts'
import type { PipelineCheck, PipelineChecked, PipelineInput, PipelineOfEndpoint, PipelineSpec } from './schema.ts'

export interface PipelinesNeeds {
  metadata: Metadata
  access: Access
  events: Events
  blobs: BlobStore
  files: Files
  registry: Pick<RegistryService, 'resolveVersion' | 'requirePromotable' | 'register' | 'refuseOtherModel'>
  /** Opens a version as an endpoint does. */
  open(version: VersionToLoad): Promise<LoadedRows | LoadedText>
  /** What an endpoint of this process serves now. */
  servedBy(by: Principal, ref: string, project?: string): Promise<{ endpoint: string; pipeline: OpenPipeline | null }>
}

/** Several models, and what is done before, between and after them, as one version of a model. */
export function pipelinesService({ metadata, access, events, blobs, files, registry, open, servedBy }: PipelinesNeeds) {
  /** Pins the versions that a pipeline names; whoever makes it must see them. */
  async function pin(by: Principal, spec: PipelineSpec, project: string | undefined, toServe: boolean): Promise<PipelineFile> {
    const members: PipelineFile['members'] = {}
    for (const step of spec.steps) {
      if (!isModel(step)) continue
      const version = await registry.resolveVersion(by, step.model, project)
      refuseUnproven(version)
      if (version.manifest.kind === 'pipeline')
        throw invalidInput(`Step "${step.name}": ${step.model} is a pipeline itself, which is no step of another.`, {
          step: step.name,
        })
      // What may not be deployed alone may not be in a pipeline either: an administrator approves it first.
      const isApproved = version.state === 'approved' || version.state === 'deployed'
      if (toServe && !isApproved) await registry.requirePromotable(by, version, null)
      members[step.name] = toMember(version)
    }
    if (Object.keys(members).length === 0)
      throw invalidInput('A pipeline needs at least one step with a model.', { field: 'pipeline.steps' })
    return { spec, members }
  }

  /** What a pipeline takes and says; with rows also what it says of these, step by step. Nothing is kept. */
  async function check(
    by: Principal,
    { pipeline, rows, project }: z.output<typeof PipelineCheck>,
  ): Promise<z.infer<typeof PipelineChecked>> {
    await access.authorize(by, 'models:read')
    const file = await pin(by, { ...pipeline, trace: true }, project, false)
    const plan = planOf(file)
    const told = { signature: plan.signature, columns: plan.columns }
    if (rows.length === 0) return { ...told, predictions: [], steps: stepsOf(plan) }
    const opened = await openPipeline(file, open)
    try {
      const { batch } = await opened.encoder.encode(rows)
      const scores = await opened.model.predict(batch)
      const predict = compilePrediction(plan.signature)
      return { ...told, predictions: rows.map((_, r) => ({ ...predict(scores, r) })), steps: stepsOf(plan, opened.figures) }
    } finally {
      await opened.model.close()
    }
  }

  /** Registers a pipeline as a version of a model, which is deployed, compared and rolled back like every other. */
  async function create(by: Principal, input: z.output<typeof PipelineInput>): Promise<ModelVersion> {
    const project = await access.projectFor(by, input.project, 'models:write')
    const file = await pin(by, input.pipeline, input.project, true)
    const { signature } = planOf(file)
    const about = { task: signature.task, target: signature.target }
    await registry.refuseOtherModel(by, project.id, input.name, about)
    const id = newId('mdv')
    const manifest = await storePackage(
      { blobs, files },
      {
        kind: 'pipeline',
        trust: Object.values(file.members).some(({ trust }) => trust === 'imported') ? 'imported' : 'built',
        open: [
          { path: 'pipeline.json', text: JSON.stringify(file, null, 1) },
          { path: 'signature.json', text: JSON.stringify(signature, null, 1) },
          { path: 'card.md', text: cardOf(input.name, id, file) },
        ],
        sandboxOnly: [],
      },
    )
    const { modelId } = await metadata.transaction((tx) =>
      registry.register(
        tx,
        by,
        { name: input.name, projectId: project.id, visibility: input.visibility },
        {
          id,
          ...about,
          target: signature.target ?? '',
          algorithm: 'pipeline',
          goal_id: null,
          dataset_id: '',
          dataset_version_id: '',
          split_id: '',
          run_id: '',
          job_id: '',
          manifest: JSON.stringify(manifest),
          signature: JSON.stringify(signature),
          validation: '{}',
          test: '{}',
          parity: null,
          predictions: null,
          training_spec: JSON.stringify({ pipeline: input.pipeline }),
          sealed_opened_at: null,
          created_by: by.userId ?? '',
        },
      ),
    )
    events.emit('model.version-registered', { modelId, versionId: id, projectId: project.id })
    return registry.resolveVersion(by, id)
  }

  /** The pipeline behind an endpoint, and how long its steps take in this process. */
  async function ofEndpoint(by: Principal, ref: string, project?: string): Promise<z.infer<typeof PipelineOfEndpoint>> {
    const { endpoint, pipeline } = await servedBy(by, ref, project)
    if (!pipeline) throw preconditionFailed('This endpoint serves no pipeline, or is not ready.', { endpoint })
    const members = Object.entries(pipeline.members).map(([step, { id, modelName, number }]) => ({
      step,
      version: id,
      name: `${modelName}:${number}`,
    }))
    return { endpoint, pipeline: pipeline.plan.spec, members, steps: stepsOf(pipeline.plan, pipeline.figures) }
  }

  return { check, create, ofEndpoint }
}

export type PipelinesService = ReturnType<typeof pipelinesService>

const toMember = ({ id, number, modelName, manifest, signature }: ModelVersion): VersionToLoad => ({
  id,
  number,
  modelName,
  served: manifest.kind,
  trust: manifest.trust,
  signature,
})

const stepsOf = (plan: PipelinePlan, figures?: StepFigures): z.infer<typeof PipelineOfEndpoint>['steps'] =>
  plan.steps.map(({ step }) => ({
    name: step.name,
    does: doesWhat(step),
    ...(figures?.of(step.name) ?? { calls: 0, rows: 0, p50Ms: null, p95Ms: null }),
  }))

function doesWhat(step: Step): string {
  if (isModel(step)) return `asks ${step.model}${step.when ? ` when ${step.when}` : ''}`
  if (isCombine(step)) return `${step.combine.how.replace('_', ' ')} of ${step.combine.of.join(', ')}`
  if (isThreshold(step)) return `${step.threshold.of} from ${step.threshold.at} on`
  const made = [step.rename, step.set, step.compute].flatMap((columns) => Object.keys(columns ?? {}))
  return `makes ${made.join(', ')}`
}

const cardOf = (name: string, id: string, { spec, members }: PipelineFile): string => `# ${name}

A pipeline: several models as one. Version id: ${id}.

## Steps

${spec.steps
  .map((step) => {
    const member = members[step.name]
    return `- ${step.name}: ${member ? `${member.modelName}:${member.number}` : doesWhat(step)}`
  })
  .join('\n')}

The answer is that of ${spec.output.from}.

## Limits

- Its models were evaluated and proven each by itself; what they say together was not evaluated.
`
