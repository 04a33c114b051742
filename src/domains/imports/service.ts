import type * as z from 'zod'
import { PlatformError } from '../../kernel/errors.ts'
import { newId } from '../../kernel/ids.ts'
import type { Principal } from '../../kernel/principal.ts'
import type { Metadata } from '../../ports/metadata/metadata.ts'
import type { Access } from '../auth/access.ts'
import { audit } from '../auth/audit.ts'
import { scratchFolders } from '../datasets/scratch.ts'
import type { Uploads } from '../datasets/uploads.ts'
import type { JobQueue } from '../jobs/handler.ts'
import type { RegistryService } from '../registry/service.ts'
import { type ImportJobNeeds, type ImportSpec, importJob, lacking } from './job.ts'
import { prepare } from './prepare.ts'
import type { ImportCreated, ImportInput, InspectInput, Inspection } from './schema.ts'

export interface ImportsNeeds extends Omit<ImportJobNeeds, 'uploads' | 'registry' | 'forget'> {
  metadata: Metadata
  access: Access
  jobs: JobQueue
  uploads: Pick<Uploads, 'open' | 'forget'>
  registry: Pick<RegistryService, 'register' | 'modelOfVersion' | 'refuseOtherModel'>
  /** A folder for what is laid out only to be looked at. */
  folder: string
}

export type ImportsService = ReturnType<typeof importsService>

/** Looking unpacks: so many at once, and so many more wait. */
const atOnce = 2
const mostWaiting = 8

/** Models from elsewhere: looked at without being run, then a job makes a version of them. */
export function importsService(needs: ImportsNeeds) {
  const { metadata, access, jobs, uploads, registry, files } = needs
  const scratch = scratchFolders({ files, root: needs.folder })
  const looking = turns()
  jobs.register(importJob({ ...needs, forget: uploads.forget }))

  async function inspect(by: Principal, input: z.output<typeof InspectInput>): Promise<Inspection> {
    await access.projectFor(by, input.project, 'models:write')
    return look(by, input)
  }

  const look = (by: Principal, input: z.output<typeof InspectInput>): Promise<Inspection> =>
    looking(() => scratch.within(async (folder) => (await prepare(needs, by, input, folder)).inspection))

  async function create(by: Principal, input: ImportInput): Promise<z.infer<typeof ImportCreated>> {
    const project = await access.projectFor(by, input.project, 'models:write')
    const inspection = await look(by, input)
    if (inspection.missing.length > 0) throw lacking(inspection)
    // Of what only the sandbox reads, the task is not known yet; registering compares it again.
    if (inspection.task !== null)
      await registry.refuseOtherModel(by, project.id, input.name, { task: inspection.task, target: inspection.target })
    const spec: ImportSpec = { versionId: newId('mdv'), name: input.name, visibility: input.visibility, input }
    const job = await metadata.transaction(async (tx) => {
      const id = await jobs.enqueue(tx, by, {
        kind: 'model.import',
        name: `Import ${input.name}`,
        projectId: project.id,
        spec,
        visibility: input.visibility === 'private' ? 'private' : 'team',
        size: inspection.sizeBytes,
      })
      await audit(tx, by, 'models.import', {
        target: id,
        project: project.id,
        facts: {
          name: input.name,
          format: inspection.format,
          sha256: inspection.sha256,
          licence: input.licence || inspection.licence,
          origin: input.origin,
        },
      })
      return id
    })
    jobs.wake()
    return { job, inspection }
  }

  return { inspect, create }
}

function turns() {
  let running = 0
  const waiting: (() => void)[] = []
  return async <T>(work: () => Promise<T>): Promise<T> => {
    if (running >= atOnce) {
      if (waiting.length >= mostWaiting)
        throw new PlatformError('rate_limited', 'Several models are being looked at. Try again in a moment.', {
          retryAfterSeconds: 5,
        })
      await new Promise<void>((go) => waiting.push(go))
    }
    running++
    try {
      return await work()
    } finally {
      running--
      waiting.shift()?.()
    }
  }
}
