import { preconditionFailed } from '../../kernel/errors.ts'
import type { Files } from '../../ports/files/files.ts'
import type { Inference } from '../../ports/inference/inference.ts'
import { shapeOf } from '../../ports/inference/signature.ts'
import { parquet } from '../../ports/tables/sql.ts'
import type { Tables } from '../../ports/tables/tables.ts'
import type { DatasetsService } from '../datasets/service.ts'
import type { Endpoint } from '../endpoints/schema.ts'
import type { EndpointsService } from '../endpoints/service.ts'
import type { JobContext } from '../jobs/handler.ts'
import { refuseNotAskedAlone } from '../registry/asked-alone.ts'
import type { ModelVersion } from '../registry/schema.ts'
import type { RegistryService } from '../registry/service.ts'
import type { Answer } from './answers.ts'
import type { Baseline, BaselineColumn } from './baseline.ts'
import { periodWords, withheldOf } from './baselines.ts'
import { type Captured, type Counted, layCapturedRows, type Period, slackMs } from './captured-rows.ts'
import type { ColumnsNow } from './columns-now.ts'
import { countNow } from './count-now.ts'
import { type GroupedRows, layAnsweredGroups, layLabelledGroups } from './grouped-rows.ts'
import { once } from './once.ts'
import { countQuality, type QualityCount } from './quality-counts.ts'
import { readAnswers, readInputs, readLabelled, readTableInputs } from './read-answers.ts'
import { drawRows, type JointSample } from './sampled-rows.ts'
import { answerTable, countAnswers, isOfCells, lenient, refuseOtherTable, watchTable } from './table-rows.ts'
import { type WatchedColumn, watchedAlias, watchedColumns } from './watched-columns.ts'

export interface NowNeeds {
  files: Files
  tables: Tables
  inference: Inference
  datasets: Pick<DatasetsService, 'pin' | 'layVersion'>
  registry: Pick<RegistryService, 'layPackage'>
  endpoints: Pick<EndpointsService, 'captureFiles' | 'labelledRows'>
}

/** What is looked at: traffic, or a table in its place. */
export interface Now {
  source: string
  rows: number
  period: Period | null
  /** Counts of the columns that the baseline has too. */
  count(baseline: Baseline): Promise<ColumnsNow>
  draw(most: number): Promise<JointSample>
  quality(): Promise<QualityCount[]>
  answers(): Promise<Answer[]>
  /** The answers whose truth is known. */
  labelled(): Promise<Answer[]>
  /** Answers beside columns of groups, with the truth where as many rows have one. */
  grouped(columns: readonly string[], leastTruths: number): Promise<GroupedRows>
  /** Some rows as clients send them. */
  inputs(most: number): Promise<Record<string, unknown>[]>
}

/** Reads what there is now. */
export function nowReader({ files, tables, inference, datasets, registry, endpoints }: NowNeeds) {
  async function ofTraffic(
    { endpoint, version, period }: { endpoint: Pick<Endpoint, 'id' | 'capture'>; version: ModelVersion; period: Period },
    context: JobContext,
  ): Promise<Now> {
    const withheld = withheldOf(endpoint)
    const columns = watchedColumns(version.signature)
    const folder = await files.makeFolder(context.folder, 'now')
    const captured: Captured = {
      versionId: version.id,
      captures: await endpoints.captureFiles(endpoint.id, period.fromMs, period.toMs + slackMs),
      periods: [period],
      folder,
      signal: context.signal,
    }
    const counted = await layCapturedRows(tables, { ...captured, columns, name: 'now' })
    const laidLabelled = once(async () => {
      const place = await files.makeFolder(context.folder, 'labelled')
      const { file } = await endpoints.labelledRows({ endpointId: endpoint.id, ...period }, place)
      return { file, folder: place }
    })
    return {
      source: `captured requests from ${periodWords(period)}`,
      rows: counted.rows,
      period,
      count: (baseline) => countKnown(counted, columns, baseline.columns, withheld, context.signal),
      draw: (most) => draw(counted, columns, withheld, most, context.signal),
      quality: () =>
        countQuality(tables, { signature: version.signature, columns, counted, table: null, signal: context.signal }),
      answers: () => readAnswers(tables, captured),
      labelled: async () => readLabelled(tables, { ...(await laidLabelled()), version, signal: context.signal }),
      async grouped(names, leastTruths) {
        const hidden = names.find((name) => withheld.has(name))
        if (hidden) throw preconditionFailed(`The values of "${hidden}" are not kept, so nothing is known of its groups.`, {})
        const wish = { version, names, signal: context.signal }
        const known = await layLabelledGroups(tables, { ...wish, ...(await laidLabelled()) })
        return known.rows >= leastTruths ? known : layAnsweredGroups(tables, { ...wish, captured })
      },
      inputs: (most) => readInputs(tables, captured, most),
    }
  }

  async function ofTable(
    asked: { ref: string; version: string | null },
    version: ModelVersion,
    context: JobContext,
  ): Promise<Now> {
    const { principal, signal } = context
    const { dataset, version: table } = await datasets.pin(principal, asked.ref, asked.version ?? undefined)
    const name = `${dataset.name} version ${table.number}`
    refuseOtherTable(version.signature, table.columns, name)
    const folder = await files.makeFolder(context.folder, 'now')
    const { target } = version
    const truth = target !== null && table.columns.some((column) => column.name === target) ? target : null
    const names = version.signature.inputs.map((input) => input.name)
    await datasets.layVersion(table.id, folder, truth === null ? names : [...names, truth])
    const answers = once(() => answersOf(version, { folder, truth }, context))
    const columns = watchedColumns(version.signature).filter((column) => column.role === 'input')
    const counted = await watchTable(tables, { columns, folder, signal })
    return {
      source: name,
      rows: counted.rows,
      period: null,
      async count(baseline) {
        const inputs = baseline.columns.filter((column) => column.role === 'input')
        const { pairs, withheld } = await countKnown(counted, columns, inputs, new Set(), signal)
        const prediction = baseline.columns.find((column) => column.role === 'prediction')
        if (prediction && isOfCells(version.signature))
          pairs.push({ baseline: prediction, now: countAnswers(version.signature, prediction, await answers()) })
        return { pairs, withheld }
      },
      draw: (most) => draw(counted, columns, new Set(), most, signal),
      quality: () =>
        countQuality(tables, {
          signature: version.signature,
          columns,
          counted,
          table: `SELECT * FROM ${parquet(`${folder}/data.parquet`)}`,
          signal,
        }),
      async answers() {
        if (!isOfCells(version.signature))
          throw preconditionFailed(
            `${name} holds images or sounds beside the table, which a monitor does not ask the model about.`,
            {},
          )
        return answers()
      },
      async labelled() {
        if (truth === null || !isOfCells(version.signature))
          throw preconditionFailed(
            `${name} has no column of truths${target === null ? '' : ` ("${target}")`} that answers can be held against.`,
            {},
          )
        return (await answers()).filter((answer) => answer.truth !== null)
      },
      async grouped() {
        throw preconditionFailed(`How groups fare is watched in traffic. Of ${name} the fairness page says it.`, {})
      },
      inputs: (most) => readTableInputs(tables, { signature: version.signature, folder, most, signal }),
    }
  }

  async function countKnown(
    counted: Counted,
    columns: readonly WatchedColumn[],
    baseline: readonly BaselineColumn[],
    withheld: ReadonlySet<string>,
    signal: AbortSignal,
  ): Promise<ColumnsNow> {
    const known = baseline.flatMap((column) => {
      const at = columns.findIndex(({ name, role }) => name === column.name && role === column.role)
      const isKept = column.role === 'prediction' || !withheld.has(column.name)
      return at >= 0 && isKept ? [{ column, alias: watchedAlias(at) }] : []
    })
    const found = await countNow(tables, { ...counted, columns: known, signal })
    return {
      pairs: known.map(({ column }, i) => ({ baseline: column, now: found[i]! })),
      withheld: baseline.filter(({ name, role }) => role === 'input' && withheld.has(name)).map(({ name }) => name),
    }
  }

  const draw = (
    counted: Counted,
    columns: readonly WatchedColumn[],
    withheld: ReadonlySet<string>,
    most: number,
    signal: AbortSignal,
  ): Promise<JointSample> =>
    drawRows(tables, {
      ...counted,
      columns: columns
        .map(({ name, kind, role }, i) => ({ name, kind, role, alias: watchedAlias(i) }))
        .filter(({ name, role }) => role === 'input' && !withheld.has(name)),
      most,
      signal,
    })

  async function answersOf(
    version: ModelVersion,
    { folder, truth }: { folder: string; truth: string | null },
    context: JobContext,
  ): Promise<Answer[]> {
    refuseNotAskedAlone(version, 'watch what it is sent, without a data set')
    const isPython = version.manifest.kind === 'python'
    const place = await files.makeFolder(context.folder, 'package')
    await registry.layPackage(version.id, place, { sandboxOnly: isPython })
    const { signature } = version
    const model = isPython
      ? await inference.loadPython({ folder: place, signature, engine: version.manifest.engine })
      : await inference.load({
          file: files.resolvePath(place, 'model.onnx'),
          ...shapeOf(signature),
          trust: version.manifest.trust,
        })
    const encoder = await inference.openEncoder({
      folder: place,
      signature: lenient(signature),
      trust: version.manifest.trust,
      served: isPython ? 'python' : 'onnx',
    })
    try {
      return await answerTable(tables, { signature, model, encoder, truth, folder, signal: context.signal })
    } finally {
      await encoder.close?.()
      await model.close()
    }
  }

  return { ofTraffic, ofTable }
}
