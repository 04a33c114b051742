import type * as z from 'zod'
import { invalidInput } from '../../kernel/errors.ts'
import type { BlobStore } from '../../ports/blobs/blob-store.ts'
import { readerOf } from '../../ports/blobs/read-range.ts'
import type { Files } from '../../ports/files/files.ts'
import { type GgufHeader, readGguf } from '../../ports/language/gguf-header.ts'
import type { Media } from '../../ports/media/media.ts'
import type { Db } from '../../ports/metadata/metadata.ts'
import type { Outbound } from '../../ports/outbound/outbound.ts'
import type { Uploads } from '../datasets/uploads.ts'
import type { JobHandler } from '../jobs/handler.ts'
import { convertTorch } from './convert.ts'
import { fromArchive } from './from-archive.ts'
import { fromHub } from './from-hub.ts'
import { isWeights } from './kinds.ts'
import { readSafetensors } from './safetensors.ts'
import type { HubSource, Weights } from './schema.ts'
import { type WeightsRow, weightsTables } from './store.ts'

export interface ImportSpec extends Record<string, unknown> {
  weights: string
  source: { upload: string } | { serverPath: string } | { hub: z.output<typeof HubSource> }
}

type Outcome = Pick<Weights, 'files' | 'notes' | 'architecture' | 'parameters' | 'sizeBytes' | 'provenance'> & {
  licence: string | null
}

/** The job `weights.import`: brings, checks and stores a folder of weights. Nothing of it is run; pickles are opened in a sandbox alone. */
export function importJob(needs: {
  files: Files
  blobs: BlobStore
  media: Pick<Media, 'unpack'>
  uploads: Pick<Uploads, 'open' | 'forget'>
  outbound: Outbound
}): JobHandler<ImportSpec, Outcome> {
  const { files, blobs, media, uploads, outbound } = needs
  const textOf = async (sha256: string) => Buffer.from(await blobs.bytes(sha256)).toString('utf8')

  async function jsonOf(list: Outcome['files'], path: string): Promise<Record<string, unknown> | null> {
    const file = list.find((one) => one.path === path)
    if (!file) return null
    try {
      return JSON.parse(await textOf(file.sha256))
    } catch {
      throw invalidInput(`"${path}" of the weights is not valid JSON.`, { file: path })
    }
  }

  return {
    kind: 'weights.import',
    async run(context) {
      const { spec, progress } = context
      const gathered =
        'hub' in spec.source
          ? await fromHub({ blobs, outbound }, spec.source.hub, context)
          : await fromArchive({ files, blobs, media, uploads }, spec.source, context)
      const converted = await convertTorch({ files, blobs }, gathered.files, context)
      const list = [...gathered.files, ...converted.files]
      const notes = [...gathered.notes, ...converted.notes]
      progress('check', 0, list.length)
      let parameters: number | null = null
      for (const one of list.filter(({ path }) => path.endsWith('.safetensors')))
        parameters = (parameters ?? 0) + (await readSafetensors((range) => blobs.get(one.sha256, range), one)).parameters
      const ggufs: GgufHeader[] = []
      for (const one of list.filter(({ path }) => path.endsWith('.gguf')))
        ggufs.push(await readGguf(readerOf(blobs, one.sha256), one))
      parameters ??= ggufs[0]?.parameters ?? null
      if (ggufs.length > 0)
        notes.push('GGUF files are for answering, not for training: register them as a version of a model to serve them.')
      const risky = list.filter((one) => one.sandboxOnly && isWeights(one.path))
      if (risky.length > 0 && converted.files.length === 0)
        notes.push(
          parameters !== null
            ? `${namesOf(risky)} can run code when read; the safetensors beside it are used instead.`
            : `${namesOf(risky)} can run code when read: only a sandboxed job may open it. Convert it to safetensors where you can.`,
        )
      const config = await jsonOf(list, 'config.json')
      const card = list.find(({ path }) => path.toLowerCase() === 'readme.md')
      return {
        files: list,
        notes,
        architecture: typeof config?.model_type === 'string' ? config.model_type : (ggufs[0]?.architecture ?? null),
        parameters,
        sizeBytes: list.reduce((sum, one) => sum + one.sizeBytes, 0),
        licence:
          gathered.licence ??
          (card && card.sizeBytes < 2 ** 20 ? licenceIn(await textOf(card.sha256)) : null) ??
          ggufs[0]?.licence ??
          null,
        provenance: gathered.provenance,
      }
    },
    async publish(tx, { spec }, { files: list, notes, licence, provenance, sizeBytes, ...facts }) {
      const { licence: said, origin } = await weightsTables(tx)
        .selectFrom('weights')
        .select(['licence', 'origin'])
        .where('id', '=', spec.weights)
        .executeTakeFirstOrThrow()
      await weightsTables(tx)
        .updateTable('weights')
        .set({
          ...facts,
          state: 'ready',
          size_bytes: sizeBytes,
          files: JSON.stringify(list),
          notes: JSON.stringify(notes),
          licence: said || licence || '',
          origin: origin || provenance?.page || '',
          provenance: provenance && JSON.stringify(provenance),
          updated_at: Date.now(),
        })
        .where('id', '=', spec.weights)
        .execute()
      return { weights: spec.weights, files: list.length, sizeBytes, ...facts }
    },
    async ended({ state, spec }) {
      if (state === 'succeeded' && 'upload' in spec.source) await uploads.forget(spec.source.upload)
    },
    unpublish: (tx, { spec }) => setState(tx, spec.weights, 'failed'),
    requeued: (tx, { spec }) => setState(tx, spec.weights, 'importing'),
  }
}

const namesOf = (list: Outcome['files']) => list.map(({ path }) => `"${path}"`).join(', ')

/** `license:` in the head of a model card (the YAML between two lines of dashes). */
function licenceIn(card: string): string | null {
  const head = /^---\r?\n([\s\S]*?)\r?\n---/.exec(card)?.[1]
  return (
    /^licen[cs]e:\s*["']?([^"'\r\n]+)/m
      .exec(head ?? '')?.[1]
      ?.trim()
      .slice(0, 200) ?? null
  )
}

const setState = async (tx: Db, id: string, state: WeightsRow['state']): Promise<void> => {
  await weightsTables(tx).updateTable('weights').set({ state }).where('id', '=', id).execute()
}
