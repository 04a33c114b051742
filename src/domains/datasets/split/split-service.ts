import type * as z from 'zod'
import { closestName } from '../../../kernel/closest.ts'
import { invalidInput, notFound, preconditionFailed } from '../../../kernel/errors.ts'
import { newId } from '../../../kernel/ids.ts'
import { canonicalJson, sha256 } from '../../../kernel/json.ts'
import type { Principal } from '../../../kernel/principal.ts'
import type { Db, Metadata } from '../../../ports/metadata/metadata.ts'
import type { Access } from '../../auth/access.ts'
import { audit } from '../../auth/audit.ts'
import type { JobHandler, JobQueue } from '../../jobs/handler.ts'
import type { TableEstimates } from '../estimates.ts'
import { type LayNeeds, layTable, localTable, manifestFile, tableFile } from '../lay.ts'
import { type Split, SplitInput } from '../schema.ts'
import { columnsInParts, columnsOf, type PartFile, partsOf, splitById, statisticsOf, toSplit, versionById } from '../store.ts'
import { type DatasetRow, datasetTables, type SplitRow, type VersionRow } from '../tables.ts'
import { isStructured, refuseTarget, taskOf } from '../target.ts'
import { chooseKind, fewestForConversations } from './choose-kind.ts'
import { findLeaks, type LeakFinding } from './leaks.ts'
import { splitTable } from './split-table.ts'

export interface SplitNeeds extends LayNeeds {
  metadata: Metadata
  access: Access
  jobs: JobQueue
  estimates: TableEstimates
  pinRow(by: Principal, ref: string, version?: string, project?: string): Promise<{ dataset: DatasetRow; version: VersionRow }>
}

interface SplitOutcome {
  parts: PartFile[]
  sealed: { sha256: string; sizeBytes: number; rows: number }
  leaks: LeakFinding[]
}

/** Parts of a version on which every model of a goal is trained and judged. The test part is sealed as soon as it is written. */
export function splitService(needs: SplitNeeds) {
  const { metadata, access, jobs, tables, blobs, files } = needs

  /** The split that a request describes: the same request gets the same split. */
  async function ensureSplit(by: Principal, request: z.input<typeof SplitInput> & { project?: string }): Promise<Split> {
    const input = SplitInput.parse(request)
    const { dataset, version } = await needs.pinRow(by, input.dataset, input.version, request.project)
    tableFile(version)
    const wish = settle(input, version, dataset)
    const request_key = sha256(canonicalJson({ ...wish, folds: input.folds }))
    const known = await existing(version.id, request_key)
    if (known) return read(known)
    await access.authorize(by, 'datasets:write', dataset)
    const row: Omit<SplitRow, 'job_id'> = {
      id: newId('spl'),
      project_id: dataset.project_id,
      dataset_id: dataset.id,
      version_id: version.id,
      kind: wish.kind,
      target: wish.target,
      group_column: wish.groupColumn,
      time_column: wish.timeColumn,
      part_column: wish.partColumn ?? null,
      seed: wish.seed,
      folds: input.folds,
      test_share: wish.test,
      validation_share: wish.validation,
      state: 'making',
      parts: '[]',
      leaks: '[]',
      request_key,
      created_by: by.userId ?? '',
      created_at: Date.now(),
    }
    const cells = (version.rows ?? 0) * columnsOf(version).length
    const estimate = await needs.estimates.split(cells)
    const made = await metadata.transaction(async (tx) => {
      const inserted = await datasetTables(tx)
        .insertInto('splits')
        .values({ ...row, job_id: null })
        .onConflict((c) => c.columns(['version_id', 'request_key']).doNothing())
        .returning('id')
        .executeTakeFirst()
      if (!inserted) return null
      const job_id = await jobs.enqueue(tx, by, {
        kind: 'dataset.split',
        name: `Split ${dataset.name} v${version.number}`,
        projectId: dataset.project_id,
        spec: { split: row.id, dataset: dataset.id, version: version.id },
        estimate,
        size: cells,
      })
      await datasetTables(tx).updateTable('splits').set({ job_id }).where('id', '=', row.id).execute()
      await audit(tx, by, 'datasets.split', {
        target: row.id,
        project: dataset.project_id,
        facts: { dataset: dataset.id, ...wish },
      })
      return { ...row, job_id }
    })
    if (!made) return read((await existing(version.id, request_key))!)
    jobs.wake()
    return toSplit(made, null)
  }

  /** A split that failed is forgotten, so that asking again tries again. */
  async function existing(versionId: string, requestKey: string): Promise<SplitRow | undefined> {
    const row = await datasetTables(metadata.db)
      .selectFrom('splits')
      .selectAll()
      .where('version_id', '=', versionId)
      .where('request_key', '=', requestKey)
      .executeTakeFirst()
    if (row?.state !== 'failed') return row
    await datasetTables(metadata.db).deleteFrom('splits').where('id', '=', row.id).where('state', '=', 'failed').execute()
    return undefined
  }

  async function read(row: SplitRow): Promise<Split> {
    const sealed = await datasetTables(metadata.db)
      .selectFrom('sealed_parts')
      .select('rows')
      .where('split_id', '=', row.id)
      .executeTakeFirst()
    return toSplit(row, sealed ? sealed.rows : null)
  }

  async function rowFor(by: Principal, id: string): Promise<SplitRow> {
    const row = await splitById(metadata.db, id)
    if (!row) throw notFound('split', id)
    await access.authorize(by, 'datasets:read', await access.resolve<DatasetRow>('datasets', by, row.dataset_id)).catch(() => {
      throw notFound('split', id)
    })
    return row
  }

  const get = async (by: Principal, id: string): Promise<Split> => read(await rowFor(by, id))

  /** The split of another version of the data set, made by the same rule: what was divided by time stays divided by time. */
  async function splitLike(by: Principal, id: string, version: string, task: string | null = null): Promise<Split> {
    const row = await rowFor(by, id)
    return ensureSplit(by, {
      dataset: row.dataset_id,
      version,
      target: row.target,
      task,
      kind: row.kind,
      groupColumn: row.group_column,
      timeColumn: row.time_column,
      partColumn: row.part_column,
      test: row.test_share,
      validation: row.validation_share,
      folds: row.folds,
      seed: row.seed,
    })
  }

  async function list(by: Principal, ref: string, project?: string): Promise<Split[]> {
    const dataset = await access.resolve<DatasetRow>('datasets', by, ref, project)
    const rows = await datasetTables(metadata.db)
      .selectFrom('splits')
      .selectAll()
      .where('dataset_id', '=', dataset.id)
      .orderBy('created_at', 'desc')
      .limit(200)
      .execute()
    return Promise.all(rows.map(read))
  }

  /** Lays the training or validation rows as a channel. There is no way here to the test rows. */
  async function layPart(
    splitId: string,
    part: 'train' | 'validation',
    folder: string,
    { items = true }: { items?: boolean } = {},
  ): Promise<void> {
    const row = await splitById(metadata.db, splitId)
    if (!row) throw notFound('split', splitId)
    if (row.state !== 'ready')
      throw preconditionFailed('This split is still being made. Wait for its job to end.', { split: splitId, job: row.job_id })
    const file = partsOf(row).find((one) => one.part === part)
    if (!file) throw notFound(`${part} part of split`, splitId)
    const version = (await versionById(metadata.db, row.version_id))!
    await layTable(
      needs,
      {
        sha256: file.sha256,
        rows: file.rows,
        columns: columnsInParts(row, version),
        manifest: items ? manifestFile(version) : null,
      },
      folder,
    )
  }

  const handler: JobHandler<{ split: string; dataset: string; version: string }, SplitOutcome> = {
    kind: 'dataset.split',
    async run({ spec, folder, signal, progress }) {
      const row = await splitById(metadata.db, spec.split)
      const version = row && (await versionById(metadata.db, row.version_id))
      if (!row || !version) throw notFound('split', spec.split)
      const columns = columnsInParts(row, version)
      const path = await localTable({ blobs }, tableFile(version).sha256, async () => folder)
      const wish = {
        ...row,
        groupColumn: row.group_column,
        timeColumn: row.time_column,
        partColumn: row.part_column,
        test: row.test_share,
        validation: row.validation_share,
      }
      const work = { tables, folder, signal, progress }
      const parts = await splitTable(work, { path, columns }, wish)
      progress('look for leaks', 85, 100)
      const leaks = await findLeaks(work, { parts, columns, rows: version.rows ?? 0 }, wish)
      const stored = new Map<string, PartFile>()
      for (const { part, path: file, rows } of parts)
        stored.set(part, { part: part as 'train', rows, ...(await blobs.putFile(file)) })
      const { sha256: hash, sizeBytes, rows } = stored.get('test')!
      await files.remove(folder, 'spill')
      return {
        parts: [...stored.values()].filter(({ part }) => (part as string) !== 'test'),
        sealed: { sha256: hash, sizeBytes, rows },
        leaks,
      }
    },
    async publish(tx, { spec }, { parts, sealed, leaks }) {
      await datasetTables(tx)
        .updateTable('splits')
        .set({ state: 'ready', parts: JSON.stringify(parts), leaks: JSON.stringify(leaks) })
        .where('id', '=', spec.split)
        .execute()
      await datasetTables(tx)
        .insertInto('sealed_parts')
        .values({ split_id: spec.split, sha256: sealed.sha256, size_bytes: sealed.sizeBytes, rows: sealed.rows })
        .execute()
      return { split: spec.split, rows: Object.fromEntries(parts.map(({ part, rows }) => [part, rows])), leaks: leaks.length }
    },
    unpublish: (tx, { spec }) => setState(tx, spec.split, 'failed'),
    requeued: (tx, { spec }) => setState(tx, spec.split, 'making'),
  }
  jobs.register(handler)

  return { ensureSplit, splitLike, get, list, layPart }
}

async function setState(tx: Db, id: string, state: SplitRow['state']): Promise<void> {
  const changed = await datasetTables(tx)
    .updateTable('splits')
    .set({ state })
    .where('id', '=', id)
    .returning('id')
    .executeTakeFirst()
  if (!changed && state === 'making')
    throw preconditionFailed('This split was asked for anew since. See the newer one.', { split: id })
}

/** Fills in what was left open, and refuses what cannot be. */
function settle(input: z.output<typeof SplitInput>, version: VersionRow, dataset: DatasetRow) {
  const columns = columnsOf(version)
  const statistics = statisticsOf(version)
  const rows = version.rows ?? 0
  const column = (name: string, field: string) => {
    const found = columns.find((one) => one.name === name)
    if (!found) {
      const near = closestName(
        name,
        columns.map((one) => one.name),
      )
      throw invalidInput(`The data set has no column "${name}".${near ? ` Did you mean "${near}"?` : ''}`, {
        field,
        column: name,
      })
    }
    return found
  }
  const isDiarisation = input.task === 'diarisation'
  // Speakers are what divides conversations, not what is asked of them.
  const name = isDiarisation ? null : (input.target ?? dataset.target)
  const target = name === null ? null : column(name, 'target')
  const known = target && {
    rows,
    missing: statistics[target.name]?.missing ?? 0,
    distinct: statistics[target.name]?.distinct ?? 0,
  }
  if (target && known) refuseTarget({ name: target.name, type: target.type, ...known }, input.task)
  const classes =
    target !== null &&
    known !== null &&
    !isStructured(input.task) &&
    taskOf({ type: target.type, distinct: known.distinct }) !== 'regression'
  const chosen = chooseKind(input, {
    columns,
    statistics,
    target: target?.name ?? null,
    classes,
    fewestSpeakers: isDiarisation ? fewestForConversations : undefined,
  })
  const { kind } = chosen
  if (input.test + input.validation >= 0.9)
    throw invalidInput('Test and validation together leave too little for training.', { field: 'test' })
  if (kind === 'stratified' && !target) throw invalidInput('A stratified split needs a target.', { field: 'target' })
  if (kind === 'stratified' && !classes)
    throw invalidInput(`The target "${target!.name}" is a number, not classes: it cannot be stratified.`, {
      field: 'kind',
      column: target!.name,
    })
  const groupColumn = kind === 'grouped' ? column(required(chosen.groupColumn, 'groupColumn', 'grouped'), 'groupColumn') : null
  const timeColumn = kind === 'time' ? column(required(input.timeColumn, 'timeColumn', 'time'), 'timeColumn') : null
  if (timeColumn && !['datetime', 'number', 'integer'].includes(timeColumn.type))
    throw invalidInput(`Column "${timeColumn.name}" is ${timeColumn.type}; a split by time needs dates or numbers.`, {
      field: 'timeColumn',
      column: timeColumn.name,
    })
  const partColumn = kind === 'given' ? column(required(chosen.partColumn, 'partColumn', 'given'), 'partColumn') : null
  if (partColumn && partColumn.name === target?.name)
    throw invalidInput(`Column "${partColumn.name}" is the target; it cannot name the parts too.`, { field: 'partColumn' })
  return {
    kind,
    target: target?.name ?? null,
    groupColumn: groupColumn?.name ?? null,
    timeColumn: timeColumn?.name ?? null,
    // Absent where it does not apply, so that a request means what it always meant.
    ...(partColumn && { partColumn: partColumn.name }),
    test: input.test,
    validation: input.validation,
    seed: input.seed,
  }
}

function required(value: string | null, field: string, kind: string): string {
  if (value === null) throw invalidInput(`A split of the kind "${kind}" needs ${field}.`, { field })
  return value
}
