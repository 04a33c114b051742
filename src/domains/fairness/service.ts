import { randomUUID } from 'node:crypto'
import { invalidInput, preconditionFailed } from '../../kernel/errors.ts'
import type { Principal } from '../../kernel/principal.ts'
import { toIso } from '../../kernel/time.ts'
import type { BlobStore } from '../../ports/blobs/blob-store.ts'
import type { Files } from '../../ports/files/files.ts'
import type { Tables } from '../../ports/tables/tables.ts'
import type { DatasetVersion } from '../datasets/schema.ts'
import type { DatasetsService } from '../datasets/service.ts'
import type { GoalsService } from '../goals/service.ts'
import type { ModelVersion } from '../registry/schema.ts'
import type { RegistryService } from '../registry/service.ts'
import { type CubeInput, countCube } from './cube.ts'
import { columnNamed } from './facets.ts'
import { compareFacets } from './report.ts'
import type { BiasReport, DataBiasInput, Favourable, ModelBiasInput } from './schema.ts'

export interface FairnessNeeds {
  datasets: Pick<DatasetsService, 'pin' | 'valuesOf' | 'withTable'>
  goals: Pick<GoalsService, 'judge'>
  registry: Pick<RegistryService, 'resolveVersion' | 'baseline'>
  tables: Tables
  blobs: BlobStore
  files: Files
  /** For copies of predictions where blobs are not local files. */
  folder: string
}

export type FairnessService = ReturnType<typeof fairnessService>

/** What is asked of the rows that a version was judged on. */
export type AskedOfVersion = Pick<ModelBiasInput, 'facets' | 'intersections' | 'favourable' | 'stratum' | 'minimumRows'>

/** Bias reports: how labels are spread over groups of people, and how a model treats those groups. */
export function fairnessService(needs: FairnessNeeds) {
  const { datasets, goals, registry, tables, blobs, files, folder } = needs

  /** Before training: the rows of a data set version, their labels and groups. */
  async function ofData(by: Principal, input: DataBiasInput, project?: string, signal?: AbortSignal): Promise<BiasReport> {
    const { dataset, version } = await datasets.pin(by, input.dataset, input.version, project)
    const name = input.label ?? dataset.target
    if (name === null)
      throw invalidInput(`Which column of "${dataset.name}" holds the outcome? Name it as the label.`, { field: 'label' })
    const label = columnNamed(version.columns, name, 'label')
    const favourable = input.favourable ?? (await positiveOf(version, label.name))
    await refuseUnknownValues(version, label.name, favourable)
    const isNumber = label.type === 'number' || label.type === 'integer'
    return datasets.withTable(version.id, (table) =>
      report(
        { table, predictions: null, label: { name: label.name, isNumber }, favourable, ...countedBy(input) },
        { ...input, stage: 'data', dataset: dataset.id, datasetVersion: version.id, modelVersion: null },
        signal,
      ),
    )
  }

  /** After training: what a version said about its sealed rows, by groups that it need not know. Whoever asks must see the data too. */
  async function ofModel(by: Principal, input: ModelBiasInput, project?: string, signal?: AbortSignal): Promise<BiasReport> {
    const version = await registry.resolveVersion(by, input.model, project)
    await datasets.pin(by, version.dataset, version.datasetVersion)
    return ofVersion(version, input, signal)
  }

  /** The same for callers that already decided who may see it. */
  async function ofVersion(version: ModelVersion, asked: AskedOfVersion, signal?: AbortSignal): Promise<BiasReport> {
    const favourable = asked.favourable ?? favourableOf(version)
    refuseUnknownClasses(version, favourable)
    return withPredictions(version, (predictions) =>
      datasets.withTable(version.datasetVersion, (table) =>
        report(
          {
            table,
            predictions,
            label: { name: version.target!, isNumber: version.task === 'regression' },
            favourable,
            ...countedBy(asked),
          },
          {
            ...asked,
            stage: 'model',
            dataset: version.dataset,
            datasetVersion: version.datasetVersion,
            modelVersion: version.id,
          },
          signal,
        ),
      ),
    )
  }

  async function report(
    counted: CubeInput,
    about: Pick<BiasReport, 'stage' | 'dataset' | 'datasetVersion' | 'modelVersion' | 'stratum' | 'minimumRows'>,
    signal?: AbortSignal,
  ): Promise<BiasReport> {
    const cube = await countCube(tables, counted, signal)
    const compared = await compareFacets(cube, {
      stage: about.stage,
      minimumRows: about.minimumRows,
      hasStratum: about.stratum !== null,
    })
    return {
      id: null,
      stage: about.stage,
      dataset: about.dataset,
      datasetVersion: about.datasetVersion,
      modelVersion: about.modelVersion,
      label: counted.label.name,
      favourable: cube.favourable,
      stratum: about.stratum,
      minimumRows: about.minimumRows,
      rows: cube.rows,
      leftOut: cube.leftOut,
      ...compared,
      at: toIso(Date.now()),
    }
  }

  async function positiveOf(version: DatasetVersion, label: string): Promise<Favourable> {
    const { positive, task } = await goals.judge(version, label, {})
    if (positive !== null) return { values: [positive] }
    throw invalidInput(
      `"${label}" is not a yes-or-no label (${task}). Say which outcome is favourable, as {"values": ["…"]}${task === 'regression' ? ' or {"atLeast": 50000}' : ''}.`,
      { field: 'favourable', column: label },
    )
  }

  async function refuseUnknownValues(version: DatasetVersion, label: string, favourable: Favourable): Promise<void> {
    if (!('values' in favourable)) return
    const { values, distinct } = await datasets.valuesOf(version.id, label, 200)
    if (distinct > values.length) return
    refuseAbsent(
      favourable.values,
      values.map(({ value }) => value),
      label,
    )
  }

  /** The file of what a version said about its sealed rows. */
  async function withPredictions<T>(version: ModelVersion, work: (path: string) => Promise<T>): Promise<T> {
    const name = `${version.modelName}:${version.number}`
    if (!['binary', 'multiclass', 'regression'].includes(version.task) || version.target === null)
      throw preconditionFailed(
        `${name} predicts no single outcome (${version.task}), so there is none that could be favourable.`,
        {
          version: version.id,
          task: version.task,
        },
      )
    const { predictionsSha256: sha256 } = await registry.baseline(version.id)
    if (sha256 === null)
      throw preconditionFailed(`${name} was not judged on sealed rows here, so nothing is known of how it treats groups.`, {
        version: version.id,
      })
    const local = blobs.localPath(sha256)
    if (local) return work(local)
    const copy = `${randomUUID()}.parquet`
    await files.makeFolder(folder)
    try {
      await blobs.materialise(sha256, files.resolvePath(folder, copy))
      return await work(files.resolvePath(folder, copy))
    } finally {
      await files.remove(folder, copy)
    }
  }

  return { ofData, ofModel, ofVersion, withPredictions }
}

const countedBy = ({ facets, intersections, stratum }: Pick<AskedOfVersion, 'facets' | 'intersections' | 'stratum'>) => ({
  facets,
  intersections,
  stratum,
})

/** The favourable outcome where none is named: the positive class. */
function favourableOf({ signature, target, task }: ModelVersion): Favourable {
  if (signature.positive !== null) return { values: [signature.positive] }
  throw invalidInput(
    `Say which outcome of "${target}" is favourable, as ${task === 'regression' ? '{"atLeast": 50000}' : '{"values": ["…"]}'}.`,
    { field: 'favourable' },
  )
}

function refuseUnknownClasses({ signature, target }: ModelVersion, favourable: Favourable): void {
  if ('values' in favourable && signature.classes) refuseAbsent(favourable.values, signature.classes, target!)
}

function refuseAbsent(wanted: readonly string[], known: readonly string[], label: string): void {
  const absent = wanted.find((value) => !known.includes(value))
  if (absent === undefined) return
  throw invalidInput(
    `"${absent}" is no value of "${label}"; these are ${known
      .slice(0, 20)
      .map((value) => `"${value}"`)
      .join(', ')}.`,
    { field: 'favourable', value: absent },
  )
}
