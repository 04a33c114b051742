import { randomUUID } from 'node:crypto'
import type * as z from 'zod'
import { preconditionFailed } from '../../kernel/errors.ts'
import type { Principal } from '../../kernel/principal.ts'
import type { BlobStore } from '../../ports/blobs/blob-store.ts'
import type { Files } from '../../ports/files/files.ts'
import type { Inference } from '../../ports/inference/inference.ts'
import { shapeOf } from '../../ports/inference/signature.ts'
import { parquet } from '../../ports/tables/sql.ts'
import type { Tables } from '../../ports/tables/tables.ts'
import type { ExperimentsService } from '../experiments/service.ts'
import type { ModelVersion } from '../registry/schema.ts'
import type { RegistryService } from '../registry/service.ts'
import type { Nearest, NearestInput } from './schema.ts'

export interface NearestImagesNeeds {
  files: Files
  tables: Tables
  blobs: BlobStore
  inference: Inference
  registry: Pick<RegistryService, 'layPackage'>
  experiments: Pick<ExperimentsService, 'getRun'>
  folder: string
}

/** What training kept of each of its images: the network's view of it. */
const viewsFile = 'embeddings.parquet'

/** Training images that the network sees most like a given one: by the angle between its views of them. */
export function nearestImages({ files, tables, blobs, inference, registry, experiments, folder }: NearestImagesNeeds) {
  return async function nearest(
    by: Principal,
    version: ModelVersion,
    { row, limit }: z.output<typeof NearestInput>,
  ): Promise<z.infer<typeof Nearest>> {
    const name = `${version.modelName}:${version.number}`
    const { artifacts } = await experiments.getRun(by, version.run)
    const kept = artifacts.find(({ path }) => path === viewsFile)
    if (!kept || version.manifest.kind !== 'onnx')
      throw preconditionFailed(
        `${name} keeps no view of its training images, so none can be compared. Networks of image classes that were trained since do.`,
        { version: version.id },
      )
    const column = version.signature.inputs.find(({ tensor }) => tensor === 'image')!.name
    const place = await files.makeFolder(folder, `nearest-${randomUUID()}`)
    try {
      const views = files.resolvePath(place, viewsFile)
      await blobs.materialise(kept.sha256, views)
      const [counted] = await tables.run({
        files: [views],
        quick: true,
        statements: [{ sql: `SELECT len(embedding) FROM ${parquet(views)} LIMIT 1` }],
      })
      const width = Number(counted!.rows[0]?.[0] ?? 0)
      const view = await viewOf(version, { row, width, place: files.resolvePath(place, 'package') })
      const given = `[${Array.from(view, (one) => one.toPrecision(9)).join(', ')}]::FLOAT[]`
      const [found] = await tables.run({
        files: [views],
        quick: true,
        statements: [
          {
            sql: `SELECT __row, label, item, list_cosine_distance(embedding::FLOAT[], ${given}) AS apart
              FROM ${parquet(views)} ORDER BY apart, __row LIMIT ${limit}`,
          },
        ],
      })
      return {
        rows: found!.rows.map(([number, actual, item, apart]) => ({
          number: Number(number),
          actual,
          // From 0, the same direction, to 1, the opposite one.
          distance: Math.min(1, Math.max(0, Number(apart) / 2)),
          row: { [column]: item },
        })),
      }
    } finally {
      await files.remove(place)
    }
  }

  async function viewOf(
    version: ModelVersion,
    { row, width, place }: { row: Record<string, unknown>; width: number; place: string },
  ): Promise<Float32Array> {
    await registry.layPackage(version.id, place)
    const { signature, manifest } = version
    const { trust } = manifest
    const encoder = await inference.openEncoder({ folder: place, signature, trust, served: 'onnx' })
    try {
      const { batch } = await encoder.encode([row])
      const model = await inference.load(
        {
          file: `${place}/model.onnx`,
          ...shapeOf({ ...signature, outputs: [{ name: 'embedding', width }] }),
          trust,
        },
        { apart: true },
      )
      try {
        return (await model.predict(batch)).values
      } finally {
        await model.close()
      }
    } finally {
      await encoder.close?.()
    }
  }
}
