import type * as z from 'zod'
import { invalidInput, notFound, preconditionFailed } from '../../../kernel/errors.ts'
import { newId } from '../../../kernel/ids.ts'
import type { Principal } from '../../../kernel/principal.ts'
import { days, toIso } from '../../../kernel/time.ts'
import type { Files } from '../../../ports/files/files.ts'
import type { Metadata } from '../../../ports/metadata/metadata.ts'
import { copyToParquet, literal, parquet } from '../../../ports/tables/sql.ts'
import type { TableJob, TableQuery, TableResult, Tables } from '../../../ports/tables/tables.ts'
import type { Access } from '../../auth/access.ts'
import { audit } from '../../auth/audit.ts'
import { pseudonym } from '../../datasets/import/pseudonym.ts'
import type { Uploads } from '../../datasets/uploads.ts'
import type { CaptureStore } from '../captures.ts'
import { capturedRows, pointer } from '../log/captured-sql.ts'
import { captureOf, type EndpointRow, endpointById, signatureOf } from '../store.ts'
import { fileTable, readTruthFile, truthOfFile } from './from-file.ts'
import { labelledColumns, layTruth, rowsWithTruth } from './join.ts'
import type { TruthInput, TruthItem, TruthStored, TruthSummary } from './schema.ts'
import { countTruth, storeTruth, type TruthRow } from './store.ts'
import { summarise } from './summary.ts'
import { truthJson, truthKind } from './values.ts'

export interface TruthNeeds {
  metadata: Metadata
  access: Access
  files: Files
  tables: Tables
  uploads: Pick<Uploads, 'open' | 'forget'>
  /** The key under which a project's values are hashed. */
  pseudonymKey(projectId: string): Promise<string>
  captures: Pick<CaptureStore, 'files'>
  /** For work that ends with a call. */
  folder: string
}

export interface LabelledWindow {
  endpointId: string
  fromMs: number
  toMs: number
  variant?: string
}

export type TruthService = ReturnType<typeof truthService>
type Run = (statements: readonly TableQuery[]) => Promise<TableResult[]>
type Given = Omit<TruthRow, 'endpoint_id'>

const mostExamples = 5
/** Beyond any time of a request. */
const forever = { fromMs: 0, toMs: 8_640_000_000_000_000 }

/** What turned out to be true of an endpoint's predictions, kept by their id or by a key, and joined to what was captured. */
export function truthService({ metadata, access, files, tables, uploads, pseudonymKey, captures, folder }: TruthNeeds) {
  const { db } = metadata

  async function mayGive(by: Principal, ref: string, project?: string): Promise<EndpointRow> {
    const row = await access.resolve<EndpointRow>('endpoints', by, ref, project)
    await access.authorize(by, 'endpoints:truth', row)
    return row
  }

  async function within<T>(work: (place: string) => Promise<T>): Promise<T> {
    // Named as what is laid out for serving: a start removes what a dead process left.
    const name = `${process.pid}-${newId('req')}`
    try {
      return await work(await files.makeFolder(folder, name))
    } finally {
      await files.remove(folder, name)
    }
  }

  async function give(
    by: Principal,
    ref: string,
    input: z.output<typeof TruthInput>,
    project?: string,
  ): Promise<z.infer<typeof TruthStored>> {
    const row = await mayGive(by, ref, project)
    const told = 'items' in input ? await giveItems(row, input.items) : await giveFile(by, row, input.upload)
    await metadata.transaction((tx) =>
      audit(tx, by, 'endpoints.truth', {
        target: row.id,
        project: row.project_id,
        facts: { stored: told.stored, unchanged: told.unchanged, ...('upload' in input && { upload: input.upload }) },
      }),
    )
    return told
  }

  /** Where only a hash of the key is captured, a hash is what truth is kept by. */
  async function hashKeyOf(row: EndpointRow): Promise<string | null> {
    const { key, hash } = captureOf(row)
    return key != null && hash?.includes(key) ? pseudonymKey(row.project_id) : null
  }

  async function giveItems(row: EndpointRow, items: readonly TruthItem[]): Promise<z.infer<typeof TruthStored>> {
    const kind = truthKind(signatureOf(row))
    const now = Date.now()
    const hashKey = await hashKeyOf(row)
    const given = items.map((item, i): Given => {
      if (item.key !== undefined) requireKey(row)
      const value = truthJson(kind, item.value, i)
      const key = hashKey === null ? String(item.key) : pseudonym(String(item.key), hashKey)
      return {
        ref: item.id !== undefined ? `id:${item.id}` : `key:${key}`,
        value,
        at: item.at === undefined ? now : Date.parse(item.at),
      }
    })
    const stored = await storeTruth(metadata, row.id, given)
    const unmatched = await within(async (place) => {
      const lines = given.map((one) => JSON.stringify({ ref: one.ref }))
      await files.writeText(place, 'asked.jsonl', `${lines.join('\n')}\n`)
      const asked = `SELECT DISTINCT split_part(ref, ':', 1) AS kind, substr(ref, strpos(ref, ':') + 1) AS ref FROM read_json(${literal(`${place}/asked.jsonl`)}, format = 'newline_delimited', columns = {ref: 'VARCHAR'})`
      return findUnmatched(row, asked, { folders: [place], scratch: place, quick: true, memoryBytes: 2 ** 30, threads: 2 })
    })
    return { stored, unchanged: new Set(given.map(({ ref }) => ref)).size - stored, empty: 0, ...unmatched }
  }

  async function giveFile(by: Principal, row: EndpointRow, upload: string): Promise<z.infer<typeof TruthStored>> {
    const kind = truthKind(signatureOf(row))
    const file = await uploads.open(by, { upload })
    return within(async (place) => {
      const sample = await tables.sample({ from: file.path, to: `${place}/sample.txt`, maxBytes: 1 << 20 })
      if (sample.kind !== 'text' && sample.kind !== 'parquet')
        throw invalidInput(`"${file.filename}" is neither CSV nor Parquet.`, { field: 'upload' })
      let path = file.path
      if (sample.kind === 'text') {
        path = `${place}/truth.csv`
        await tables.toUtf8({ from: file.path, to: path, encoding: sample.encoding ?? 'utf-8' })
      }
      const source = fileTable(path, sample.kind === 'parquet' ? 'parquet' : 'csv')
      const taken = await tables.session({ folders: [place], files: [file.path], scratch: place }, async (run) => {
        const read = await readTruthFile(run, { source, kind, now: Date.now(), hashKey: await hashKeyOf(row) })
        if (read.by === 'key') requireKey(row)
        let stored = 0
        for await (const page of truthOfFile(run, read.rows))
          stored += await storeTruth(
            metadata,
            row.id,
            page.map((one) => ({ ...one, ref: `${read.by}:${one.ref}` })),
          )
        await run([
          {
            sql: `COPY (SELECT DISTINCT ref FROM read WHERE said IS NOT NULL) TO ${literal(`${place}/asked.parquet`)} (FORMAT parquet)`,
          },
        ])
        return { ...read, stored }
      })
      const asked = `SELECT '${taken.by}' AS kind, ref FROM ${parquet(`${place}/asked.parquet`)}`
      const unmatched = await findUnmatched(row, asked, { folders: [place], scratch: place })
      await uploads.forget(upload)
      return { stored: taken.stored, unchanged: taken.rows - taken.empty - taken.stored, empty: taken.empty, ...unmatched }
    })
  }

  /** Which of what was named (a query of `kind`, `ref`) no captured prediction has. */
  async function findUnmatched(
    row: EndpointRow,
    asked: string,
    job: Omit<TableJob, 'statements'> & { folders: readonly string[] },
  ) {
    const { key } = captureOf(row)
    const there = await captures.files(row.id, forever.fromMs, forever.toMs)
    const keyText = key == null ? 'NULL::VARCHAR' : `row_values ->> ${literal(pointer(key))}`
    const seen = `SELECT id, ${keyText} AS key_text FROM (${capturedRows(there, forever)})`
    const run = (statements: TableQuery[]) => tables.run({ ...job, folders: [...job.folders, there.folder], statements })
    const missing = `SELECT ref FROM asked WHERE NOT (kind = 'id' AND ref IN (SELECT id FROM hit WHERE id IS NOT NULL))
      AND NOT (kind = 'key' AND ref IN (SELECT key_text FROM hit WHERE key_text IS NOT NULL))`
    const results = await run([
      { sql: `CREATE TEMP TABLE asked AS ${asked}` },
      {
        sql: `CREATE TEMP TABLE hit AS SELECT id, key_text FROM (${seen}) WHERE id IN (SELECT ref FROM asked) OR key_text IN (SELECT ref FROM asked)`,
      },
      { sql: `SELECT count(*) FROM (${missing})` },
      { sql: `${missing} ORDER BY ref LIMIT ${mostExamples}` },
    ])
    return {
      unmatched: Number(results[2]!.rows[0]![0]),
      unmatchedExamples: results[3]!.rows.map(([ref]) => String(ref)),
    }
  }

  async function summary(
    by: Principal,
    ref: string,
    { days: back, project }: { days: number; project?: string },
  ): Promise<z.infer<typeof TruthSummary>> {
    const row = await access.resolve<EndpointRow>('endpoints', by, ref, project)
    const toMs = Date.now() + 1
    const window = { fromMs: toMs - days(back), toMs }
    const signature = signatureOf(row)
    const kind = truthKind(signature)
    const truths = await countTruth(db, row.id)
    const there = await captures.files(row.id, window.fromMs, window.toMs)
    const counted = await within(async (place) => {
      await layTruth({ db, files }, row.id, place)
      return summarise(tables, { captures: there, window, key: captureOf(row).key ?? null, folder: place, signature, kind })
    })
    return { truths, ...counted, from: toIso(window.fromMs), to: toIso(window.toMs) }
  }

  /** Captured rows of a window whose truth is known, as a Parquet file in `place`: for retraining, and for judging. */
  async function labelledRows({ endpointId, ...window }: LabelledWindow, place: string): Promise<{ file: string; rows: number }> {
    const row = await known(endpointId)
    const signature = signatureOf(row)
    const file = `${place}/labelled.parquet`
    const columns = labelledColumns(signature, truthKind(signature))
    const rows = await joined(row, window, place, async (run, from) => {
      const select = `SELECT ${columns.select} FROM (${columns.from(from)})`
      const results = await run([
        { sql: copyToParquet(select, file, signature.inputs.length + 7) },
        { sql: `SELECT count(*), count(DISTINCT __id) FROM ${parquet(file)}` },
      ])
      const [rows, ids] = results[1]!.rows[0] as [number, number]
      return { rows, ids }
    })
    if (rows.ids < rows.rows) await keepFirst(file, place)
    return { file, rows: rows.ids }
  }

  /** A request that was repeated under its key has the ids that it had: of each, the first answer counts. */
  async function keepFirst(file: string, place: string): Promise<void> {
    const once = `${place}/once.parquet`
    const select = `SELECT * FROM ${parquet(file)} QUALIFY row_number() OVER (PARTITION BY __id ORDER BY "__at") = 1`
    await tables.run({ folders: [place], scratch: place, statements: [{ sql: copyToParquet(select, once, 32) }] })
    await files.move({ root: place, path: 'once.parquet' }, { root: place, path: 'labelled.parquet' })
  }

  /** How many captured rows of a window have their truth. */
  async function countLabelled(endpointId: string, fromMs: number, toMs: number): Promise<number> {
    const row = await known(endpointId)
    return within((place) =>
      joined(row, { fromMs, toMs }, place, async (run, from) => {
        const [counted] = await run([{ sql: `SELECT count(DISTINCT id) FROM (${from}) WHERE truth IS NOT NULL` }])
        return Number(counted!.rows[0]![0])
      }),
    )
  }

  async function joined<T>(
    row: EndpointRow,
    window: { fromMs: number; toMs: number; variant?: string },
    place: string,
    work: (run: Run, from: string) => Promise<T>,
  ): Promise<T> {
    const there = await captures.files(row.id, window.fromMs, window.toMs)
    await layTruth({ db, files }, row.id, place)
    const from = rowsWithTruth(there, { window, key: captureOf(row).key ?? null, folder: place })
    return tables.session({ folders: [there.folder, place], scratch: place }, (run) => work(run, from))
  }

  async function known(endpointId: string): Promise<EndpointRow> {
    const row = await endpointById(db, endpointId)
    if (!row || row.deleted_at !== null) throw notFound('endpoint', endpointId)
    return row
  }

  return { give, summary, labelledRows, countLabelled }
}

function requireKey(row: EndpointRow): void {
  if (captureOf(row).key != null) return
  throw preconditionFailed(
    `The endpoint "${row.name}" captures no key, so a key names no prediction. Give ids, or name a field in the capture policy ("key").`,
    { endpoint: row.id, field: 'capture.key' },
  )
}
