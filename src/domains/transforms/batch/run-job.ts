import { invalidInput, type PlatformError } from '../../../kernel/errors.ts'
import type { BlobStore } from '../../../ports/blobs/blob-store.ts'
import type { Files } from '../../../ports/files/files.ts'
import { answerColumns } from '../../../ports/inference/bulk/answer-columns.ts'
import { inputColumns } from '../../../ports/inference/bulk/input-columns.ts'
import type { ScoringPlan } from '../../../ports/inference/bulk/protocol.ts'
import { isScoredByColumn } from '../../../ports/inference/bulk/table-scorer.ts'
import type { Inference } from '../../../ports/inference/inference.ts'
import type { Media } from '../../../ports/media/media.ts'
import { identifier } from '../../../ports/tables/sql.ts'
import type { Tables } from '../../../ports/tables/tables.ts'
import type { DatasetsService } from '../../datasets/service.ts'
import type { LoadedRows, LoadedText } from '../../endpoints/serving.ts'
import type { JobContext, JobHandler } from '../../jobs/handler.ts'
import type { ModelVersion, Signature } from '../../registry/schema.ts'
import type { RegistryService } from '../../registry/service.ts'
import type { TransformResult } from '../schema.ts'
import { type TransformSpec, transformTables } from '../store.ts'
import { type KeptTable, keepTable, tableTarget } from './keep-table.ts'
import { layRows } from './lay-rows.ts'
import { refuseTemplate } from './prompt-template.ts'
import { scoreColumns } from './score-columns.ts'
import { scoreRows } from './score-rows.ts'
import { type DoneStretch, type LaidRows, reasonColumn, type Stretch } from './spec.ts'
import { doneStretches } from './stretches.ts'
import { type ResultColumn, writeResult } from './write-result.ts'

export interface TransformJobNeeds {
  files: Files
  tables: Tables
  media: Pick<Media, 'archiveKind' | 'unpack' | 'document'>
  blobs: BlobStore
  inference: Pick<Inference, 'scoreTable'>
  datasets: Pick<DatasetsService, 'uploads' | 'layVersion' | 'layPart' | 'readSource' | 'layItems' | 'measureTable' | 'derived'>
  registry: Pick<RegistryService, 'versionById' | 'layPackage'>
  load(version: ModelVersion): Promise<LoadedRows | LoadedText>
  /** The version of a data set that a finished transform left, if any. */
  madeBy(jobId: string): Promise<{ dataset: string; version: string } | null>
}

/** What answering a table is about. */
export interface Scoring {
  context: JobContext<TransformSpec>
  rows: LaidRows
  plan: ScoringPlan
  /** The column of the rows that an input of the model is read from; null where there is none. */
  columnOf(input: string): string | null
  progress(done: ReadonlyMap<number, DoneStretch>, all: readonly Stretch[]): void
}

interface Outcome {
  result: Omit<TransformResult, 'dataset'>
  table: KeptTable | null
}

/** The job `transform.run`: lays the rows, answers them stretch by stretch, and joins what was answered into one file, one version of a data set, or both. */
export function transformJob(needs: TransformJobNeeds): JobHandler<TransformSpec, Outcome> {
  const { files, tables, blobs, datasets } = needs

  async function run(context: JobContext<TransformSpec>): Promise<Outcome> {
    const { spec, signal, checkpointFolder } = context
    const version = await needs.registry.versionById(spec.versionId)
    context.progress('read', 0, null, 'The rows')
    const started = performance.now()
    const asksMedia = version.signature.inputs.some(({ tensor }) => tensor === 'image' || tensor === 'audio')
    const rows = await layRows(needs, context, { asksMedia })
    const readSeconds = secondsSince(started)
    const { plan, columnOf } = planOf(spec, version.signature, rows)
    const work: Scoring & { version: ModelVersion } = { context, version, rows, plan, columnOf, progress: report }
    const predicting = performance.now()
    const byColumn = version.manifest.kind === 'onnx' && isScoredByColumn(version.signature) && rows.documents === null
    const ran = byColumn ? await scoreColumns(needs, work) : await scoreRows(needs, work)
    const predictSeconds = secondsSince(predicting)
    const parts = doneStretches(files, checkpointFolder)
    const done = [...(await parts.open())].sort(([a], [b]) => a - b)
    const answered = done.reduce((sum, [, one]) => sum + one.rows, 0)
    if (answered !== rows.rows) throw invalidInput(`Of ${rows.rows} rows, ${answered} were answered. Ask again.`)
    const writing = performance.now()
    const partFiles = done.map(([number]) => parts.file({ number, from: 0, to: 0 }))
    const about = { context, rows, plan, signature: version.signature, parts: partFiles, partsFolder: parts.folder }
    context.progress('write', 0, 100, 'One file of all parts')
    const file = spec.output.format === null ? null : await writeFile(about)
    const table = spec.output.dataset === null ? null : await keepTable(needs, about, spec.output.dataset)
    const answers = answersOf(version.signature, plan)
    return {
      result: {
        rows: answered,
        bad: done.reduce((sum, [, one]) => sum + one.bad, 0),
        columns: file?.columns ?? table!.columns.map(({ name }) => name),
        answers,
        file: file && { format: file.format, filename: file.filename, sha256: file.sha256, sizeBytes: file.sizeBytes },
        seconds: { read: readSeconds, predict: predictSeconds, write: secondsSince(writing) },
        ran,
        notes: rows.notes,
        documents: rows.documents,
      },
      table,
    }

    function report(now: ReadonlyMap<number, DoneStretch>, all: readonly Stretch[]): void {
      signal.throwIfAborted()
      const ready = [...now.values()].reduce((sum, one) => sum + one.rows, 0)
      context.progress('predict', ready, all.at(-1)?.to ?? 0, `${ready.toLocaleString('en')} rows`)
    }
  }

  async function writeFile({ context, rows, plan, signature, parts, partsFolder }: Answered) {
    const format = context.spec.output.format!
    const wanted = keptNames(context.spec, rows)
    const columns: ResultColumn[] = [
      ...wanted.map((name) => resultColumn(rows, name)),
      ...answersOf(signature, plan).map((name) => ({ name, isText: isTextAnswer(signature, plan, name), isTime: false })),
    ]
    const name = `result.${format}`
    await writeResult(
      { tables },
      {
        parts,
        partsFolder,
        columns,
        format,
        to: `${context.folder}/${name}`,
        folder: context.folder,
        signal: context.signal,
        onProgress: (percent) => context.progress('write', percent, 100),
      },
    )
    const stored = await blobs.putFile(files.resolvePath(context.folder, name))
    return { ...stored, format, filename: `predictions.${format}`, columns: columns.map((column) => column.name) }
  }

  return {
    kind: 'transform.run',
    // What was answered is kept, so each attempt gets further than the one before.
    maxAttempts: 8,
    run,
    async publish(tx, { spec, principal, projectId }, { result, table }) {
      const dataset = table ? await datasets.derived.publish(tx, principal, tableTarget(spec, projectId), table) : null
      const whole: TransformResult = { ...result, dataset: dataset && { id: dataset.dataset, version: dataset.version } }
      await transformTables(tx)
        .updateTable('transforms')
        .set({ state: 'succeeded', result: JSON.stringify(whole), finished_at: Date.now() })
        .where('id', '=', spec.transform)
        .execute()
      return { transform: spec.transform, rows: whole.rows, bad: whole.bad, ...(dataset && { dataset }) }
    },
    async unpublish(tx, { spec, state, failure }) {
      await transformTables(tx)
        .updateTable('transforms')
        .set({ state, failure: state === 'failed' ? failure.message : null, finished_at: Date.now() })
        .where('id', '=', spec.transform)
        .execute()
    },
    async requeued(tx, { spec }) {
      await transformTables(tx)
        .updateTable('transforms')
        .set({ state: 'queued', failure: null, finished_at: null })
        .where('id', '=', spec.transform)
        .execute()
    },
    async ended({ state, spec, jobId, projectId }) {
      if (state !== 'succeeded') return
      if ('upload' in spec.input) await datasets.uploads.forget(spec.input.upload)
      const made = await needs.madeBy(jobId)
      if (made) datasets.derived.announce(made, projectId)
    },
  }
}

/** A table whose stretches are all answered. */
export interface Answered {
  context: JobContext<TransformSpec>
  rows: LaidRows
  plan: ScoringPlan
  signature: Signature
  parts: string[]
  partsFolder: string
}

/** What is read, asked and kept of a table; refuses what does not go together. */
function planOf(spec: TransformSpec, signature: Signature, rows: LaidRows): Pick<Scoring, 'plan' | 'columnOf'> {
  refuseUnknownInputs(spec, signature, rows)
  const has = (name: string) => rows.columns.some((column) => column.name === name)
  const ofDocuments = rows.documents ? soleText(signature) : null
  const columnOf = (input: string) => {
    const name = spec.inputs[input] ?? (input === ofDocuments ? 'text' : input)
    return has(name) ? name : null
  }
  if (spec.prompt !== undefined) refuseTemplate(spec.prompt, has)
  const asked = spec.prompt === undefined ? signature : { ...signature, inputs: [] }
  const inputs = inputColumns(
    asked,
    asked.inputs.flatMap(({ name }) => {
      const column = columnOf(name)
      const found = rows.columns.find((one) => one.name === column)
      return found ? [{ name, column: found.name, sqlType: found.sqlType }] : []
    }),
  )
  const kept = spec.output.dataset === null ? keptNames(spec, rows) : rows.columns.map(({ name }) => name)
  const plan: ScoringPlan = {
    inputs,
    reads: kept,
    keep: kept.map((name) => ({ sql: identifier(name), name })),
    prefix: spec.prefix,
    // A document that cannot be read says so in its row, whatever becomes of other rows.
    reason: spec.onBad === 'null' || rows.documents ? reasonColumn(spec.prefix) : null,
  }
  const inLowerCase = new Set(kept.map((name) => name.toLowerCase()))
  const taken = answersOf(signature, plan).find((name) => inLowerCase.has(name.toLowerCase()))
  if (taken !== undefined)
    throw invalidInput(`The rows have a column "${taken}" already. Choose another prefix for what the model says.`, {
      field: 'prefix',
      column: taken,
    })
  return { plan, columnOf }
}

/** The one input of a model that a text goes into, whatever it is called. */
function soleText({ inputs }: Signature): string | null {
  const texts = inputs.filter(({ type, tensor }) => type === 'text' || tensor === 'tokens')
  const [one] = texts.length === 0 && inputs.length === 1 ? inputs.filter(({ tensor }) => tensor === 'strings') : texts
  return one && texts.length <= 1 ? one.name : null
}

function refuseUnknownInputs({ inputs }: TransformSpec, signature: Signature, rows: LaidRows): void {
  for (const [input, column] of Object.entries(inputs)) {
    if (!signature.inputs.some(({ name }) => name === input))
      throw invalidInput(`The model has no input "${input}". It takes: ${signature.inputs.map(({ name }) => name).join(', ')}.`, {
        field: 'inputs',
        column: input,
      })
    if (!rows.columns.some(({ name }) => name === column))
      throw invalidInput(`The rows have no column "${column}" for the input "${input}".`, { field: 'inputs', column })
  }
}

/** The columns of the rows that stand in the file. The number of the row is ours, not theirs. */
function keptNames({ keep }: TransformSpec, { columns }: LaidRows): string[] {
  const names = columns.map(({ name }) => name).filter((name) => name !== '__row')
  if (keep === 'all') return names
  if (keep === 'none') return []
  const absent = keep.find((name) => !names.includes(name))
  if (absent !== undefined)
    throw invalidInput(`The rows have no column "${absent}" to keep. They have: ${names.slice(0, 30).join(', ')}.`, {
      field: 'keep',
      column: absent,
    })
  return [...keep]
}

export const answersOf = (signature: Signature, { prefix, reason }: ScoringPlan): string[] => [
  ...answerColumns(signature).map(({ name }) => `${prefix}${name}`),
  ...(reason === null ? [] : [reason]),
]

const isTextAnswer = (signature: Signature, plan: ScoringPlan, name: string): boolean =>
  name === plan.reason ||
  answerColumns(signature).some(
    (column) => `${plan.prefix}${column.name}` === name && (column.kind === 'text' || column.kind === 'category'),
  )

function resultColumn({ columns }: LaidRows, name: string): ResultColumn {
  const { sqlType } = columns.find((column) => column.name === name)!
  return { name, isText: sqlType === 'VARCHAR', isTime: /^TIMESTAMP/.test(sqlType) }
}

/** The refusal of a row that the whole work ends with. */
export const refuseRow = (row: number, why: string, place = `Row ${row}`): PlatformError =>
  invalidInput(`${place}: ${why} Mend it, or ask for such rows to be left without an answer (onBad: null).`, { row })

const secondsSince = (start: number): number => Number(((performance.now() - start) / 1000).toFixed(3))
