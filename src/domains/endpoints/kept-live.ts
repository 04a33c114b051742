import { notFound } from '../../kernel/errors.ts'
import { days, minutes } from '../../kernel/time.ts'
import type { AppendLogs } from '../../ports/logs/append-log.ts'
import type { Metadata } from '../../ports/metadata/metadata.ts'
import type { SettingsService } from '../auth/settings.ts'
import { type CapturedFiles, megabyte } from './captured-files/captured-files.ts'
import type { CaptureStore } from './captures.ts'
import type { LiveEndpoint, LiveEndpoints } from './live.ts'
import { refuseStopped } from './predict.ts'
import { policyOf } from './scaling/policy.ts'
import type { ScalingService } from './scaling/service.ts'
import { hostedBy } from './scaling/store.ts'
import { allEndpoints, captureOf, changedEndpoints, type EndpointRow, endpointById, runningEndpoints } from './store.ts'
import { stickyOf } from './traffic/service.ts'
import { shadowLogName } from './traffic/shadows.ts'
import { variantsOf } from './traffic/store.ts'

export interface KeptLiveNeeds {
  metadata: Metadata
  settings: SettingsService
  live: LiveEndpoints
  captures: CaptureStore
  capturedFiles: Pick<CapturedFiles, 'prune'>
  logs: AppendLogs
  inTurn<T>(id: string, work: () => Promise<T>): Promise<T>
  scaling(): Pick<ScalingService, 'rememberUsage' | 'makeRoom'>
  changed(row: Pick<EndpointRow, 'id' | 'project_id'>, state: string): void
  onError(error: unknown, doing: string): void
}

const pruneEveryMs = minutes(60)
const followEveryMs = 1000
/** Clocks of processes differ, and a change takes a moment to be seen. */
const followBackMs = 5000

/** Keeps the endpoints of this process as their rows say: loaded at the start or when somebody asks, changed when another process changed them. */
export function keptLive(needs: KeptLiveNeeds) {
  const { metadata, settings, live, captures, inTurn, changed } = needs
  const { db } = metadata
  let timer: NodeJS.Timeout | undefined
  let following: NodeJS.Timeout | undefined
  let followedAt = Date.now()
  let isOnDemand = false

  /** The endpoint of a call, loaded where it is not yet. */
  async function ready(row: EndpointRow): Promise<LiveEndpoint> {
    const here = live.get(row.id)
    if (here?.serving) {
      here.captures.setCap((await settings.get()).captureShare)
      return here
    }
    return inTurn(row.id, async () => {
      // Since the call was let in it may have been stopped, or given another version.
      const now = await endpointById(db, row.id)
      if (!now || now.deleted_at !== null) throw notFound('endpoint', row.id)
      refuseStopped(now)
      return loadAll(now)
    })
  }

  /** Main, and then its variants; a variant that fails does not keep main from answering. */
  async function loadAll(row: EndpointRow): Promise<LiveEndpoint> {
    const isNew = live.get(row.id) === undefined
    const endpoint = await live.ensure(row, (await settings.get()).captureShare)
    await live.ensureVariants(row, await variantsOf(db, row.id), stickyOf(row))
    live.setHosted(row, await hostedBy(db, row.id))
    if (isNew) await needs.scaling().rememberUsage(row, endpoint)
    await needs.scaling().makeRoom(row.id)
    return endpoint
  }

  /** Loads what should answer, one after the other, without holding up the start of the server; `onDemand`: each only when it is asked. */
  async function start({ onDemand = false }: { onDemand?: boolean } = {}): Promise<void> {
    isOnDemand = onDemand
    timer = setInterval(() => void prune(), pruneEveryMs).unref()
    await live.sweep().catch((error) => needs.onError(error, 'clearing what was laid out before'))
    for (const row of await runningEndpoints(db)) {
      if (onDemand || policyOf(row).minWorkers === 0) live.asleep(row)
      else
        await ready(row)
          .then(() => changed(row, 'ready'))
          .catch((error) => needs.onError(error, `starting the endpoint ${row.name}`))
    }
    if (metadata.kind === 'postgres') following = setInterval(() => void follow(), followEveryMs).unref()
    await prune()
  }

  /** What another process changed (a loop's promotion in a worker) is served here moments later. */
  async function follow(): Promise<void> {
    const since = followedAt - followBackMs
    followedAt = Date.now()
    for (const { id, name } of await changedEndpoints(db, since))
      await inTurn(id, () => asItsRow(id)).catch((error) => needs.onError(error, `following changes of the endpoint ${name}`))
  }

  async function asItsRow(id: string): Promise<void> {
    const row = await endpointById(db, id)
    const here = live.get(id)
    if (!row || row.deleted_at !== null || !row.running) {
      if (here && here.state !== 'stopped') await live.stop(id)
      return
    }
    const policy = policyOf(row)
    live.setPolicy(id, policy)
    if (here?.state === 'asleep') return
    if (!here && (isOnDemand || policy.minWorkers === 0)) live.asleep(row)
    else await loadAll(row)
  }

  async function prune(): Promise<void> {
    for (const row of await allEndpoints(db)) {
      const { keepDays, filesMegabytes = 0 } = captureOf(row)
      await Promise.all([
        captures.prune(row.id, keepDays),
        needs.capturedFiles.prune(row.id, { keepDays, mostBytes: filesMegabytes * megabyte }),
        needs.logs.prune(shadowLogName(row.id), Date.now() - days(keepDays)),
      ]).catch((error) => needs.onError(error, 'removing old captures'))
    }
  }

  return {
    ready,
    loadAll,
    start,
    close() {
      clearInterval(timer)
      clearInterval(following)
    },
  }
}
