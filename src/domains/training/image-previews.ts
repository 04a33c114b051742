import type * as z from 'zod'
import { invalidInput } from '../../kernel/errors.ts'
import type { Principal } from '../../kernel/principal.ts'
import type { Files } from '../../ports/files/files.ts'
import type { Metadata } from '../../ports/metadata/metadata.ts'
import type { Access } from '../auth/access.ts'
import type { DatasetsService } from '../datasets/service.ts'
import { askJob } from '../jobs/ask.ts'
import type { JobHandler } from '../jobs/handler.ts'
import type { JobsService } from '../jobs/service.ts'
import type { ImagePreview, ImagePreviewInput } from './schema.ts'

export interface ImagePreviewNeeds {
  metadata: Metadata
  access: Access
  files: Files
  datasets: Pick<DatasetsService, 'pin' | 'laySample'>
  jobs: Pick<JobsService, 'queue' | 'ended'>
}

interface PreviewSpec extends Record<string, unknown> {
  versionId: string
  seed: number
  parameters: Record<string, unknown>
}

/** samples.json (docs/job-contract.md). */
interface Samples {
  size: number
  channels: number
  classes?: string[]
  samples: { item: string; files: string[]; objects?: unknown; masks?: unknown }[]
}

/** Rows that are laid for a preview: some may be damaged, and classes are learnt from all of them. */
const laidRows = 60
const mostWaitMs = 110_000

/** A few images of a data set as they are and as training would change them, with their boxes or masks. */
export function imagePreviews({ metadata, access, files, datasets, jobs }: ImagePreviewNeeds) {
  jobs.queue.register(handler())

  function handler(): JobHandler<PreviewSpec, z.infer<typeof ImagePreview>> {
    return {
      kind: 'image.preview',
      lane: 'interactive',
      maxAttempts: 1,
      async run(context) {
        const { versionId, parameters, seed } = context.spec
        const { folder } = await context.runEngine({
          name: 'preview',
          engine: 'image.preview',
          runtime: 'deep',
          parameters,
          seed,
          prepare: (data) => datasets.laySample(versionId, files.resolvePath(data, 'train'), { rows: laidRows, seed }),
        })
        const made = (await files.readJson(folder, 'output/data/samples.json', 64 * 2 ** 20)) as Samples
        const samples = []
        for (const { item, files: paths, objects, masks } of made.samples)
          samples.push({
            item,
            images: await Promise.all(paths.map((path) => dataUrl(files, folder, `output/data/${path}`))),
            ...(objects !== undefined && { objects }),
            ...(masks !== undefined && { masks }),
          })
        return { ...made, samples } as z.infer<typeof ImagePreview>
      },
      publish: async (_tx, _context, outcome) => outcome,
    }
  }

  return async function preview(
    by: Principal,
    input: z.output<typeof ImagePreviewInput>,
    project?: string,
  ): Promise<z.infer<typeof ImagePreview>> {
    const { dataset, version } = await datasets.pin(by, input.dataset, input.version, project)
    await access.authorize(by, 'training:create')
    if (!version.columns.some(({ type }) => type === 'image'))
      throw invalidInput(`The data set "${dataset.name}" has no column of images.`, { field: 'dataset' })
    const { samples, variants, task, target, options, seed } = input
    const job = {
      kind: 'image.preview',
      name: `Changed images of ${dataset.name}`,
      projectId: dataset.project,
      spec: { versionId: version.id, seed, parameters: { task, target, options, samples, variants, format: 'jpeg' } },
    }
    return (await askJob({ metadata, jobs }, by, job, mostWaitMs)) as z.infer<typeof ImagePreview>
  }
}

async function dataUrl(files: Files, root: string, path: string): Promise<string> {
  const { stream } = await files.open(root, path)
  const parts: Buffer[] = []
  for await (const part of stream) parts.push(part as Buffer)
  return `data:image/${path.endsWith('.png') ? 'png' : 'jpeg'};base64,${Buffer.concat(parts).toString('base64')}`
}
