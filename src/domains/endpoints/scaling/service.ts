import { totalmem } from 'node:os'
import type * as z from 'zod'
import { invalidInput } from '../../../kernel/errors.ts'
import type { Principal } from '../../../kernel/principal.ts'
import { days, toIso } from '../../../kernel/time.ts'
import type { Metadata } from '../../../ports/metadata/metadata.ts'
import { audit } from '../../auth/audit.ts'
import type { SettingsService } from '../../auth/settings.ts'
import type { LiveEndpoint, LiveEndpoints } from '../live.ts'
import { type EndpointRow, updateEndpoint } from '../store.ts'
import type { TrafficNeeds } from '../traffic/service.ts'
import { scale } from './autoscaler.ts'
import { memoryOf } from './hosted-models.ts'
import { whoLeaves } from './memory-budget.ts'
import { policyOf } from './policy.ts'
import type { HostedModels, ModelsInput, ScalingFigures, ScalingPolicy, UsageOut } from './schema.ts'
import { addUsage, type HostedRow, hostedBy, putHosted, usageOf } from './store.ts'

export interface ScalingNeeds
  extends Pick<TrafficNeeds, 'find' | 'mayChange' | 'inTurn' | 'deployable' | 'versionColumns' | 'changed'> {
  metadata: Metadata
  settings: SettingsService
  live: LiveEndpoints
  onError(error: unknown, doing: string): void
}

const everyMs = 1000
const keepUsageMs = 10_000
/** Of the machine's memory, where the settings say nothing. */
const usualShare = 0.6

export type ScalingService = ReturnType<typeof scalingService>

/** How much room endpoints have: workers, sleep, the memory of all together, and who asks how much. */
export function scalingService({ metadata, settings, live, ...needs }: ScalingNeeds) {
  const { db } = metadata
  let timer: NodeJS.Timeout | undefined
  let working: Promise<void> = Promise.resolve()
  let keptAt = Date.now()
  let isOnDemand = false

  const memoryOfAll = ({ serving, traffic, hosted }: LiveEndpoint): number =>
    memoryOf(serving) + (traffic?.others ?? []).reduce((sum, one) => sum + memoryOf(one.serving), 0) + (hosted?.memoryBytes ?? 0)

  async function budgetBytes(): Promise<number> {
    const { servingMemoryMb } = await settings.get()
    return servingMemoryMb === null ? usualShare * totalmem() : servingMemoryMb * 2 ** 20
  }

  /** Lets endpoints sleep until what is loaded fits the budget; `keep` is the one that was just loaded. */
  async function makeRoom(keep: string): Promise<void> {
    const now = Date.now()
    const held = live.all().map((endpoint) => ({
      id: endpoint.id,
      memoryBytes: memoryOfAll(endpoint),
      askedAt: endpoint.gate.askedAt,
      inFlight: endpoint.gate.inFlight,
      maySleep: isOnDemand || endpoint.policy.minWorkers === 0,
    }))
    for (const id of whoLeaves(held, await budgetBytes(), keep, now)) {
      note(live.get(id)!, 'sleeps: the memory of all endpoints together is full')
      await live.sleep(id)
    }
  }

  async function tick(now = Date.now()): Promise<void> {
    for (const endpoint of live.all()) await look(endpoint, now)
    if (now - keptAt >= keepUsageMs) await keepUsage(now)
  }

  async function look(endpoint: LiveEndpoint, now: number): Promise<void> {
    const { policy, gate, state } = endpoint
    if (state !== 'ready') return
    const isIdle = gate.inFlight === 0 && now - gate.askedAt >= policy.idleSeconds * 1000
    if ((isOnDemand || policy.minWorkers === 0) && isIdle) {
      note(endpoint, `sleeps: nobody asked for ${policy.idleSeconds} s`)
      await live.sleep(endpoint.id)
      return
    }
    for (const serving of [endpoint.serving, ...(endpoint.traffic?.others ?? []).map((one) => one.serving)]) {
      if (serving?.answers !== 'rows' || !serving.model.workers) continue
      const done = await scale(serving.model.workers, serving.scaler, policy, now).catch((error) => {
        needs.onError(error, `changing the workers of the endpoint ${endpoint.name}`)
        return null
      })
      if (done) note(endpoint, `${serving.variant ?? 'main'}: ${done}`)
    }
  }

  async function keepUsage(now: number): Promise<void> {
    keptAt = now
    for (const endpoint of live.all()) {
      const { day, counts } = endpoint.gate.takeFresh()
      if (counts.size > 0) await addUsage(db, endpoint.id, day, counts)
    }
  }

  /** What was asked today, before this process began. */
  async function rememberUsage(row: Pick<EndpointRow, 'id'>, endpoint: LiveEndpoint): Promise<void> {
    const day = Math.floor(Date.now() / days(1))
    for (const one of await usageOf(db, row.id, day)) endpoint.gate.remember(day, one.caller, one)
  }

  async function figures(by: Principal, ref: string, project?: string): Promise<ScalingFigures> {
    const row = await needs.find(by, ref, project)
    const endpoint = live.get(row.id)
    const policy = policyOf(row)
    const { serving = null, gate, coldStarts = [] } = endpoint ?? {}
    const pool = serving?.answers === 'rows' ? serving.model.workers?.figures() : undefined
    const here = serving === null ? 0 : 1
    return {
      policy,
      state: row.running ? (endpoint?.state ?? 'starting') : 'stopped',
      place: serving === null ? null : serving.answers === 'rows' ? serving.model.place : 'language',
      workers: pool?.workers ?? here,
      busy: pool?.busy ?? Math.min(here, gate?.inFlight ?? 0),
      waiting: pool?.waiting ?? 0,
      inFlight: gate?.inFlight ?? 0,
      rejected: gate?.rejected ?? 0,
      throttled: gate?.throttled ?? 0,
      memoryBytes: endpoint ? memoryOfAll(endpoint) : 0,
      coldStarts: {
        count: coldStarts.length,
        lastMs: coldStarts.at(-1) ?? null,
        medianMs: [...coldStarts].sort((a, b) => a - b)[Math.floor(coldStarts.length / 2)] ?? null,
      },
      changes: endpoint?.changes ?? [],
    }
  }

  async function setPolicy(by: Principal, ref: string, policy: ScalingPolicy, project?: string): Promise<ScalingFigures> {
    const { id } = await needs.mayChange(by, ref, project)
    return needs.inTurn(id, async () => {
      const row = await needs.mayChange(by, id)
      if (policy.maxWorkers !== null && policy.minWorkers > policy.maxWorkers)
        throw invalidInput(`There cannot be ${policy.minWorkers} workers at least and ${policy.maxWorkers} at most.`, {
          field: 'minWorkers',
        })
      await metadata.transaction(async (tx) => {
        await updateEndpoint(tx, id, { scaling: JSON.stringify(policy), updated_at: Date.now() })
        await audit(tx, by, 'endpoints.scaling', { target: id, project: row.project_id, facts: { ...policy } })
      })
      live.setPolicy(id, policy)
      needs.changed(row, 'ready')
      return figures(by, id)
    })
  }

  async function usage(by: Principal, ref: string, many: number, project?: string): Promise<z.infer<typeof UsageOut>> {
    const row = await needs.find(by, ref, project)
    await keepUsage(Date.now())
    const from = Math.floor(Date.now() / days(1)) - many + 1
    const rows = await usageOf(db, row.id, from)
    return {
      days: rows.map(({ day, caller, name, requests, rows: many }) => ({
        day: toIso(day * days(1)).slice(0, 10),
        caller,
        name: name ?? caller,
        requests: Number(requests),
        rows: Number(many),
      })),
    }
  }

  async function hosted(by: Principal, ref: string, project?: string): Promise<z.infer<typeof HostedModels>> {
    const row = await needs.find(by, ref, project)
    const here = live.get(row.id)?.hosted?.read()
    const rows = await hostedBy(db, row.id)
    const blank = { loaded: false, requests: 0, errors: 0, lastMs: null, message: null }
    return {
      maxLoaded: row.max_loaded,
      models: rows.map((one) => ({
        name: one.name,
        model: one.model_id,
        modelName: one.model_name,
        version: one.version_id,
        versionNumber: one.version_number,
        ...(here?.find(({ name }) => name === one.name) ?? blank),
      })),
    }
  }

  async function setHosted(
    by: Principal,
    ref: string,
    input: z.output<typeof ModelsInput>,
    project?: string,
  ): Promise<z.infer<typeof HostedModels>> {
    const { id } = await needs.mayChange(by, ref, project)
    return needs.inTurn(id, async () => {
      const row = await needs.mayChange(by, id)
      const names = input.models.map(({ name }) => name)
      const twice = names.find((name, i) => names.indexOf(name) !== i)
      if (twice !== undefined)
        throw invalidInput(`Two models are called "${twice}". Give each a name of its own.`, { field: 'models', name: twice })
      const rows: HostedRow[] = []
      for (const { name, model } of input.models) {
        const { version } = await needs.deployable(by, model, project ?? row.project_id, null)
        rows.push({ ...needs.versionColumns(version), endpoint_id: id, name })
      }
      await metadata.transaction(async (tx) => {
        await putHosted(tx, id, rows)
        await updateEndpoint(tx, id, { max_loaded: input.maxLoaded, updated_at: Date.now() })
        const facts = { models: rows.map(({ name, version_id }) => ({ name, version: version_id })), maxLoaded: input.maxLoaded }
        await audit(tx, by, 'endpoints.models', { target: id, project: row.project_id, facts })
      })
      if (row.running) live.setHosted({ ...row, max_loaded: input.maxLoaded }, rows)
      needs.changed(row, 'ready')
      return hosted(by, id)
    })
  }

  return {
    makeRoom,
    tick,
    figures,
    setPolicy,
    usage,
    hosted,
    setHosted,
    rememberUsage,
    watch({ onDemand = false }: { onDemand?: boolean } = {}) {
      isOnDemand = onDemand
      timer = setInterval(() => {
        working = working.then(() => tick()).catch((error) => needs.onError(error, 'scaling endpoints'))
      }, everyMs).unref()
    },
    async close() {
      clearInterval(timer)
      await working
      await keepUsage(Date.now()).catch((error) => needs.onError(error, 'keeping who asked how much'))
    },
  }
}

const mostChanges = 50

function note(endpoint: LiveEndpoint, text: string): void {
  endpoint.changes.unshift({ at: Date.now(), text })
  endpoint.changes.length = Math.min(endpoint.changes.length, mostChanges)
}
