import type * as z from 'zod'
import { invalidInput, preconditionFailed } from '../../kernel/errors.ts'
import type { Events } from '../../kernel/events.ts'
import { newId } from '../../kernel/ids.ts'
import type { Principal } from '../../kernel/principal.ts'
import type { BlobStore } from '../../ports/blobs/blob-store.ts'
import { readerOf } from '../../ports/blobs/read-range.ts'
import type { Files } from '../../ports/files/files.ts'
import { readGguf } from '../../ports/language/gguf-header.ts'
import type { Metadata } from '../../ports/metadata/metadata.ts'
import type { Access, Guarded } from '../auth/access.ts'
import type { Weights } from '../weights/schema.ts'
import type { WeightsService } from '../weights/service.ts'
import { ggufSignature } from './gguf-signature.ts'
import { storePackage } from './package.ts'
import type { ModelVersion, RegisterWeights } from './schema.ts'
import type { RegistryService } from './service.ts'

export interface RegisterWeightsNeeds {
  metadata: Metadata
  access: Access
  events: Events
  blobs: BlobStore
  files: Files
  weights: Pick<WeightsService, 'get'>
  registry: Pick<RegistryService, 'register' | 'refuseOtherModel' | 'resolveVersion'>
}

export type RegisterWeightsService = ReturnType<typeof registerWeightsService>

/** Weights that people brought become a version of a model, so that they can be served as they are: GGUF files, which write text. */
export function registerWeightsService({ metadata, access, events, blobs, files, weights, registry }: RegisterWeightsNeeds) {
  async function register(
    by: Principal,
    ref: string,
    input: z.output<typeof RegisterWeights>,
    project?: string,
  ): Promise<ModelVersion> {
    const brought = await weights.get(by, ref, project)
    await access.authorize(by, 'models:write', guardOf(brought))
    if (brought.state !== 'ready')
      throw preconditionFailed(`The weights "${brought.name}" are not there yet (${brought.state}).`, { weights: brought.id })
    const file = theGguf(brought)
    const header = await readGguf(readerOf(blobs, file.sha256), file)
    const name = input.model ?? brought.name
    const template = brought.files.find(({ path }) => path.endsWith('chat_template.jinja'))
    const signature = ggufSignature(header, template !== undefined)
    await registry.refuseOtherModel(by, brought.project, name, { task: signature.task, target: null })
    const versionId = newId('mdv')
    const manifest = await storePackage(
      { blobs, files },
      {
        kind: 'gguf',
        trust: 'imported',
        open: [
          { path: 'model.gguf', sha256: file.sha256, sizeBytes: file.sizeBytes },
          ...(template ? [{ path: 'chat_template.jinja', sha256: template.sha256, sizeBytes: template.sizeBytes }] : []),
          { path: 'signature.json', text: JSON.stringify(signature, null, 1) },
          { path: 'card.md', text: cardOf(name, versionId, brought, header) },
        ],
        sandboxOnly: [],
      },
    )
    const { modelId } = await metadata.transaction((tx) =>
      registry.register(
        tx,
        by,
        { name, projectId: brought.project, visibility: brought.visibility },
        {
          id: versionId,
          task: signature.task,
          target: '',
          algorithm: 'imported',
          goal_id: null,
          dataset_id: '',
          dataset_version_id: '',
          split_id: '',
          run_id: '',
          job_id: brought.job ?? '',
          manifest: JSON.stringify(manifest),
          signature: JSON.stringify(signature),
          validation: '{}',
          test: '{}',
          parity: null,
          predictions: null,
          training_spec: JSON.stringify({ weights: brought.id }),
          sealed_opened_at: null,
          created_by: by.userId ?? '',
        },
      ),
    )
    events.emit('model.version-registered', { modelId, versionId, projectId: brought.project })
    return registry.resolveVersion(by, versionId)
  }

  return { register }
}

const guardOf = ({ id, project, owner, visibility }: Weights): Guarded => ({
  id,
  project_id: project,
  owner_id: owner,
  visibility,
})

function theGguf({ name, files }: Weights): Weights['files'][number] {
  const found = files.filter(({ path }) => path.toLowerCase().endsWith('.gguf'))
  if (found.length === 1) return found[0]!
  if (found.length > 1)
    throw invalidInput(
      `The weights "${name}" hold ${found.length} GGUF files (${found.map(({ path }) => path).join(', ')}). Add the one to be served alone.`,
      { field: 'weights' },
    )
  throw preconditionFailed(
    `The weights "${name}" hold no GGUF file, so nothing here can serve them as they are. Train a model that begins with them (options.weights), which is then served.`,
    { field: 'weights' },
  )
}

function cardOf(
  name: string,
  versionId: string,
  { licence, origin, description }: Weights,
  header: { architecture: string; parameters: number; contextLength: number; storedAs: string; name: string | null },
): string {
  const plain = (text: string) =>
    text.replace(/\s+/g, ' ').replace(/[<>[\]`*|]/g, (mark) => (mark === '<' ? '&lt;' : mark === '>' ? '&gt;' : `\\${mark}`))
  return `# ${plain(name)}

A language model that was brought, not made here. Version id: ${versionId}.

## What it is

${plain(header.architecture)}${header.name ? ` ("${plain(header.name)}")` : ''}: ${header.parameters.toLocaleString('en')} numbers, most of them stored as ${header.storedAs}; it sees ${header.contextLength.toLocaleString('en')} tokens at once.${description ? `\n\n${plain(description)}` : ''}

## Where it is from

Origin: ${plain(origin) || 'not stated'}. Licence: ${plain(licence) || 'not stated'}.

## Limits

- Nothing is known here of what it learnt from, and nothing was measured on data of this project.
- There is no training code that what is served could be compared with. Its file was checked for soundness, not for what it says.
`
}
