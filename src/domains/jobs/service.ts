import { notFound, preconditionFailed } from '../../kernel/errors.ts'
import type { Events } from '../../kernel/events.ts'
import { decodeCursor, type Page, toPage } from '../../kernel/paging.ts'
import type { Principal } from '../../kernel/principal.ts'
import type { ServerEvent } from '../../kernel/route.ts'
import { days, toIso, toIsoOrNull } from '../../kernel/time.ts'
import type { Runtimes } from '../../ports/engines/runtimes.ts'
import type { Executor } from '../../ports/executors/executor.ts'
import type { Files } from '../../ports/files/files.ts'
import type { Metadata } from '../../ports/metadata/metadata.ts'
import { type Access, ownerName, type Resolved } from '../auth/access.ts'
import { audit } from '../auth/audit.ts'
import type { AuthService } from '../auth/service.ts'
import { trimEvents } from './event-retention.ts'
import { isFinal, streamJobEvents, toJobEvent } from './event-stream.ts'
import { jobQueue } from './queue.ts'
import { runtimeJobs } from './runtime-jobs.ts'
import type { Estimate, Job, JobListQuery, JobLog, JobLogQuery } from './schema.ts'
import { jobStore } from './store.ts'
import { type JobRow, jobTables } from './tables.ts'
import { type WarmEngines, warmEngines } from './warm-engines.ts'
import { startWorker, type Worker, warmFolderName } from './worker.ts'

export interface JobsNeeds {
  metadata: Metadata
  events: Events
  auth: Pick<AuthService, 'access' | 'users'>
  executor: Executor
  runtimes: Runtimes
  files: Files
  /** `<data>/jobs`: every job's folder, while it is needed. */
  folder: string
  onError(error: unknown, doing: string): void
  /** How long an unused warm engine stays. */
  warmIdleMs?: number
}

export type JobsService = ReturnType<typeof jobsService>

/** Anything that takes long: accepted here, run by a worker, followed by events, done once. */
export function jobsService(needs: JobsNeeds) {
  const { metadata, events, executor, files } = needs
  const access: Access = needs.auth.access
  const { db } = metadata
  const store = jobStore(metadata)
  let tidiedAt = 0
  let worker: Worker | null = null
  let warm: WarmEngines | null = null
  const { queue, handlers, announce } = jobQueue({ store, events, onWake: () => worker?.wake() })
  const runtimes = runtimeJobs({
    metadata,
    access,
    executor,
    queue,
    runtimes: needs.runtimes,
    isWarm: (lockHash) => warm?.isReady(lockHash) ?? false,
  })

  async function list(by: Principal, query: JobListQuery): Promise<Page<Job>> {
    await access.authorize(by, 'jobs:read')
    const project = query.project ? await access.projectFor(by, query.project) : null
    const before = query.cursor ? decodeCursor(query.cursor) : null
    const rows = await jobTables(db)
      .selectFrom('jobs')
      .selectAll('jobs')
      .select(ownerName('jobs'))
      .where(access.visibleTo(by, 'jobs'))
      .$if(project !== null, (q) => q.where('project_id', '=', project!.id))
      .$if(query.kind !== undefined, (q) => q.where('kind', '=', query.kind!))
      .$if(query.state !== undefined, (q) => q.where('state', '=', query.state!))
      .$if(query.lane !== undefined, (q) => q.where('lane', '=', query.lane!))
      .$if(before !== null, (q) =>
        q.where((eb) =>
          eb.or([
            eb('created_at', '<', before![0] as number),
            eb.and([eb('created_at', '=', before![0] as number), eb('jobs.id', '<', before![1] as string)]),
          ]),
        ),
      )
      .orderBy('created_at', 'desc')
      .orderBy('jobs.id', 'desc')
      .limit(query.limit + 1)
      .execute()
    const page = toPage(rows as Resolved<JobRow>[], query.limit, (row) => [row.created_at, row.id])
    return { ...page, items: page.items.map(toJob) }
  }

  async function read(
    by: Principal,
    ref: string,
    permission: 'jobs:read' | 'jobs:cancel' = 'jobs:read',
  ): Promise<Resolved<JobRow>> {
    const row = await access.resolve<JobRow>('jobs', by, ref)
    await access.authorize(by, permission, row)
    return row
  }

  const get = async (by: Principal, ref: string): Promise<Job> => toJob(await read(by, ref))

  /** A queued job is over at once; a running one is asked to stop and has 120 seconds. */
  async function cancel(by: Principal, ref: string): Promise<Job> {
    const row = await read(by, ref, 'jobs:cancel')
    if (isFinal(row.state)) throw preconditionFailed(`The job has already ${row.state}.`, { job: row.id, state: row.state })
    const ended = await metadata.transaction(async (tx) => {
      const now = await jobTables(tx)
        .updateTable('jobs')
        .set({ cancel_requested: 1, updated_at: metadata.nowMs })
        .where('id', '=', row.id)
        .where('state', 'in', ['queued', 'running'])
        .returning(['state', 'attempt'])
        .executeTakeFirst()
      if (!now) return false
      const failure = { code: 'cancelled', message: 'The job was cancelled.' }
      if (now.state === 'queued') {
        await jobTables(tx)
          .updateTable('jobs')
          .set({ state: 'cancelled', finished_at: metadata.nowMs, failure: JSON.stringify({ ...failure, facts: {} }) })
          .where('id', '=', row.id)
          .execute()
        await store.appendEvents(tx, { id: row.id, attempt: now.attempt }, [{ type: 'state', data: { state: 'cancelled' } }])
        const spec = JSON.parse(row.spec) as Record<string, unknown>
        const job = { jobId: row.id, projectId: row.project_id, spec, state: 'cancelled' as const, failure }
        await handlers.get(row.kind)?.unpublish?.(tx, job)
      }
      await audit(tx, by, 'jobs.cancel', { target: row.id, project: row.project_id, facts: { kind: row.kind, name: row.name } })
      return now.state === 'queued'
    })
    if (ended) announce(row, { state: 'cancelled' })
    else worker?.cancel(row.id)
    return get(by, row.id)
  }

  /** Puts a failed or cancelled job back into the queue, as it was asked for. */
  async function retry(by: Principal, ref: string): Promise<Job> {
    const row = await read(by, ref, 'jobs:cancel')
    await metadata.transaction(async (tx) => {
      const queued = await jobTables(tx)
        .updateTable('jobs')
        .set({
          state: 'queued',
          cancel_requested: 0,
          crashes: 0,
          failure: null,
          cost: null,
          progress: null,
          finished_at: null,
          started_at: null,
          queued_at: metadata.nowMs,
          updated_at: metadata.nowMs,
        })
        .where('id', '=', row.id)
        .where('state', 'in', ['failed', 'cancelled'])
        .returning('attempt')
        .executeTakeFirst()
      if (!queued)
        throw preconditionFailed(`Only a failed or cancelled job can be tried again; this one is ${row.state}.`, {
          job: row.id,
          state: row.state,
        })
      const job = { jobId: row.id, projectId: row.project_id, spec: JSON.parse(row.spec) as Record<string, unknown> }
      await handlers.get(row.kind)?.requeued?.(tx, job)
      await store.appendEvents(tx, { id: row.id, attempt: queued.attempt }, [
        { type: 'state', data: { state: 'queued', reason: `${by.name} asked for another try.` } },
      ])
      await audit(tx, by, 'jobs.retry', { target: row.id, project: row.project_id, facts: { kind: row.kind, name: row.name } })
    })
    announce(row, { state: 'queued' })
    queue.wake()
    return get(by, row.id)
  }

  async function log(by: Principal, ref: string, query: JobLogQuery): Promise<JobLog> {
    const row = await read(by, ref)
    const rows = await store.eventsAfter(row.id, query.after, query.limit, query.type && [query.type])
    return {
      items: rows.map(toJobEvent),
      last: rows.at(-1)?.seq ?? query.after,
      ended: isFinal(row.state) && rows.length < query.limit,
    }
  }

  /** Authorised before the stream begins, so that a refusal is still an answer. */
  async function follow(by: Principal, ref: string, after: number, signal: AbortSignal): Promise<AsyncIterable<ServerEvent>> {
    const { id } = await read(by, ref)
    const isOver = async () => {
      const row = await jobTables(db).selectFrom('jobs').select('state').where('id', '=', id).executeTakeFirst()
      return row === undefined || isFinal(row.state)
    }
    return streamJobEvents({ store, events }, { id, after, signal, isOver })
  }

  /** For domains that wait for a job of theirs: resolves when it is over. */
  async function ended(jobId: string, signal?: AbortSignal): Promise<JobRow> {
    for (;;) {
      const row = await jobTables(db).selectFrom('jobs').selectAll().where('id', '=', jobId).executeTakeFirst()
      if (!row) throw notFound('job', jobId)
      if (isFinal(row.state)) return row
      signal?.throwIfAborted()
      await nextChange(jobId)
    }
  }

  function nextChange(jobId: string): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(finish, 1000)
      const unlisten = events.on('job.changed', (change) => {
        if (change.jobId === jobId) finish()
      })
      function finish() {
        clearTimeout(timer)
        unlisten()
        resolve()
      }
    })
  }

  /** How a job stands, for domains that look after one of theirs. */
  async function peek(jobId: string): Promise<Pick<Job, 'state' | 'result' | 'failure'> | null> {
    const row = await jobTables(db)
      .selectFrom('jobs')
      .select(['state', 'result', 'failure'])
      .where('id', '=', jobId)
      .executeTakeFirst()
    return row
      ? {
          state: row.state,
          result: row.result === null ? null : JSON.parse(row.result),
          failure: row.failure === null ? null : JSON.parse(row.failure),
        }
      : null
  }

  /** What past jobs of a kind took, newest first: the ground of estimates. */
  async function history(kind: string, limit = 200) {
    const rows = await jobTables(db)
      .selectFrom('jobs')
      .select(['size', 'cost'])
      .where('kind', '=', kind)
      .where('state', '=', 'succeeded')
      .where('cost', 'is not', null)
      .orderBy('finished_at', 'desc')
      .limit(limit)
      .execute()
    return rows.map((row) => ({ size: row.size, cost: JSON.parse(row.cost!) as NonNullable<Job['cost']> }))
  }

  return {
    queue,
    runtimes,
    list,
    get,
    cancel,
    retry,
    log,
    follow,
    ended,
    peek,
    history,
    startWorker({ slots }: { slots: number }): Worker {
      if (worker) return worker
      const root = needs.folder
      const engines = warmEngines({
        executor,
        files,
        root: files.resolvePath(root, warmFolderName(executor.identity)),
        idleMs: needs.warmIdleMs,
      })
      const started = startWorker({
        metadata,
        store,
        handlers,
        files,
        executor,
        runtimes: needs.runtimes,
        warm: engines,
        root,
        slots,
        folderOf: (jobId) => files.resolvePath(root, jobId),
        principalOf: (userId) => needs.auth.users.principal(userId),
        announce,
        onError: needs.onError,
      })
      warm = engines
      worker = {
        ...started,
        async close(options) {
          await started.close(options)
          await engines.close()
          worker = null
          warm = null
        },
      }
      return worker
    },
    /** Lets go of old events, once a day. */
    async tidy(now = Date.now()): Promise<void> {
      if (now - tidiedAt < days(1)) return
      tidiedAt = now
      await trimEvents(metadata, now)
    },
    /** Where there is one: stops claiming, gives running jobs 120 seconds for a checkpoint, puts them back into the queue. */
    stopWorker: async (): Promise<void> => worker?.close(),
  }
}

function toJob(row: Resolved<JobRow>): Job {
  const json = <T>(text: string | null) => (text === null ? null : (JSON.parse(text) as T))
  return {
    id: row.id,
    kind: row.kind,
    name: row.name,
    project: row.project_id,
    owner: row.owner_id,
    ownerName: row.owner_name,
    state: row.state,
    cancelRequested: row.cancel_requested === 1,
    attempt: row.attempt,
    maxAttempts: row.max_attempts,
    spec: JSON.parse(row.spec),
    progress: json(row.progress),
    estimate: json<Estimate>(row.estimate),
    cost: json(row.cost),
    result: json(row.result),
    failure: json(row.failure),
    sandbox: row.sandbox,
    createdAt: toIso(row.created_at),
    startedAt: toIsoOrNull(row.started_at),
    finishedAt: toIsoOrNull(row.finished_at),
  }
}
