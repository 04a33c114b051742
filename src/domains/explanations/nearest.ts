import { randomUUID } from 'node:crypto'
import type * as z from 'zod'
import { invalidInput } from '../../kernel/errors.ts'
import type { Principal } from '../../kernel/principal.ts'
import type { Files } from '../../ports/files/files.ts'
import { compileEncoder } from '../../ports/inference/encode.ts'
import { identifier, parquet } from '../../ports/tables/sql.ts'
import type { Tables, TableValue } from '../../ports/tables/tables.ts'
import type { DatasetsService } from '../datasets/service.ts'
import type { ModelVersion } from '../registry/schema.ts'
import type { RegistryService } from '../registry/service.ts'
import type { VersionFiles } from '../registry/version-files.ts'
import { asSent, readsPlainColumns } from './background.ts'
import { type NearestImagesNeeds, nearestImages } from './nearest-images.ts'
import { nearestTextsSql, readsTexts, textOf } from './nearest-texts.ts'
import type { GlobalShap, Nearest, NearestInput } from './schema.ts'

export interface NearestNeeds extends Omit<NearestImagesNeeds, 'folder'> {
  files: Files
  tables: Tables
  datasets: Pick<DatasetsService, 'pin' | 'layPart'>
  registry: Pick<RegistryService, 'resolveVersion' | 'baseline' | 'layPackage'>
  versionFiles: Pick<VersionFiles, 'json'>
  folder: string
}

/**
 * Training rows nearest to a row (Gower 1971): numbers apart by their share of the range that training saw, words by being other; each column counts as
 * much as it moves the model's answers. Texts are near by the rare words that they share (TF-IDF). Only for those who may read the data set.
 */
export function nearestRows({ files, tables, datasets, registry, versionFiles, folder, ...others }: NearestNeeds) {
  const images = nearestImages({ files, tables, registry, folder, ...others })
  return nearest

  async function nearest(
    by: Principal,
    ref: string,
    { row, limit }: z.output<typeof NearestInput>,
    project?: string,
  ): Promise<z.infer<typeof Nearest>> {
    const version = await registry.resolveVersion(by, ref, project)
    await datasets.pin(by, version.dataset, version.datasetVersion)
    const { signature } = version
    if (signature.inputs.some(({ tensor }) => tensor === 'image')) return images(by, version, { row, limit })
    if (readsTexts(signature)) return nearestTexts(version, row, limit)
    if (!readsPlainColumns(signature)) throw invalidInput('The model does not read plain columns, so rows have no distance.', {})
    // Refuses what predict would refuse.
    compileEncoder(signature).encode([row])
    const shap = (await versionFiles.json(version, 'shap.json')) as GlobalShap | null
    const weightOf = (name: string): number => {
      const found = shap?.columns.find(({ column }) => column === name)
      return found ? found.meanAbsolute.reduce((a, b) => a + b, 0) : shap ? 0 : 1
    }
    const params: TableValue[] = []
    const terms: string[] = []
    const weights: number[] = []
    for (const input of signature.inputs.filter(({ type }) => type !== 'text')) {
      const weight = weightOf(input.name)
      if (!(weight > 0)) continue
      const value = row[input.name]
      const cell = identifier(input.name)
      weights.push(weight)
      if (value === null || value === undefined || value === '') {
        terms.push(`${weight} * (CASE WHEN ${cell} IS NULL THEN 0 ELSE 1 END)`)
        continue
      }
      params.push(input.type === 'boolean' ? Boolean(value) : (value as TableValue))
      const range = (input.max ?? 1) - (input.min ?? 0) || 1
      const given = `$${params.length}`
      const apart =
        input.tensor === 'strings' || input.type === 'boolean'
          ? `CASE WHEN CAST(${cell} AS VARCHAR) = CAST(${given} AS VARCHAR) THEN 0 ELSE 1 END`
          : input.type === 'datetime'
            ? `least(1, abs(epoch_ms(${cell}) - epoch_ms(CAST(${given} AS TIMESTAMP))) / ${range})`
            : `least(1, abs(CAST(${cell} AS DOUBLE) - CAST(${given} AS DOUBLE)) / ${range})`
      terms.push(`${weight} * coalesce(${apart}, 1)`)
    }
    if (terms.length === 0) throw invalidInput('No column moves the answers of this model, so no row is nearer than another.', {})
    const columns = signature.inputs.map(({ name }) => identifier(name))
    const target = signature.target ? identifier(signature.target) : 'NULL'
    const total = weights.reduce((a, b) => a + b, 0)
    return among(version, params, (path) => {
      const apart = `(${terms.join(' + ')}) / ${total} AS apart`
      return `SELECT __row, ${target}, ${apart}, ${columns.join(', ')} FROM ${parquet(path)} ORDER BY apart, __row LIMIT ${limit}`
    })
  }

  /** Of models that read texts alone: by the words that they share. */
  function nearestTexts(version: ModelVersion, row: Record<string, unknown>, limit: number) {
    const text = textOf(version.signature, row)
    if (text.trim() === '') throw invalidInput('The row holds no text, so no text is near it.', { field: 'row' })
    return among(version, [text], (path) => nearestTextsSql(path, version.signature, limit))
  }

  /** Asks the training rows of a version: number, target, distance, and its columns. */
  async function among(
    { id, signature }: ModelVersion,
    params: TableValue[],
    sql: (path: string) => string,
  ): Promise<z.infer<typeof Nearest>> {
    const place = await files.makeFolder(folder, `nearest-${randomUUID()}`)
    try {
      const { trainingSplitId } = await registry.baseline(id)
      await datasets.layPart(trainingSplitId, 'train', files.resolvePath(place, 'train'))
      const path = files.resolvePath(place, 'train/data.parquet')
      const [found] = await tables.run({ files: [path], quick: true, statements: [{ sql: sql(path), params }] })
      return {
        rows: found!.rows.map(([number, actual, distance, ...cells]) => ({
          number: Number(number),
          actual,
          distance: Number(distance),
          row: Object.fromEntries(signature.inputs.map((input, i) => [input.name, asSent(cells[i], input)])),
        })),
      }
    } finally {
      await files.remove(place)
    }
  }
}
