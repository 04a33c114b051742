import { preconditionFailed } from '../../../kernel/errors.ts'
import type { Events } from '../../../kernel/events.ts'
import { newId } from '../../../kernel/ids.ts'
import type { Principal } from '../../../kernel/principal.ts'
import type { BlobStore } from '../../../ports/blobs/blob-store.ts'
import type { ExternalModel, ExternalModels } from '../../../ports/external/external.ts'
import type { Files } from '../../../ports/files/files.ts'
import type { LoadedModel } from '../../../ports/inference/inference.ts'
import type { LanguageModel, TextEmbedder } from '../../../ports/language/language.ts'
import type { Metadata } from '../../../ports/metadata/metadata.ts'
import type { Outbound } from '../../../ports/outbound/outbound.ts'
import type { PlainSecrets } from '../../../ports/secrets/plain-files.ts'
import type { SealedSecrets } from '../../../ports/secrets/sealed.ts'
import type { Access } from '../../auth/access.ts'
import { audit } from '../../auth/audit.ts'
import { storePackage } from '../../registry/package.ts'
import type { ModelVersion, Signature } from '../../registry/schema.ts'
import type { RegistryService } from '../../registry/service.ts'
import { ExternalFile, type ExternalInput } from './schema.ts'
import { externalSignature, refuseMisfit } from './signature.ts'

export interface ExternalsNeeds {
  metadata: Metadata
  access: Access
  events: Events
  blobs: BlobStore
  files: Files
  outbound: Pick<Outbound, 'requireAllowed'>
  external: ExternalModels
  secrets: Pick<SealedSecrets, 'put' | 'get' | 'adopt'>
  registry: Pick<RegistryService, 'register' | 'refuseOtherModel' | 'resolveVersion'>
}

export type ExternalsService = ReturnType<typeof externalsService>

/** Models that answer elsewhere, registered as versions: nothing of theirs is here but how they are asked. */
export function externalsService(needs: ExternalsNeeds) {
  const { metadata, access, events, registry } = needs

  async function register(by: Principal, input: ExternalInput): Promise<ModelVersion> {
    const project = await access.projectFor(by, input.project, 'models:write')
    refuseMisfit(input)
    await needs.outbound.requireAllowed(input.url)
    await registry.refuseOtherModel(by, project.id, input.name, { task: input.task, target: input.target })
    const width = await tried(input)
    const signature = externalSignature(input, width)
    const { header } = input
    const secret = header && (await metadata.transaction((tx) => needs.secrets.put(tx, header.value)))
    const versionId = newId('mdv')
    const file: ExternalFile = {
      protocol: input.protocol,
      url: input.url,
      model: input.model,
      headerName: header?.name ?? null,
      secret,
      timeoutSeconds: input.timeoutSeconds,
      contextLength: input.contextLength,
    }
    const manifest = await storePackage(needs, {
      kind: 'external',
      trust: 'imported',
      open: [
        { path: 'external.json', text: JSON.stringify(file, null, 1) },
        { path: 'signature.json', text: JSON.stringify(signature, null, 1) },
        { path: 'card.md', text: cardOf(versionId, input) },
      ],
      sandboxOnly: [],
    })
    const { modelId } = await metadata.transaction(async (tx) => {
      const made = await registry.register(
        tx,
        by,
        { name: input.name, projectId: project.id, visibility: input.visibility },
        {
          id: versionId,
          task: signature.task,
          target: signature.target ?? '',
          algorithm: 'external',
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
          training_spec: JSON.stringify({ external: new URL(input.url).host }),
          sealed_opened_at: null,
          created_by: by.userId ?? '',
        },
      )
      const facts = {
        name: input.name,
        url: input.url,
        protocol: input.protocol,
        model: input.model,
        header: input.header?.name ?? null,
      }
      await audit(tx, by, 'models.external', { target: versionId, project: project.id, facts })
      return made
    })
    events.emit('model.version-registered', { modelId, versionId, projectId: project.id })
    return registry.resolveVersion(by, versionId)
  }

  /** Asks it once, so that a wrong address or key is known now; answers how wide its vectors are. */
  async function tried(input: ExternalInput): Promise<number> {
    const { external } = needs
    const model: ExternalModel = {
      protocol: input.protocol,
      url: input.url,
      model: input.model,
      header: input.header,
      timeoutMs: input.timeoutSeconds * 1000,
    }
    const { contextLength } = input
    if (input.task === 'generation') {
      await external.writer(model, { contextLength }).generate({ messages: [{ role: 'user', content: 'Hello' }], maxTokens: 1 })
      return 0
    }
    if (input.task === 'embedding') {
      const [one] = await external.embedder(model, { contextLength, width: null }).embed(['Hello'])
      return one!.vector.length
    }
    return 0
  }

  /** The model of a package that is laid out, with the secret that is kept for it. */
  async function open(folder: string): Promise<{ model: ExternalModel; contextLength: number }> {
    const said = ExternalFile.parse(await needs.files.readJson(folder, 'external.json'))
    const { protocol, url, model, headerName, timeoutSeconds, contextLength } = said
    const value = said.secret === null ? null : await needs.secrets.get(said.secret)
    if (said.secret !== null && value === null)
      throw preconditionFailed('The secret of this model is not on this server. Register it again, with its header.', {})
    const header = headerName !== null && value !== null ? { name: headerName, value } : null
    return { model: { protocol, url, model, header, timeoutMs: timeoutSeconds * 1000 }, contextLength }
  }

  /** Encrypts secrets that lay in files before; answers how many. */
  async function sealPlain(files: PlainSecrets): Promise<number> {
    const plain = await files.list()
    await metadata.transaction(async (tx) => {
      for (const { id, text } of plain) await needs.secrets.adopt(tx, id, text)
    })
    for (const { id } of plain) await files.remove(id)
    return plain.length
  }

  return {
    register,
    sealPlain,
    async openWriter(folder: string): Promise<LanguageModel> {
      const { model, contextLength } = await open(folder)
      return needs.external.writer(model, { contextLength })
    },
    async openEmbedder(folder: string, width: number): Promise<TextEmbedder> {
      const { model, contextLength } = await open(folder)
      return needs.external.embedder(model, { contextLength, width })
    },
    async openRows(folder: string, signature: Signature): Promise<LoadedModel> {
      return needs.external.rows((await open(folder)).model, signature)
    },
  }
}

const plain = (text: string) =>
  text.replace(/\s+/g, ' ').replace(/[<>[\]`*|]/g, (mark) => (mark === '<' ? '&lt;' : mark === '>' ? '&gt;' : `\\${mark}`))

const cardOf = (versionId: string, { name, url, protocol, model, task, licence, description }: ExternalInput): string =>
  `# ${plain(name)}

A model that answers elsewhere. Version id: ${versionId}.
${description ? `\n${plain(description)}\n` : ''}
## What it is

${model ? `"${plain(model)}" at` : 'At'} ${plain(new URL(url).host)}, asked ${protocol === 'openai' ? 'by the OpenAI API' : 'with rows over HTTP'}. Task: ${task}. Licence: ${plain(licence) || 'not stated'}.

## What is known of it

Nothing but what it answers: there is no file of it here, no proof, and no figure of ours. What it is may change at any time without a word. What is asked of it leaves this machine.
`
