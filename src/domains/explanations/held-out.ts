import { randomUUID } from 'node:crypto'
import type * as z from 'zod'
import { preconditionFailed } from '../../kernel/errors.ts'
import type { Principal } from '../../kernel/principal.ts'
import type { BlobStore } from '../../ports/blobs/blob-store.ts'
import type { Files } from '../../ports/files/files.ts'
import { parquet } from '../../ports/tables/sql.ts'
import type { Tables } from '../../ports/tables/tables.ts'
import type { DatasetsService } from '../datasets/service.ts'
import type { ModelVersion } from '../registry/schema.ts'
import type { RegistryService } from '../registry/service.ts'
import { asSent } from './background.ts'
import type { HeldOut, HeldOutQuery } from './schema.ts'

export interface HeldOutNeeds {
  blobs: BlobStore
  files: Files
  tables: Tables
  datasets: Pick<DatasetsService, 'pin' | 'rowsOf'>
  registry: Pick<RegistryService, 'resolveVersion' | 'baseline'>
  /** For copies of predictions where blobs are not local files. */
  folder: string
}

/** Sealed rows of a version with what it said of them: rows to explain. Only for those who may read the data set. */
export function heldOutRows({ blobs, files, tables, datasets, registry, folder }: HeldOutNeeds) {
  return async function list(
    by: Principal,
    ref: string,
    { limit, order }: z.output<typeof HeldOutQuery>,
    project?: string,
  ): Promise<z.infer<typeof HeldOut>> {
    const version = await registry.resolveVersion(by, ref, project)
    // Whoever sees the model need not see the data.
    await datasets.pin(by, version.dataset, version.datasetVersion)
    const { predictionsSha256, datasetVersionId } = await registry.baseline(version.id)
    if (predictionsSha256 === null)
      throw preconditionFailed(`${version.modelName}:${version.number} was not judged on sealed rows here.`, {})
    const said = await saidOf(predictionsSha256, version, limit, order)
    const { columns, rows } = await datasets.rowsOf(
      datasetVersionId,
      said.map(({ number }) => number),
    )
    const byNumber = new Map(rows.map((row) => [Number(row[columns.indexOf('__row')]), row]))
    return {
      rows: said.flatMap((one) => {
        const row = byNumber.get(one.number)
        if (!row) return []
        const cells = version.signature.inputs.map((input) => [input.name, asSent(row[columns.indexOf(input.name)], input)])
        return [{ ...one, row: Object.fromEntries(cells) }]
      }),
    }
  }

  async function saidOf(sha256: string, { task, signature }: ModelVersion, limit: number, order: string) {
    const local = blobs.localPath(sha256)
    const name = `${randomUUID()}.parquet`
    if (!local) {
      await files.makeFolder(folder)
      await blobs.materialise(sha256, files.resolvePath(folder, name))
    }
    const path = local ?? files.resolvePath(folder, name)
    const likeliest = `greatest(${(signature.classes ?? []).map((_, k) => `p_${k}`).join(', ')})`
    const orders: Record<string, string> = {
      first: '__row',
      wrong: task === 'regression' ? 'abs(actual - predicted) DESC' : `(actual <> predicted) DESC, ${likeliest} DESC`,
      unsure: task === 'regression' ? '__row' : likeliest,
    }
    try {
      const [found] = await tables.run({
        files: [path],
        quick: true,
        statements: [
          { sql: `SELECT __row, actual, predicted FROM ${parquet(path)} ORDER BY ${orders[order]}, __row LIMIT ${limit}` },
        ],
      })
      return found!.rows.map(([number, actual, predicted]) => ({ number: Number(number), actual, predicted }))
    } finally {
      if (!local) await files.remove(folder, name)
    }
  }
}
