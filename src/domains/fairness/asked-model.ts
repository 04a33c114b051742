import { newId } from '../../kernel/ids.ts'
import type { Files } from '../../ports/files/files.ts'
import { compileEncoder } from '../../ports/inference/encode.ts'
import type { Inference } from '../../ports/inference/inference.ts'
import { compilePrediction } from '../../ports/inference/row-prediction.ts'
import { shapeOf } from '../../ports/inference/signature.ts'
import { refuseNotAskedAlone } from '../registry/asked-alone.ts'
import type { Manifest, ModelVersion } from '../registry/schema.ts'
import type { Favourable } from './schema.ts'

export interface AskedModelNeeds {
  files: Files
  inference: Inference
  registry: { layPackage(versionId: string, folder: string, options?: { sandboxOnly?: boolean }): Promise<void> }
  folder: string
}

/** Says of raw rows whether the outcome is the favourable one. */
export type Ask = (rows: readonly Record<string, unknown>[]) => Promise<Uint8Array>

const batchRows = 500

/** Loads a version as it would serve, apart from what serves, for as long as `work` takes. */
export async function askingModel<T>(
  { files, inference, registry, folder }: AskedModelNeeds,
  version: ModelVersion,
  favourable: Favourable,
  work: (ask: Ask) => Promise<T>,
): Promise<T> {
  refuseNotAskedAlone(version, 'how groups fare is asked of a model that has one')
  const { signature, manifest } = version
  const place = await files.makeFolder(folder, `${process.pid}-${newId('req')}`)
  try {
    const isPython = manifest.kind === 'python'
    await registry.layPackage(version.id, place, { sandboxOnly: isPython })
    const model = isPython
      ? await inference.loadPython({
          folder: place,
          signature,
          engine: ((await files.readJson(place, 'manifest.json')) as Manifest).engine,
        })
      : await inference.load(
          { file: files.resolvePath(place, 'model.onnx'), ...shapeOf(signature), trust: manifest.trust },
          { apart: true },
        )
    try {
      const encoder = compileEncoder(signature, { unknownFields: 'ignore' })
      const predict = compilePrediction(signature)
      return await work(async (rows) => {
        const found = new Uint8Array(rows.length)
        for (let from = 0; from < rows.length; from += batchRows) {
          const { batch } = encoder.encode(rows.slice(from, from + batchRows))
          const scores = await model.predict(batch)
          for (let r = 0; r < batch.rows; r++) found[from + r] = Number(isFavourable(predict(scores, r), favourable))
        }
        return found
      })
    } finally {
      await model.close()
    }
  } finally {
    await files.remove(place)
  }
}

export function isFavourable({ label, value }: { label?: string; value?: number }, favourable: Favourable): boolean {
  if ('values' in favourable) return label !== undefined && favourable.values.includes(label)
  if (value === undefined) return false
  return 'atLeast' in favourable ? value >= favourable.atLeast : value <= favourable.atMost
}
