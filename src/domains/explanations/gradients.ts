import type * as z from 'zod'
import { invalidInput } from '../../kernel/errors.ts'
import type { Principal } from '../../kernel/principal.ts'
import { seconds } from '../../kernel/time.ts'
import type { RuntimeName } from '../../ports/engines/runtimes.ts'
import type { Files } from '../../ports/files/files.ts'
import type { Metadata } from '../../ports/metadata/metadata.ts'
import { askJob } from '../jobs/ask.ts'
import type { JobHandler } from '../jobs/handler.ts'
import type { JobsService } from '../jobs/service.ts'
import type { ModelVersion } from '../registry/schema.ts'
import type { Gradients, GradientsInput } from './schema.ts'

export interface GradientsNeeds {
  metadata: Metadata
  files: Files
  jobs: Pick<JobsService, 'queue' | 'ended'>
  registry: {
    resolveVersion(by: Principal, ref: string, project?: string): Promise<ModelVersion>
    versionById(versionId: string): Promise<ModelVersion>
    layPackage(versionId: string, folder: string, options?: { sandboxOnly?: boolean }): Promise<void>
  }
}

export type GradientsService = ReturnType<typeof gradientsService>

interface Spec extends Record<string, unknown> {
  versionId: string
  engine: string
  runtime: RuntimeName
  parameters: Record<string, unknown>
}

const families = ['tabular', 'text', 'image', 'audio'] as const
const mostWaitMs = seconds(150)
const mostRunSeconds = 600
const mostItems = 4

/**
 * What a network's answer rests on, by its gradients. The serving graph has none, so the network itself is asked, in the sandbox of a job that the
 * caller waits for.
 */
export function gradientsService({ metadata, files, jobs, registry }: GradientsNeeds) {
  const handler: JobHandler<Spec, Record<string, unknown>> = {
    kind: 'model.gradients',
    lane: 'interactive',
    maxAttempts: 1,
    async run(context) {
      const { engine, runtime, parameters, versionId } = context.spec
      const { folder } = await context.runEngine({
        name: 'explain',
        engine,
        runtime,
        parameters,
        seed: 7,
        limits: { wallSeconds: mostRunSeconds },
        prepare: (data) => registry.layPackage(versionId, files.resolvePath(data, 'model'), { sandboxOnly: true }),
      })
      return (await files.readJson(folder, 'output/data/explanations.json')) as Record<string, unknown>
    },
    publish: async (_tx, _context, outcome) => outcome,
  }
  jobs.queue.register(handler)

  async function ofVersion(
    by: Principal,
    version: ModelVersion,
    input: z.output<typeof GradientsInput>,
  ): Promise<z.infer<typeof Gradients>> {
    const { family, runtime } = version.manifest.engine ?? { family: 'tabular', runtime: 'tabular' }
    const name = `${version.modelName}:${version.number}`
    if (!(families as readonly string[]).includes(family) || runtime === 'tabular' || version.manifest.sandboxOnly.length === 0)
      throw invalidInput(
        `${name} is no network that was trained here on tables, texts, images or sounds, so it has no gradients.`,
        {
          algorithm: version.algorithm,
        },
      )
    if ((family === 'image' || family === 'audio') && (input.rows?.length ?? 0) > mostItems)
      throw invalidInput(`At most ${mostItems} ${family === 'image' ? 'images' : 'sounds'} are explained at once.`, {
        field: 'rows',
      })
    const found = (await askJob(
      { metadata, jobs },
      by,
      {
        kind: 'model.gradients',
        name: `Gradients of ${name}`,
        projectId: version.project,
        spec: { versionId: version.id, engine: `${family}.explain`, runtime, parameters: { ...input } },
        // It holds the rows that were asked about.
        visibility: 'private',
      },
      mostWaitMs,
    )) as Pick<z.infer<typeof Gradients>, 'explanations' | 'overall'>
    return { model: version.modelName, version: version.number, ...found }
  }

  const gradients = async (by: Principal, ref: string, input: z.output<typeof GradientsInput>, project?: string) =>
    ofVersion(by, await registry.resolveVersion(by, ref, project), input)

  /** For callers that already decided who may ask this version. */
  const ofVersionId = async (by: Principal, versionId: string, input: z.output<typeof GradientsInput>) =>
    ofVersion(by, await registry.versionById(versionId), input)

  return { gradients, ofVersionId }
}
