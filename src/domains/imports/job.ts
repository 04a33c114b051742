import type * as z from 'zod'
import { PlatformError, preconditionFailed } from '../../kernel/errors.ts'
import type { Events } from '../../kernel/events.ts'
import type { BlobStore } from '../../ports/blobs/blob-store.ts'
import type { RuntimeName } from '../../ports/engines/runtimes.ts'
import type { Files } from '../../ports/files/files.ts'
import type { Inference } from '../../ports/inference/inference.ts'
import type { LanguageModels } from '../../ports/language/language.ts'
import type { Visibility } from '../auth/schema.ts'
import { parityRows } from '../evaluation/parity-rows.ts'
import type { JobContext, JobHandler } from '../jobs/handler.ts'
import { isOpenFile, type PackageSource, storePackage } from '../registry/package.ts'
import type { Manifest, Parity, Signature } from '../registry/schema.ts'
import type { RegistryService } from '../registry/service.ts'
import { importedCard } from './card.ts'
import { convertByEngine } from './convert.ts'
import { languageModel } from './language-model.ts'
import { serveGraph } from './onnx/serve-graph.ts'
import { type Prepared, type PrepareNeeds, prepare } from './prepare.ts'
import type { ImportInput, Inspection } from './schema.ts'

export interface ImportSpec extends Record<string, unknown> {
  versionId: string
  name: string
  visibility: Visibility
  input: ImportInput
}

export interface ImportJobNeeds extends PrepareNeeds {
  files: Files
  blobs: BlobStore
  inference: Inference
  language: Pick<LanguageModels, 'load'>
  events: Events
  registry: Pick<RegistryService, 'register' | 'modelOfVersion'>
  forget(upload: string): Promise<void>
}

/** What one of the ways to a package leaves. */
export interface Made {
  signature: Signature
  parity: z.infer<typeof Parity> | null
  served: 'onnx' | 'python' | 'gguf'
  runtime: RuntimeName | null
  algorithm: string
  notes: string[]
  open: PackageSource[]
  sandboxOnly: PackageSource[]
  /** The folder of parity_rows.jsonl and parity_expected.json, where there are any. */
  evidenceFolder: string | null
}

export interface ImportOutcome {
  manifest: z.infer<typeof Manifest>
  made: Pick<Made, 'signature' | 'parity' | 'served' | 'algorithm' | 'notes'>
  inspection: Inspection
}

/** The job `model.import`: looks again, converts where that is needed (in the sandbox), compares with the original, registers. */
export function importJob(needs: ImportJobNeeds): JobHandler<ImportSpec, ImportOutcome> {
  const { files, blobs, events, registry } = needs

  async function run(context: JobContext<ImportSpec>): Promise<ImportOutcome> {
    const { spec, principal, folder, signal } = context
    const { input } = spec
    context.progress('inspect', 0, 1, 'What was brought is looked at; nothing of it is run.')
    const prepared = await prepare(needs, principal, input, folder, signal)
    const { inspection, bundle } = prepared
    if (inspection.missing.length > 0) throw lacking(inspection)
    const made = await makeBy(prepared)(needs, context, prepared)
    if (made.parity && !made.parity.passed)
      throw preconditionFailed(
        `What would be served does not answer as the original does: ${made.parity.reason ?? `${made.parity.flips} rows differ`}`,
        { flips: made.parity.flips, rows: made.parity.rows, maxDiff: made.parity.maxDiff },
      )
    context.progress('register', 0, 1, 'The package is put together.')
    const licence = input.licence || inspection.licence
    const at = new Date().toISOString()
    const notes = [...inspection.notes, ...made.notes]
    const card = importedCard({
      ...input,
      ...made,
      versionId: spec.versionId,
      licence,
      by: principal.name,
      at,
      inspection,
      notes,
    })
    const record = {
      ...inspection,
      licence,
      origin: input.origin,
      broughtBy: principal.name,
      at,
      notes,
      files: inspection.files,
      total: bundle.files.length,
    }
    const manifest = await storePackage(
      { blobs, files },
      {
        kind: made.served,
        trust: 'imported',
        ...(made.runtime && { engine: { family: 'bring' as const, runtime: made.runtime } }),
        open: [
          ...made.open,
          { path: 'signature.json', text: JSON.stringify(made.signature, null, 1) },
          { path: 'import.json', text: JSON.stringify(record, null, 1) },
          { path: 'card.md', text: card },
          ...(made.parity ? [{ path: 'parity.json', text: JSON.stringify(made.parity, null, 1) }] : []),
        ],
        sandboxOnly: made.sandboxOnly,
        evidence: made.evidenceFolder === null ? [] : await parityRows(files, made.evidenceFolder),
      },
    )
    const { signature, parity, served, algorithm } = made
    return { manifest, made: { signature, parity, served, algorithm, notes: made.notes }, inspection }
  }

  return {
    kind: 'model.import',
    run,
    async publish(tx, context, { manifest, made, inspection }) {
      const { spec, principal, projectId, jobId } = context
      const { signature, parity } = made
      const { modelId, number } = await registry.register(
        tx,
        principal,
        { name: spec.name, projectId, visibility: spec.visibility },
        {
          id: spec.versionId,
          task: signature.task,
          target: signature.target ?? '',
          algorithm: made.algorithm,
          goal_id: null,
          dataset_id: '',
          dataset_version_id: '',
          split_id: '',
          run_id: '',
          job_id: jobId,
          manifest: JSON.stringify(manifest),
          signature: JSON.stringify(signature),
          validation: '{}',
          test: '{}',
          parity: parity && JSON.stringify(parity),
          predictions: null,
          training_spec: JSON.stringify({ imported: inspection.format, sha256: inspection.sha256 }),
          sealed_opened_at: null,
          created_by: principal.userId ?? '',
        },
      )
      return {
        model: spec.name,
        modelId,
        version: number,
        versionId: spec.versionId,
        format: inspection.format,
        served: made.served,
        algorithm: made.algorithm,
        parity: parity && { rows: parity.rows, flips: parity.flips, maxDiff: parity.maxDiff },
        notes: [...inspection.notes, ...made.notes],
      }
    },
    async ended({ spec, state, projectId }) {
      if (state !== 'succeeded') return
      for (const source of [spec.input.source, spec.input.sample])
        if (source && 'upload' in source) await needs.forget(source.upload).catch(() => {})
      const modelId = await registry.modelOfVersion(spec.versionId)
      if (!modelId) throw new PlatformError('internal', `The version ${spec.versionId} was not registered.`, {})
      events.emit('model.version-registered', { modelId, versionId: spec.versionId, projectId })
    },
  }
}

type Way = (needs: ImportJobNeeds, context: JobContext<ImportSpec>, prepared: Prepared) => Promise<Made>

const makeBy = ({ found, picture }: Prepared): Way =>
  found.format === 'onnx' && !picture ? serveGraph : found.format === 'gguf' ? languageModel : convertByEngine

/** What the person must say, and did not. */
export function lacking({ missing, algorithm }: Inspection): PlatformError {
  const said = missing.map(({ field, why, choices }) => `${field}: ${why}${choices.length > 0 ? ` (${choices.join(', ')})` : ''}`)
  return new PlatformError(
    'unprocessable',
    `${algorithm} can be imported, but it does not say all that is needed. ${said.join(' ')}`,
    { missing },
  )
}

/** Files of a folder that an engine or a stage left, that a package may hold. */
export async function openFilesIn(files: Files, root: string, folder: string): Promise<PackageSource[]> {
  const made = new Set(['signature.json', 'import.json', 'card.md', 'parity.json', 'manifest.json'])
  return (await files.list(root, folder))
    .map(({ path }) => path.slice(path.startsWith(`${folder}/`) ? folder.length + 1 : 0))
    .filter((path) => isOpenFile(path) && !made.has(path))
    .map((path) => ({ path, root, at: `${folder}/${path}` }))
}
