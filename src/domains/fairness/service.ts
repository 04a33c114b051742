import { randomUUID } from 'node:crypto'
import { invalidInput, notFound, preconditionFailed } from '../../kernel/errors.ts'
import { newId } from '../../kernel/ids.ts'
import type { Principal } from '../../kernel/principal.ts'
import { toIso } from '../../kernel/time.ts'
import type { BlobStore } from '../../ports/blobs/blob-store.ts'
import type { Files } from '../../ports/files/files.ts'
import type { Inference } from '../../ports/inference/inference.ts'
import type { Metadata } from '../../ports/metadata/metadata.ts'
import type { Tables } from '../../ports/tables/tables.ts'
import type { Access } from '../auth/access.ts'
import { audit } from '../auth/audit.ts'
import type { DatasetVersion } from '../datasets/schema.ts'
import type { DatasetsService } from '../datasets/service.ts'
import type { GoalsService } from '../goals/service.ts'
import type { ModelVersion } from '../registry/schema.ts'
import type { RegistryService } from '../registry/service.ts'
import { askingModel } from './asked-model.ts'
import { cardSection } from './card-section.ts'
import { type CubeInput, countCube } from './cube.ts'
import { bindFacet, columnNamed } from './facets.ts'
import { canBeAsked, counterfactuals, flipTests, readFlipRows } from './flips.ts'
import { compareFacets } from './report.ts'
import type { BiasReport, DataBiasInput, Favourable, ModelBiasInput } from './schema.ts'
import { deleteReport, insertReport, reportById, reportsOf, toReport } from './store.ts'

export interface FairnessNeeds {
  metadata: Metadata
  access: Access
  datasets: Pick<DatasetsService, 'pin' | 'valuesOf' | 'withTable'>
  goals: Pick<GoalsService, 'judge'>
  registry: Pick<RegistryService, 'resolveVersion' | 'findVersion' | 'baseline' | 'layPackage'>
  tables: Tables
  blobs: BlobStore
  files: Files
  inference: Inference
  /** For copies of predictions where blobs are not local files. */
  folder: string
  /** Where packages are laid out while they are asked. */
  modelFolder: string
}

export type FairnessService = ReturnType<typeof fairnessService>

/** What is asked of the rows that a version was judged on. */
export type AskedOfVersion = Pick<ModelBiasInput, 'facets' | 'intersections' | 'favourable' | 'stratum' | 'minimumRows'>

const mostKept = 20

/** Bias reports: how labels are spread over groups of people, and how a model treats those groups. */
export function fairnessService(needs: FairnessNeeds) {
  const { metadata, access, datasets, goals, registry, tables, blobs, files, folder } = needs
  const { db } = metadata
  const modelNeeds = { files, inference: needs.inference, registry, folder: needs.modelFolder }

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
    const version = await visibleVersion(by, input.model, project)
    if (input.keep) await mayKeep(by, version)
    const counted = await ofVersion(version, input, signal)
    const report = input.flips ? await withFlips(version, input, counted, signal) : counted
    return input.keep ? keep(by, version, report) : report
  }

  /** A version whose data the principal sees too: groups of people are known from there. */
  async function visibleVersion(by: Principal, ref: string, project?: string): Promise<ModelVersion> {
    const version = await registry.resolveVersion(by, ref, project)
    await datasets.pin(by, version.dataset, version.datasetVersion)
    return version
  }

  async function mayKeep(by: Principal, version: ModelVersion): Promise<void> {
    const model = await registry.findVersion(by, version.id)
    await access.authorize(by, 'models:write', { ...model, id: model.model_id })
  }

  async function keep(by: Principal, version: ModelVersion, report: BiasReport): Promise<BiasReport> {
    const row = {
      id: newId('brp'),
      project_id: version.project,
      version_id: version.id,
      report: JSON.stringify(report),
      created_by: by.name,
      created_at: Date.now(),
    }
    await metadata.transaction(async (tx) => {
      await insertReport(tx, row)
      for (const old of (await reportsOf(tx, version.id, mostKept + 50)).slice(mostKept)) await deleteReport(tx, old.id)
      await audit(tx, by, 'bias.keep-report', {
        target: version.id,
        project: version.project,
        facts: { report: row.id, facets: report.facets.map(({ name }) => name) },
      })
    })
    return toReport(row)
  }

  /** Reports that were kept with a version, newest first. */
  async function kept(by: Principal, ref: string, project?: string): Promise<{ items: BiasReport[] }> {
    const version = await visibleVersion(by, ref, project)
    return { items: (await reportsOf(db, version.id, mostKept)).map(toReport) }
  }

  async function removeKept(by: Principal, id: string): Promise<void> {
    const row = await reportById(db, id)
    const version = row && (await visibleVersion(by, row.version_id).catch(() => null))
    if (!row || !version) throw notFound('bias report', id)
    await mayKeep(by, version)
    await metadata.transaction(async (tx) => {
      await deleteReport(tx, id)
      await audit(tx, by, 'bias.delete-report', { target: version.id, project: version.project, facts: { report: id } })
    })
  }

  /** The section of a version's card: the newest report that was kept. */
  async function card(version: ModelVersion): Promise<string | null> {
    const [newest] = await reportsOf(db, version.id, 1)
    return newest ? cardSection(toReport(newest)) : null
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

  /** Adds what only the rows and the model itself can say. */
  async function withFlips(
    version: ModelVersion,
    input: ModelBiasInput,
    report: BiasReport,
    signal?: AbortSignal,
  ): Promise<BiasReport> {
    const { signature, datasetVersion } = version
    if (!canBeAsked(version)) return report
    const favourable = input.favourable ?? favourableOf(version)
    const inputs = signature.inputs.map(({ name }) => name)
    const { rows, facets } = await withPredictions(version, (predictions) =>
      datasets.withTable(datasetVersion, async ({ path, columns }) => {
        const bound = input.facets.map((facet) => bindFacet(facet, columns, () => '', 't'))
        return { facets: bound, rows: await readFlipRows(tables, { path, predictions, columns: inputs, facets: bound }, signal) }
      }),
    )
    return askingModel(modelNeeds, version, favourable, async (ask) => {
      const asked = { rows, favourable: await ask(rows) }
      const told: BiasReport['facets'] = []
      for (const [i, facet] of report.facets.entries()) {
        const names = input.intersections[i - facets.length]
        const crossed = names ? names.map((name) => facets.find((one) => one.name === name)!) : [facets[i]!]
        const tests = await flipTests(crossed, facet, asked, signature.inputs, report.minimumRows)
        told.push({
          ...facet,
          comparisons: facet.comparisons.map((one) => ({ ...one, measures: [...one.measures, tests.get(one.group)!] })),
          counterfactuals: crossed.length === 1 ? await counterfactuals(crossed[0]!, facet, asked, ask, inputs) : null,
        })
      }
      return { ...report, facets: told }
    })
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

  return { ofData, ofModel, ofVersion, visibleVersion, kept, removeKept, card }
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
