import type * as z from 'zod'
import { decodeCursor, encodeCursor, type Page } from '../../kernel/paging.ts'
import type { RawBody } from '../../kernel/raw-body.ts'
import { days, minutes, toIso } from '../../kernel/time.ts'
import type { CaptureWishes } from '../../ports/inference/media/describe-files.ts'
import type { AppendLog, AppendLogs, LogPosition, LogSegment } from '../../ports/logs/append-log.ts'
import { type CapturedFiles, megabyte } from './captured-files/captured-files.ts'
import { type CaptureFiles, captureFiles } from './log/captured-sql.ts'
import { type Keeping, keptRows } from './log/kept-rows.ts'
import type { Capture, CapturePolicy } from './schema.ts'

/** One request as it is kept: a line of JSON. */
interface CapturedRequest {
  at: number
  version: string
  body: { row?: Record<string, unknown>; rows?: Record<string, unknown>[] }
  predictions: ({ id: string } & Record<string, unknown>)[]
}

export interface RequestToKeep {
  at: number
  /** Its text, or what came where that is known to hold rows and no line break. */
  body: RawBody | string
  rows(): readonly unknown[]
  /** Where the rows hold files: what is kept of them. */
  forCapture?: ((options: CaptureWishes) => Promise<unknown[]>) | undefined
  version: string
  /** The variant that answered, where it is not main. */
  variant?: string | undefined
  predictions: string
}

export interface CaptureRecorder {
  /** The field of a row by which its truth will be told, if the policy names one. */
  readonly key: string | null
  /** How much of the traffic is kept, after the policy and the platform's own cap. */
  setPolicy(policy: z.output<typeof CapturePolicy>, mostShare: number): void
  /** The platform's cap, where it changed since. */
  setCap(mostShare: number): void
  /** Takes a request off the hot path: `predictions` is the JSON list that was answered. */
  record(request: RequestToKeep): void
  /** Requests that were not kept because the disk did not keep up. */
  readonly dropped: number
  close(): Promise<void>
}

/** A line is written once a request is answered, and says when it came. */
const longestAnswerMs = minutes(15)

/** Captured requests and predictions, by endpoint, in append-only files. */
export function captureStore(
  logs: AppendLogs,
  { hashKey, files }: { hashKey(endpointId: string): Promise<string>; files: Pick<CapturedFiles, 'keep'> },
) {
  const open = new Map<string, AppendLog>()
  /** Requests with files, on their way to the log. */
  const beingKept = new Map<string, Set<Promise<void>>>()
  const settled = (endpointId: string) => Promise.all(beingKept.get(endpointId) ?? [])

  function recorder(endpointId: string): CaptureRecorder {
    let wanted = 0
    let share = 0
    let keeping: Keeping = { hidden: new Set(), hashed: new Set() }
    let keyOfHashes: string | null = null
    let thumbnails = false
    let mostFileBytes = 0
    let key: string | null = null
    let dropped = 0
    let ownLog: AppendLog | null = null
    // What comes in one millisecond begins alike.
    let began = { at: 0, version: '', variant: undefined as string | undefined, text: '' }
    const beginning = ({ at, version, variant }: RequestToKeep): string => {
      if (began.at !== at || began.version !== version || began.variant !== variant) {
        const told = variant === undefined ? '' : `"variant":"${variant}",`
        began = { at, version, variant, text: `{"at":${at},"version":"${version}",${told}"body":` }
      }
      return began.text
    }
    const keep = (request: RequestToKeep, body: string | RawBody) => {
      ownLog ??= logOf(endpointId)
      if (!ownLog.append(beginning(request), body, `,"predictions":${request.predictions}}`)) dropped++
    }
    async function keepLater(request: RequestToKeep, how: Keeping & { thumbnails: boolean }): Promise<void> {
      const taken = new Map<string, Uint8Array>()
      const take = (name: string, sha256: string, content: Uint8Array) =>
        void (how.hidden.has(name) || taken.set(sha256, content))
      const given = request.forCapture
        ? await request.forCapture({ thumbnails: how.thumbnails, take: mostFileBytes > 0 ? take : undefined })
        : request.rows()
      if (taken.size > 0) dropped += await files.keep(endpointId, { at: request.at, files: taken, mostBytes: mostFileBytes })
      if (how.hashed.size > 0) keyOfHashes ??= await hashKey(endpointId)
      keep(request, keptRows(given, how, keyOfHashes))
    }

    return {
      setPolicy(policy, mostShare) {
        wanted = policy.share
        share = Math.min(wanted, mostShare)
        // Policies kept before there were hashes and keys have none.
        keeping = { hidden: new Set(policy.hide), hashed: new Set(policy.hash ?? []) }
        thumbnails = policy.thumbnails
        mostFileBytes = (policy.filesMegabytes ?? 0) * megabyte
        key = policy.key ?? null
      },
      get key() {
        return key
      },
      setCap(mostShare) {
        share = Math.min(wanted, mostShare)
      },
      record(request) {
        if (share === 0 || (share < 1 && Math.random() >= share)) return
        const { body, rows, forCapture } = request
        const { hidden, hashed } = keeping
        const isReady = hashed.size === 0 || keyOfHashes !== null
        if (!forCapture && isReady)
          return keep(request, hidden.size + hashed.size > 0 ? keptRows(rows(), keeping, keyOfHashes) : onOneLine(body))
        const kept = keepLater(request, { ...keeping, thumbnails }).catch(() => {
          dropped++
        })
        const own = beingKept.get(endpointId) ?? new Set()
        beingKept.set(endpointId, own.add(kept))
        void kept.finally(() => own.delete(kept))
      },
      get dropped() {
        return dropped
      },
      async close() {
        await settled(endpointId)
        const log = open.get(endpointId)
        open.delete(endpointId)
        ownLog = null
        await log?.close()
      },
    }
  }

  function logOf(endpointId: string): AppendLog {
    let log = open.get(endpointId)
    if (!log) {
      log = logs.open(endpointId)
      open.set(endpointId, log)
    }
    return log
  }

  /** Rows that were captured, newest first. */
  async function list(endpointId: string, query: { cursor?: string; limit: number }): Promise<Page<z.infer<typeof Capture>>> {
    await settled(endpointId)
    await open.get(endpointId)?.flush()
    const from = query.cursor ? decodeCursor(query.cursor) : null
    const before: LogPosition | undefined = from ? { segment: String(from[0]), end: Number(from[1]) } : undefined
    let skip = from ? Number(from[2]) : 0
    const { lines, next } = await logs.readBack(endpointId, query.limit, before)
    const items: z.infer<typeof Capture>[] = []
    let after = before
    for (const line of lines) {
      const rows = capturedRows(line.text)
      const room = query.limit - items.length
      items.push(...rows.slice(skip, skip + room))
      if (skip + room < rows.length) return { items, nextCursor: cursorAt(after ?? firstPosition(lines), skip + room) }
      skip = 0
      after = line.at
      if (items.length === query.limit) break
    }
    const isEnd = next === null && after === lines.at(-1)?.at
    return { items, nextCursor: lines.length === 0 || isEnd || !after ? null : cursorAt(after, 0) }
  }

  /** The files that may hold requests of a window, oldest first, with everything so far in them. */
  async function segments(endpointId: string, fromMs: number, toMs: number): Promise<LogSegment[]> {
    await settled(endpointId)
    await open.get(endpointId)?.flush()
    const all = await logs.segments(endpointId)
    return all.filter((segment) => segment.fromMs <= toMs + longestAnswerMs && segment.toMs >= fromMs)
  }

  return {
    recorder,
    list,
    segments,
    /** The folder of an endpoint's captured requests, with everything so far in its files. */
    async files(endpointId: string, fromMs: number, toMs: number): Promise<CaptureFiles> {
      return captureFiles(logs.folder(endpointId), await segments(endpointId, fromMs, toMs))
    },
    folder: (endpointId: string) => logs.folder(endpointId),
    prune: (endpointId: string, keepDays: number) => logs.prune(endpointId, Date.now() - days(keepDays)),
    remove: (endpointId: string) => logs.remove(endpointId),
  }
}

export type CaptureStore = ReturnType<typeof captureStore>

/** The end of the newest line read: where a page that ends inside it begins again. */
const firstPosition = (lines: readonly { at: LogPosition; text: string }[]): LogPosition => {
  const first = lines[0]!
  return { segment: first.at.segment, end: first.at.end + Buffer.byteLength(first.text) + 1 }
}

const cursorAt = (position: LogPosition, skip: number): string => encodeCursor([position.segment, position.end, skip])

/** Inside JSON text raw line breaks only ever stand between tokens. */
const onOneLine = (body: RawBody | string): RawBody | string =>
  typeof body === 'string' && (body.includes('\n') || body.includes('\r')) ? body.replaceAll(/[\r\n]/g, ' ') : body

/** The rows of a line, last first; none where a crash cut it short. */
function capturedRows(text: string): z.infer<typeof Capture>[] {
  let request: CapturedRequest
  try {
    request = JSON.parse(text)
  } catch {
    return []
  }
  const rows = request.body.rows ?? (request.body.row ? [request.body.row] : [])
  return rows
    .map((row, i) => {
      const { id, ...prediction } = request.predictions[i]!
      return { id, at: toIso(request.at), version: request.version, row, prediction }
    })
    .reverse()
}
