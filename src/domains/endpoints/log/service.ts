import type * as z from 'zod'
import { isPlatformError } from '../../../kernel/errors.ts'
import { newId } from '../../../kernel/ids.ts'
import { decodeCursor, encodeCursor } from '../../../kernel/paging.ts'
import type { Principal } from '../../../kernel/principal.ts'
import type { StreamReply } from '../../../kernel/route.ts'
import { seconds, toIso } from '../../../kernel/time.ts'
import type { Files } from '../../../ports/files/files.ts'
import type { LogSegment } from '../../../ports/logs/append-log.ts'
import type { Metadata } from '../../../ports/metadata/metadata.ts'
import { copyToParquet, literal } from '../../../ports/tables/sql.ts'
import type { TableQuery, TableResult, Tables } from '../../../ports/tables/tables.ts'
import type { Access } from '../../auth/access.ts'
import { audit } from '../../auth/audit.ts'
import { pseudonym } from '../../datasets/import/pseudonym.ts'
import type { CaptureStore } from '../captures.ts'
import { captureOf, type EndpointRow, signatureOf } from '../store.ts'
import { layTruth, rowsWithTruth } from '../truth/join.ts'
import { truthOf } from '../truth/store.ts'
import { truthKind } from '../truth/values.ts'
import { type CapturedWindow, type CaptureFiles, capturedRows, captureFiles } from './captured-sql.ts'
import { exportSelect } from './export-columns.ts'
import { bindings, type LogShape, requestCondition, rowConditions, scoreSql } from './filters.ts'
import type { LogEntry, LogExportQuery, LogFilter, LogPage, LogQuery } from './schema.ts'

export interface LogNeeds {
  metadata: Metadata
  access: Access
  files: Files
  tables: Tables
  captures: Pick<CaptureStore, 'files' | 'segments' | 'folder'>
  pseudonymKey(projectId: string): Promise<string>
  /** For work that ends with a call. */
  folder: string
}

export type PredictionLog = ReturnType<typeof predictionLog>
type Run = (statements: readonly TableQuery[]) => Promise<TableResult[]>

/** A search pauses after so long; what was found is answered, and the next page goes on. */
const searchMs = seconds(6)
/** Files that one statement reads, at first and at most. */
const firstFiles = 1
const mostFiles = 8
const endOfTime = 8_640_000_000_000_000

/** What an endpoint was asked and answered, searched newest first and taken away as a file. */
export function predictionLog({ metadata, access, files, tables, captures, pseudonymKey, folder }: LogNeeds) {
  const { db } = metadata

  async function within<T>(work: (place: string) => Promise<T>): Promise<T> {
    const name = `${process.pid}-${newId('req')}`
    try {
      return await work(await files.makeFolder(folder, name))
    } finally {
      await files.remove(folder, name)
    }
  }

  /** A key is looked for as it is kept. */
  async function asKept(row: EndpointRow, filter: LogFilter): Promise<LogFilter> {
    const { key, hash } = captureOf(row)
    if (filter.key === undefined || key == null || !hash?.includes(key)) return filter
    return { ...filter, key: pseudonym(filter.key, await pseudonymKey(row.project_id)) }
  }

  async function search(by: Principal, ref: string, query: z.output<typeof LogQuery>): Promise<z.infer<typeof LogPage>> {
    const row = await access.resolve<EndpointRow>('endpoints', by, ref, query.project)
    const filter = await asKept(row, query)
    const shape = shapeOf(row)
    // Refuses what cannot be asked before anything is read.
    rowConditions(filter, shape, bindings().bind)
    const before = query.cursor ? cursorOf(query.cursor) : null
    const window = windowOf(filter, before?.at)
    const segments = (await captures.segments(row.id, window.fromMs, window.toMs)).sort((a, b) => b.toMs - a.toMs)
    if (segments.length === 0) return { items: [], nextCursor: null, searchedTo: null }
    return within(async (place) => {
      if (filter.truth !== undefined) await layTruth({ db, files }, row.id, place)
      const job = { folders: [captures.folder(row.id), place], scratch: place, quick: true, memoryBytes: 2 ** 30, threads: 2 }
      const found = await tables.session(job, (run) =>
        searchSegments(run, {
          segments,
          filter,
          shape,
          window,
          before,
          place,
          limit: query.limit,
          folder: captures.folder(row.id),
        }),
      )
      return { ...found, items: await withTruth(row, shape, found.items) }
    })
  }

  async function withTruth(row: EndpointRow, { key }: LogShape, items: LogEntry[]): Promise<LogEntry[]> {
    const keyOf = (item: LogEntry) => (key === null || item.row[key] == null ? null : `key:${String(item.row[key])}`)
    const refs = items.flatMap((item) => [`id:${item.id}`, ...(keyOf(item) ? [keyOf(item)!] : [])])
    const known = await truthOf(db, row.id, [...new Set(refs)])
    return items.map((item) => {
      const truth = known.get(`id:${item.id}`) ?? known.get(keyOf(item) ?? '')
      return { ...item, truth: truth ? { value: JSON.parse(truth.value), at: toIso(truth.at) } : null }
    })
  }

  /** All that meets a filter, with its truth, as a file. */
  async function exportLog(
    by: Principal,
    ref: string,
    query: z.output<typeof LogExportQuery>,
    signal?: AbortSignal,
  ): Promise<StreamReply> {
    const row = await access.resolve<EndpointRow>('endpoints', by, ref, query.project)
    const filter = await asKept(row, query)
    const shape = shapeOf(row)
    const { values, bind } = bindings()
    const conditions = rowConditions(filter, shape, bind)
    const window = { ...windowOf(filter), requests: requestCondition(filter) }
    await metadata.transaction((tx) =>
      audit(tx, by, 'endpoints.export_log', { target: row.id, project: row.project_id, facts: { filter, format: query.format } }),
    )
    const there = await captures.files(row.id, window.fromMs, window.toMs)
    const name = `${process.pid}-${newId('req')}`
    const place = await files.makeFolder(folder, name)
    const remove = () => files.remove(folder, name)
    try {
      await layTruth({ db, files }, row.id, place)
      const scored = `SELECT *, ${scoreSql(shape.signature)} AS score FROM (${rowsWithTruth(there, { window, key: shape.key, folder: place })})`
      const wanted = conditions.length === 0 ? scored : `SELECT * FROM (${scored}) WHERE ${conditions.join(' AND ')}`
      const { select, columns } = exportSelect(`SELECT * FROM (${wanted}) ORDER BY "at", id`, shape, query.format)
      const file = `log.${query.format}`
      const into = `${place}/${file}`
      const sql =
        query.format === 'csv'
          ? `COPY (${select}) TO ${literal(into)} (FORMAT csv, HEADER, DELIMITER ',', QUOTE '"', ESCAPE '"')`
          : copyToParquet(select, into, columns)
      await tables.run({ folders: [there.folder, place], scratch: place, statements: [{ sql, params: values }], signal })
      const { stream, sizeBytes } = await files.open(place, file)
      stream.once('close', () => void remove())
      return {
        contentType: query.format === 'csv' ? 'text/csv; charset=utf-8' : 'application/vnd.apache.parquet',
        body: stream,
        sizeBytes,
        filename: `${row.name} log.${query.format}`,
      }
    } catch (error) {
      await remove()
      throw error
    }
  }

  return { search, exportLog }
}

function shapeOf(row: EndpointRow): LogShape {
  const signature = signatureOf(row)
  return { signature, key: captureOf(row).key ?? null, kind: kindOf(signature) }
}

/** Of a task whose truth is not kept, the log is searched all the same. */
function kindOf(signature: LogShape['signature']): LogShape['kind'] {
  try {
    return truthKind(signature)
  } catch (error) {
    if (isPlatformError(error)) return null
    throw error
  }
}

interface Before {
  at: number
  id: string
}

function cursorOf(cursor: string): Before {
  const [at, id] = decodeCursor(cursor, ['integer', 'string']) as [number, string]
  return { at, id }
}

function windowOf({ from, to }: LogFilter, before?: number): { fromMs: number; toMs: number } {
  const toMs = to === undefined ? endOfTime : Date.parse(to)
  return { fromMs: from === undefined ? 0 : Date.parse(from), toMs: before === undefined ? toMs : Math.min(toMs, before + 1) }
}

/** Reads files newest first, until a page is full, time is up, or nothing is left. */
async function searchSegments(
  run: Run,
  asked: {
    segments: readonly LogSegment[]
    filter: LogFilter
    shape: LogShape
    window: CapturedWindow
    before: Before | null
    place: string
    folder: string
    limit: number
  },
): Promise<z.infer<typeof LogPage>> {
  const { segments, limit, folder } = asked
  const until = Date.now() + searchMs
  const found: LogEntry[] = []
  let files = firstFiles
  for (let next = 0; next < segments.length; files = Math.min(mostFiles, files * 2)) {
    found.push(...(await entriesOf(run, captureFiles(folder, segments.slice(next, next + files)), asked)))
    next += files
    // What is left holds nothing newer than this.
    const rest = segments[next]?.toMs ?? Number.NEGATIVE_INFINITY
    found.sort((a, b) => (a.at === b.at ? (a.id < b.id ? 1 : -1) : a.at < b.at ? 1 : -1))
    const sure = found.filter(({ at }) => Date.parse(at) > rest)
    if (sure.length > limit || (next >= segments.length && sure.length === limit)) {
      const items = sure.slice(0, limit)
      return { items, nextCursor: sure.length > limit ? cursorAt(items.at(-1)!) : null, searchedTo: null }
    }
    if (next < segments.length && Date.now() > until) {
      const at = Math.ceil(rest)
      return { items: sure, nextCursor: encodeCursor([at + 1, '']), searchedTo: toIso(at) }
    }
  }
  return { items: found, nextCursor: null, searchedTo: null }
}

const cursorAt = ({ at, id }: LogEntry): string => encodeCursor([Date.parse(at), id])

async function entriesOf(
  run: Run,
  captured: CaptureFiles,
  {
    filter,
    shape,
    window: { fromMs, toMs },
    before,
    place,
    limit,
  }: { filter: LogFilter; shape: LogShape; window: CapturedWindow; before: Before | null; place: string; limit: number },
): Promise<LogEntry[]> {
  const { values, bind } = bindings()
  const window = { fromMs, toMs, requests: requestCondition(filter) }
  const rows =
    filter.truth === undefined
      ? capturedRows(captured, window)
      : rowsWithTruth(captured, { window, key: shape.key, folder: place })
  const conditions = rowConditions(filter, shape, bind)
  if (before) conditions.push(`("at" < ${bind(before.at)} OR ("at" = ${bind(before.at)} AND id < ${bind(before.id)}))`)
  const scored = `SELECT *, ${scoreSql(shape.signature)} AS score FROM (${rows})`
  const sql = `SELECT id, "at", version, variant, row_values::VARCHAR, prediction::VARCHAR, score FROM (${scored})
    WHERE ${[...conditions, 'id IS NOT NULL'].join(' AND ')} ORDER BY "at" DESC, id DESC LIMIT ${limit + 1}`
  const [result] = await run([{ sql, params: values }])
  return result!.rows.map(([id, at, version, variant, row, prediction, score]) => {
    const { id: _, ...said } = JSON.parse(String(prediction)) as Record<string, unknown>
    return {
      id: String(id),
      at: toIso(Number(at)),
      version: String(version),
      variant: String(variant),
      row: (JSON.parse(String(row)) ?? {}) as Record<string, unknown>,
      prediction: said,
      score: typeof score === 'number' ? score : null,
      truth: null,
    }
  })
}
