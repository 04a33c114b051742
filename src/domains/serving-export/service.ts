import { pipeline } from 'node:stream/promises'
import { type Pack, pack } from 'tar-stream'
import { preconditionFailed } from '../../kernel/errors.ts'
import type { Principal } from '../../kernel/principal.ts'
import type { StreamReply } from '../../kernel/route.ts'
import { toIso } from '../../kernel/time.ts'
import type { BlobStore } from '../../ports/blobs/blob-store.ts'
import type { Files } from '../../ports/files/files.ts'
import type { DatasetsService } from '../datasets/service.ts'
import type { Endpoint } from '../endpoints/schema.ts'
import type { EndpointsService } from '../endpoints/service.ts'
import type { ModelVersion } from '../registry/schema.ts'
import { autoscaler, deployment, dockerfile, dockerignore, type Exported, kustomization, service } from './manifests.ts'
import { type PackageLock, packagesOf } from './packages.ts'
import { type ProgramFile, programOf } from './program.ts'
import { readme } from './readme.ts'

export interface ServingExportNeeds {
  files: Pick<Files, 'readText' | 'readJson'>
  blobs: Pick<BlobStore, 'get' | 'bytes'>
  endpoints: Pick<EndpointsService, 'get'>
  registry: { resolveVersion(by: Principal, ref: string, project?: string): Promise<ModelVersion> }
  datasets: Pick<DatasetsService, 'pin'>
  /** The platform's own modules. */
  sources: string
  /** Holds package-lock.json. */
  root: string
}

export type ServingExportService = ReturnType<typeof servingExportService>

const entries = ['standalone/main.ts', 'standalone/prove.ts']
/** Rows of the data, which answering does not need; and what is written anew. */
const leftOut: ReadonlySet<string> = new Set(['background.json', 'shap.json', 'manifest.json', 'signature.json'])

/** Endpoints as folders that answer without the platform. */
export function servingExportService({ files, blobs, endpoints, registry, datasets, sources, root }: ServingExportNeeds) {
  let program: Promise<ProgramFile[]> | undefined

  /** The folder as a tar archive: of the version that main serves. */
  async function archive(by: Principal, ref: string, project?: string): Promise<StreamReply> {
    const endpoint = await endpoints.get(by, ref, project)
    refuseUnfit(endpoint)
    const version = await registry.resolveVersion(by, endpoint.version)
    const graph = version.manifest.files.filter(({ path }) => path.endsWith('.onnx'))
    const evidence = await evidenceFor(by, version)
    const about: Exported = {
      name: clusterName(endpoint.name),
      endpoint: endpoint.name,
      model: endpoint.modelName,
      version: endpoint.versionNumber,
      modelBytes: graph.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
      signature: endpoint.signature,
      rows: 'absent' in evidence ? evidence : { count: version.parity?.rows ?? 0 },
    }
    program ??= programOf({ files, sources }, entries)
    const modules = await program.catch((error) => {
      program = undefined
      throw error
    })
    const lock = (await files.readJson(root, 'package-lock.json', 64 * 2 ** 20)) as PackageLock
    const packages = packagesOf(lock, packagesFor(endpoint), { name: about.name, version: `${about.version}.0.0` })
    const facts = {
      endpoint: about.endpoint,
      model: about.model,
      version: about.version,
      trust: version.manifest.trust,
      exportedAt: toIso(Date.now()),
    }
    const texts: ProgramFile[] = [
      { path: 'README.md', text: readme(about) },
      { path: 'Dockerfile', text: dockerfile() },
      { path: '.dockerignore', text: dockerignore() },
      { path: 'package.json', text: json(packages.manifest) },
      { path: 'package-lock.json', text: json(packages.lock) },
      { path: 'export.json', text: json(facts) },
      { path: 'model/signature.json', text: json(endpoint.signature) },
      { path: 'kubernetes/deployment.yaml', text: deployment(about) },
      { path: 'kubernetes/service.yaml', text: service(about) },
      { path: 'kubernetes/hpa.yaml', text: autoscaler(about) },
      { path: 'kubernetes/kustomization.yaml', text: kustomization() },
      ...modules.map(({ path, text }) => ({ path: `server/${path}`, text })),
    ]
    const stored = [
      ...version.manifest.files.filter(({ path }) => !leftOut.has(path)).map((file) => ({ ...file, path: `model/${file.path}` })),
      ...('absent' in evidence ? [] : evidence.files.map((file) => ({ ...file, path: `parity/${file.path}` }))),
    ]
    const tar = pack()
    fill(tar, { texts, stored }).catch((error) => tar.destroy(error))
    return { contentType: 'application/x-tar', body: tar, filename: `${about.name}-${about.version}.tar` }
  }

  async function fill(
    tar: Pack,
    { texts, stored }: { texts: ProgramFile[]; stored: { path: string; sha256: string; sizeBytes: number }[] },
  ): Promise<void> {
    for (const { path, text } of texts) tar.entry({ name: path }, text)
    for (const { path, sha256, sizeBytes } of stored)
      await pipeline(await blobs.get(sha256), tar.entry({ name: path, size: sizeBytes }))
    tar.finalize()
  }

  /** The rows of the proof, for who may read the data that they are of. */
  async function evidenceFor(
    by: Principal,
    { manifest, dataset, datasetVersion }: ModelVersion,
  ): Promise<{ files: NonNullable<ModelVersion['manifest']['evidence']> } | { absent: string }> {
    const { evidence = [] } = manifest
    if (evidence.length === 0) return { absent: 'none were kept with this version (those made since keep them, up to 64 MB).' }
    // What was brought from elsewhere has no data set: its rows came with it.
    if (dataset === '') return { files: evidence }
    const mayRead = await datasets.pin(by, dataset, datasetVersion).then(
      () => true,
      () => false,
    )
    return mayRead ? { files: evidence } : { absent: 'they are rows of a data set that you may not read.' }
  }

  return { archive }
}

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`

/** What only the platform can run is refused, with what would help. */
function refuseUnfit({ name, served, signature }: Endpoint): void {
  if (served === 'external')
    throw preconditionFailed(`"${name}" serves a model that answers elsewhere: there is nothing here to export.`, {})
  if (served === 'gguf')
    throw preconditionFailed(
      `"${name}" serves a language model, which is not exported: its package holds model.gguf, and llama.cpp's own server answers with that.`,
      { served },
    )
  if (served === 'python')
    throw preconditionFailed(
      `"${name}" answers from a Python worker in the job sandbox, because its graph is not proven to say the same. Only models that are one graph are exported: deploy such a version.`,
      { served },
    )
  if (signature.task === 'generation')
    throw preconditionFailed(`"${name}" writes text, which is not exported.`, { task: signature.task })
}

function packagesFor({ signature }: Endpoint): string[] {
  const names = ['onnxruntime-node']
  const tensors = new Set<string>(signature.inputs.map(({ tensor }) => tensor))
  if (tensors.has('image')) names.push('sharp')
  if (tensors.has('tokens') || signature.decoding) names.push('@huggingface/tokenizers')
  return names
}

/** A name as clusters and images take it: small letters, digits and dashes. */
const clusterName = (name: string): string =>
  name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 50)
    .replace(/^(?![a-z])/, 'm-')
