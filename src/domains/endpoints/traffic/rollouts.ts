import type * as z from 'zod'
import { preconditionFailed } from '../../../kernel/errors.ts'
import type { Events } from '../../../kernel/events.ts'
import { newId } from '../../../kernel/ids.ts'
import type { Principal } from '../../../kernel/principal.ts'
import { minutes, toIso } from '../../../kernel/time.ts'
import type { Metadata } from '../../../ports/metadata/metadata.ts'
import { audit } from '../../auth/audit.ts'
import type { LiveEndpoints } from '../live.ts'
import type { LiveMetrics } from '../live-metrics.ts'
import { type EndpointRow, endpointById } from '../store.ts'
import type { Rollout, RolloutGuard, RolloutInput } from './schema.ts'
import { noSuchVariant, stickyOf, type TrafficNeeds, type TrafficService } from './service.ts'
import { latestRollout, type RolloutRow, runningRollouts, trafficTables, updateRollout, variantsOf } from './store.ts'

export interface RolloutsNeeds extends Pick<TrafficNeeds, 'inTurn' | 'mayChange' | 'find' | 'deployable' | 'changed'> {
  metadata: Metadata
  events: Events
  live: LiveEndpoints
  traffic: TrafficService
  principalOf(userId: string): Promise<Principal>
  onError(error: unknown, doing: string): void
}

type RolloutOut = z.infer<typeof Rollout>
type Step = z.output<typeof RolloutInput>['steps'][number]
type Guard = z.output<typeof RolloutGuard>
const everyMs = 1000

/** Canaries: a variant gets more of the requests step by step, as long as it errs and dawdles no more than main does. */
export function rolloutsService(needs: RolloutsNeeds) {
  const { metadata, events, live, inTurn, mayChange, traffic } = needs
  const { db } = metadata
  let timer: NodeJS.Timeout | undefined
  let ticking: Promise<void> = Promise.resolve()

  async function start(by: Principal, ref: string, input: z.output<typeof RolloutInput>, project?: string): Promise<RolloutOut> {
    const { id } = await mayChange(by, ref, project)
    return inTurn(id, async () => {
      const row = await mayChange(by, id)
      const rows = await variantsOf(db, id)
      const chosen = rows.find((one) => one.name === input.variant)
      if (!chosen) throw noSuchVariant(row, rows, input.variant)
      if (!row.running)
        throw preconditionFailed(`The endpoint "${row.name}" is stopped. Start it before rolling out.`, { endpoint: id })
      const running = await latestRollout(db, id)
      if (running?.state === 'running')
        throw preconditionFailed(`The variant "${running.variant}" of "${row.name}" is being rolled out already.`, {
          endpoint: id,
          variant: running.variant,
        })
      await needs.deployable(by, chosen.version_id, undefined, input.overrideReason)
      const [first] = input.steps as [Step, ...Step[]]
      const now = Date.now()
      const rollout: RolloutRow = {
        id: newId('rol', now),
        endpoint_id: id,
        variant: input.variant,
        version_id: chosen.version_id,
        version_number: chosen.version_number,
        steps: JSON.stringify(input.steps),
        guard: JSON.stringify(input.guard),
        step: 0,
        step_since: now,
        state: 'running',
        reason: null,
        override_reason: input.overrideReason,
        log: JSON.stringify([{ at: now, text: `${first.weight} % for ${spell(first.minutes)}` }]),
        started_at: now,
        ended_at: null,
        by_id: by.userId!,
        by_name: by.name,
      }
      await metadata.transaction(async (tx) => {
        await trafficTables(tx).insertInto('endpoint_rollouts').values(rollout).execute()
        const facts = { variant: input.variant, version: chosen.version_id, steps: input.steps, guard: input.guard }
        await audit(tx, by, 'endpoints.rollout', { target: id, project: row.project_id, facts })
      })
      await giveShare(by, row, input.variant, first.weight)
      say(row, rollout, 'running', null)
      return toRollout(rollout)
    })
  }

  /** Gives a variant so much of what main had; the other variants keep theirs where there is room. */
  async function giveShare(by: Principal, row: EndpointRow, variant: string, weight: number): Promise<void> {
    const rows = (await variantsOf(db, row.id)).map((one) =>
      one.name === variant ? { ...one, weight, shadow: 0 } : { ...one, weight: Math.min(one.weight, 100 - weight) },
    )
    await traffic.put(by, row, rows, { sticky: stickyOf(row), action: 'endpoints.traffic' })
  }

  async function end(by: Principal, ref: string, how: 'complete' | 'roll_back', project?: string): Promise<RolloutOut> {
    const { id } = await mayChange(by, ref, project)
    return inTurn(id, async () => {
      const row = await mayChange(by, id)
      const running = await latestRollout(db, id)
      if (running?.state !== 'running')
        throw preconditionFailed(`Nothing is being rolled out on "${row.name}".`, { endpoint: id })
      if (how === 'complete') await complete(by, row, running, `${by.name} completed it`)
      else await rollBack(by, row, running, `${by.name} rolled it back`)
      return toRollout((await latestRollout(db, id))!)
    })
  }

  async function complete(by: Principal, row: EndpointRow, rollout: RolloutRow, said: string): Promise<void> {
    const log = noted(rollout, said)
    await traffic.promoteInTurn(by, row, rollout.variant, {
      reason: rollout.override_reason,
      action: 'endpoints.promote',
      rollout: { id: rollout.id, said, log },
    })
    say(row, rollout, 'completed', said)
  }

  async function rollBack(by: Principal, row: EndpointRow, rollout: RolloutRow, said: string): Promise<void> {
    await giveShare(by, row, rollout.variant, 0)
    await metadata.transaction(async (tx) => {
      await updateRollout(tx, rollout.id, {
        state: 'rolled_back',
        reason: said,
        log: noted(rollout, said),
        ended_at: Date.now(),
      })
      const facts = { variant: rollout.variant, version: rollout.version_id, reason: said }
      await audit(tx, by, 'endpoints.roll-back-rollout', { target: row.id, project: row.project_id, facts })
    })
    say(row, rollout, 'rolled_back', said)
  }

  /** Looks at every running rollout: back, on, or as it is. */
  async function tick(now = Date.now()): Promise<void> {
    for (const { endpoint_id } of await runningRollouts(db)) {
      await inTurn(endpoint_id, () => stepOf(endpoint_id, now)).catch((error) =>
        needs.onError(error, `rolling out on the endpoint ${endpoint_id}`),
      )
    }
  }

  async function stepOf(endpointId: string, now: number): Promise<void> {
    const row = await endpointById(db, endpointId)
    const rollout = await latestRollout(db, endpointId)
    if (!row || row.deleted_at !== null || rollout?.state !== 'running' || !row.running) return
    const here = live.get(endpointId)?.traffic
    const variant = here?.others.find((one) => one.name === rollout.variant)
    if (!here || !variant || variant.state === 'starting') return
    const by = await needs.principalOf(rollout.by_id)
    const steps = JSON.parse(rollout.steps) as Step[]
    const guard = JSON.parse(rollout.guard) as Guard
    const seen = figures(variant.metrics, rollout.step_since, now)
    const wrong =
      variant.state === 'failed'
        ? `it could not be loaded: ${variant.message}`
        : wrongWith(guard, seen, figures(here.main.metrics, rollout.step_since, now))
    if (wrong) return rollBack(by, row, rollout, wrong)
    const step = steps[rollout.step]!
    if (now - rollout.step_since < minutes(step.minutes) || seen.requests < guard.minimumRequests) return
    const next = steps[rollout.step + 1]
    const went = `${seen.requests} requests, ${seen.errors} errors${seen.p95 === null ? '' : `, p95 ${seen.p95.toFixed(1)} ms`}`
    if (!next) return complete(by, row, rollout, `the last step went well: ${went}`)
    await metadata.transaction((tx) =>
      updateRollout(tx, rollout.id, {
        step: rollout.step + 1,
        step_since: now,
        log: noted(rollout, `${went}; on to ${next.weight} % for ${spell(next.minutes)}`),
      }),
    )
    await giveShare(by, row, rollout.variant, next.weight)
    say(row, rollout, 'running', null)
  }

  function say(row: EndpointRow, rollout: RolloutRow, state: RolloutRow['state'], reason: string | null): void {
    events.emit('endpoint.rollout', {
      endpointId: row.id,
      projectId: row.project_id,
      variant: rollout.variant,
      state,
      reason,
    })
  }

  return {
    start,
    end,
    tick,
    latest: async (by: Principal, ref: string, project?: string): Promise<RolloutOut | null> => {
      const row = await needs.find(by, ref, project)
      const found = await latestRollout(db, row.id)
      return found ? toRollout(found) : null
    },
    watch() {
      timer = setInterval(() => {
        ticking = ticking.then(() => tick()).catch((error) => needs.onError(error, 'looking at rollouts'))
      }, everyMs).unref()
    },
    async close() {
      clearInterval(timer)
      await ticking
    },
  }
}

interface Seen {
  requests: number
  errors: number
  p95: number | null
}

function figures(metrics: LiveMetrics, since: number, now: number): Seen {
  const { requests, errors, latencyMs } = metrics.read(Math.max(5, Math.min(3600, (now - since) / 1000)))
  return { requests, errors, p95: latencyMs?.p95 ?? null }
}

/** Fewer requests say nothing of a rate, or of the slowest twentieth. */
const fewest = 20
const fewestTimed = 100
/** Below so many milliseconds a factor is noise of the clock. */
const noiseMs = 5

/** What speaks against a variant; null where nothing does. */
export function wrongWith(guard: Guard, variant: Seen, main: Seen): string | null {
  const rate = variant.errors / Math.max(1, variant.requests)
  // What callers do wrong fails on main alike.
  const usual = main.errors / Math.max(1, main.requests)
  if (variant.requests >= fewest && rate - usual > guard.maxErrorRate)
    return `${variant.errors} of its ${variant.requests} requests failed (${(100 * rate).toFixed(1)} %; of main's ${(100 * usual).toFixed(1)} %, and at most ${100 * guard.maxErrorRate} % more may)`
  if (Math.min(variant.requests, main.requests) < fewestTimed || variant.p95 === null || main.p95 === null) return null
  const most = Math.max(noiseMs, main.p95) * guard.maxLatencyFactor
  if (variant.p95 <= most) return null
  return `its p95 is ${variant.p95.toFixed(1)} ms, and main's ${main.p95.toFixed(1)} ms (at most ${guard.maxLatencyFactor} times as much is allowed)`
}

const noted = (rollout: RolloutRow, text: string): string =>
  JSON.stringify([...(JSON.parse(rollout.log) as unknown[]), { at: Date.now(), text }])

const spell = (many: number): string => (many === 1 ? '1 minute' : `${many} minutes`)

export const toRollout = (row: RolloutRow): RolloutOut => ({
  id: row.id,
  variant: row.variant,
  version: row.version_id,
  versionNumber: row.version_number,
  steps: JSON.parse(row.steps),
  guard: JSON.parse(row.guard),
  step: row.step,
  stepSince: toIso(row.step_since),
  state: row.state,
  reason: row.reason,
  startedAt: toIso(row.started_at),
  endedAt: row.ended_at === null ? null : toIso(row.ended_at),
  by: row.by_name,
  log: (JSON.parse(row.log) as { at: number; text: string }[]).map(({ at, text }) => ({ at: toIso(at), text })),
})
