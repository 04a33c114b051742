import type * as z from 'zod'
import { invalidInput, preconditionFailed } from '../../../kernel/errors.ts'
import type { Principal } from '../../../kernel/principal.ts'
import type { Db, Metadata } from '../../../ports/metadata/metadata.ts'
import { audit } from '../../auth/audit.ts'
import type { ModelVersion } from '../../registry/schema.ts'
import type { LiveEndpoints } from '../live.ts'
import { type EndpointRow, isServedElsewhere, knownWith, signatureOf, updateEndpoint } from '../store.ts'
import type { LiveTraffic, LiveVariant } from './live-traffic.ts'
import { refuseOtherTask } from './refuse-other-task.ts'
import { toRollout } from './rollouts.ts'
import {
  mainVariant,
  previousVariant,
  type Sticky,
  type Traffic,
  type TrafficInput,
  type Variant,
  type VariantFigures,
} from './schema.ts'
import { latestRollout, putVariants, type ServedColumns, updateRollout, type VariantRow, variantsOf } from './store.ts'

export interface TrafficNeeds {
  metadata: Metadata
  live: LiveEndpoints
  inTurn<T>(id: string, work: () => Promise<T>): Promise<T>
  find(by: Principal, ref: string, project?: string): Promise<EndpointRow>
  mayChange(by: Principal, ref: string, project?: string): Promise<EndpointRow>
  registry: {
    resolveVersion(by: Principal, ref: string, project?: string): Promise<ModelVersion>
    markDeployed(tx: Db, versionId: string, override: ModelVersion['override']): Promise<void>
    markUndeployed(tx: Db, versionId: string): Promise<void>
  }
  /** Refuses a version that may not answer anybody: unproven, or short of its goal and not approved. */
  deployable(
    by: Principal,
    ref: string,
    project: string | undefined,
    reason: string | null,
  ): Promise<{ version: ModelVersion; override: ModelVersion['override'] }>
  refuseUnproven(version: ModelVersion): void
  versionColumns(version: ModelVersion): ServedColumns
  deployed(tx: Db, by: Principal, row: EndpointRow, override: ModelVersion['override']): Promise<void>
  exchangeVersion(
    by: Principal,
    row: EndpointRow,
    ref: string,
    options: { reason: string | null; action: string; project?: string },
  ): Promise<void>
  reload(row: EndpointRow): Promise<void>
  changed(row: Pick<EndpointRow, 'id' | 'project_id'>, state: string): void
}

export type TrafficService = ReturnType<typeof trafficService>
type TrafficOut = z.infer<typeof Traffic>
export const stickyOf = (row: Pick<EndpointRow, 'sticky'>): z.infer<typeof Sticky> | null =>
  row.sticky === null ? null : JSON.parse(row.sticky)

/** Several versions behind one endpoint: shares, shadows, and the exchange of main. */
export function trafficService(needs: TrafficNeeds) {
  const { metadata, live, inTurn, find, mayChange, registry } = needs
  const { db } = metadata

  async function wire(row: EndpointRow): Promise<TrafficOut> {
    const rows = await variantsOf(db, row.id)
    const rollout = await latestRollout(db, row.id)
    const traffic = live.get(row.id)?.traffic ?? null
    const metrics = traffic?.main.metrics ?? live.get(row.id)?.metrics
    const main = { ...variantOut(row, rows, live, mainVariant), ...liveOf({ metrics, breaker: traffic?.main.breaker }) }
    const others = rows.map((variant) => {
      const here = traffic?.others.find((one) => one.name === variant.name)
      return { ...variantOut(row, rows, live, variant.name), ...liveOf(here) }
    })
    return { sticky: stickyOf(row), variants: [main, ...others], rollout: rollout ? toRollout(rollout) : null }
  }

  /** All variants besides main as they should be. */
  async function setTraffic(
    by: Principal,
    ref: string,
    input: z.output<typeof TrafficInput>,
    project?: string,
  ): Promise<TrafficOut> {
    const { id } = await mayChange(by, ref, project)
    return inTurn(id, async () => {
      const row = await mayChange(by, id)
      await refuseWhileRollingOut(row)
      const rows = await rowsOf(by, row, input, project)
      await put(by, row, rows, { sticky: input.sticky, action: 'endpoints.traffic' })
      return wire((await find(by, id)) as EndpointRow)
    })
  }

  async function rowsOf(
    by: Principal,
    row: EndpointRow,
    input: z.output<typeof TrafficInput>,
    project?: string,
  ): Promise<VariantRow[]> {
    const names = input.variants.map(({ name }) => name)
    const twice = names.find((name, i) => names.indexOf(name) !== i)
    if (twice !== undefined)
      throw invalidInput(`Two variants are called "${twice}". Give each a name of its own.`, { field: 'variants', name: twice })
    const shared = input.variants.reduce((sum, { weight, shadow }) => sum + (shadow ? 0 : weight), 0)
    if (shared > 100)
      throw invalidInput(`The variants' weights add up to ${shared} per cent; main would get less than none.`, {
        field: 'variants',
        sum: shared,
      })
    const before = await variantsOf(db, row.id)
    const rows: VariantRow[] = []
    for (const [position, wanted] of input.variants.entries()) {
      const { name, model, weight, shadow } = wanted
      const field = `variants.${position}`
      if (name === mainVariant)
        throw invalidInput(
          'Main is what the endpoint itself serves, and gets what the other variants leave. Deploy another version to change it.',
          { field: `${field}.name` },
        )
      if (shadow && weight > 0)
        throw invalidInput(`The variant "${name}" is a shadow and answers nobody, so it can have no weight.`, {
          field: `${field}.weight`,
        })
      const version = await versionFor(by, row, { ref: model, weight, reason: input.overrideReason, project, before })
      refuseOtherTask(row, version, name)
      rows.push({
        ...needs.versionColumns(version),
        endpoint_id: row.id,
        name,
        position,
        weight,
        shadow: shadow ? 1 : 0,
      })
    }
    return rows
  }

  /** A version that is to answer people must be deployable; one that is only asked beside them must be proven. */
  async function versionFor(
    by: Principal,
    row: EndpointRow,
    asked: { ref: string; weight: number; reason: string | null; project?: string; before: readonly VariantRow[] },
  ): Promise<ModelVersion> {
    const version = await registry.resolveVersion(by, asked.ref, asked.project ?? row.project_id)
    needs.refuseUnproven(version)
    const answers = asked.before.some((one) => one.version_id === version.id && one.weight > 0)
    if (asked.weight > 0 && !answers && version.id !== row.version_id)
      await needs.deployable(by, version.id, undefined, asked.reason)
    return version
  }

  async function put(
    by: Principal,
    row: EndpointRow,
    rows: VariantRow[],
    { sticky, action }: { sticky: z.infer<typeof Sticky> | null; action: string },
  ): Promise<void> {
    const now = Date.now()
    await metadata.transaction(async (tx) => {
      const before = await variantsOf(tx, row.id)
      await putVariants(tx, row.id, rows)
      await markAnswering(tx, row, before, rows)
      await updateEndpoint(tx, row.id, { sticky: sticky === null ? null : JSON.stringify(sticky), updated_at: now })
      const shares = rows.map(({ name, version_id, weight, shadow }) => ({
        name,
        version: version_id,
        weight,
        shadow: shadow === 1,
      }))
      await audit(tx, by, action, { target: row.id, project: row.project_id, facts: { variants: shares, sticky } })
    })
    // Where it is not loaded (asleep, or served by another process), its variants come with it.
    if (row.running && live.get(row.id)?.serving) await live.ensureVariants({ ...row, updated_at: now }, rows, sticky)
    needs.changed(row, 'ready')
  }

  /** In the registry a version is deployed as long as it answers somebody. */
  async function markAnswering(
    tx: Db,
    row: EndpointRow,
    before: readonly VariantRow[],
    after: readonly VariantRow[],
  ): Promise<void> {
    const answering = (rows: readonly VariantRow[]) => new Set(rows.filter((one) => one.weight > 0).map((one) => one.version_id))
    const [had, has] = [answering(before), answering(after)]
    for (const version of has) if (!had.has(version)) await registry.markDeployed(tx, version, null)
    for (const version of had)
      if (!has.has(version) && version !== row.version_id && !(await isServedElsewhere(tx, version, row.id)))
        await registry.markUndeployed(tx, version)
  }

  /** Makes a variant main, at once; what main was stays loaded as `previous`. */
  async function promoteVariant(
    by: Principal,
    ref: string,
    { variant, overrideReason = null }: { variant: string; overrideReason?: string | null },
    project?: string,
  ): Promise<TrafficOut> {
    const { id } = await mayChange(by, ref, project)
    return inTurn(id, async () => {
      const row = await mayChange(by, id)
      await promoteInTurn(by, row, variant, { reason: overrideReason, action: 'endpoints.promote' })
      return wire(await find(by, id))
    })
  }

  /** In the endpoint's turn. */
  async function promoteInTurn(
    by: Principal,
    row: EndpointRow,
    name: string,
    { reason, action, rollout }: { reason: string | null; action: string; rollout?: { id: string; said: string; log: string } },
  ): Promise<void> {
    const rows = await variantsOf(db, row.id)
    const chosen = rows.find((one) => one.name === name)
    if (!chosen) throw noSuchVariant(row, rows, name)
    const running = await latestRollout(db, row.id)
    if (!rollout && running?.state === 'running')
      throw preconditionFailed(
        `The variant "${running.variant}" of "${row.name}" is being rolled out. Complete that or roll it back first.`,
        { endpoint: row.id, variant: running.variant },
      )
    // What served a moment ago, the way back, was let in then.
    const served = name === previousVariant || chosen.weight > 0
    const override = served ? null : (await needs.deployable(by, chosen.version_id, undefined, reason)).override
    const { endpoint_id: _, name: __, position: ___, weight: ____, shadow: _____, ...columns } = chosen
    const now = Date.now()
    const known = knownWith(row, signatureOf(row), signatureOf(chosen))
    const next: EndpointRow = { ...row, ...columns, known, running: 1, updated_at: now }
    const previous: VariantRow = {
      ...servedColumns(row),
      endpoint_id: row.id,
      name: previousVariant,
      position: 0,
      weight: 0,
      shadow: 0,
    }
    const left = [...rows.filter((one) => one.name !== name && one.name !== previousVariant), previous]
    await metadata.transaction(async (tx) => {
      await updateEndpoint(tx, row.id, { ...columns, known, running: 1, updated_at: now })
      await putVariants(tx, row.id, left)
      await needs.deployed(tx, by, next, override)
      if (rollout)
        await updateRollout(tx, rollout.id, { state: 'completed', reason: rollout.said, log: rollout.log, ended_at: now })
      if (!(await isServedElsewhere(tx, row.version_id, row.id))) await registry.markUndeployed(tx, row.version_id)
      const facts = {
        name: row.name,
        variant: name,
        version: chosen.version_id,
        number: chosen.version_number,
        before: row.version_id,
      }
      await audit(tx, by, action, { target: row.id, project: row.project_id, facts: { ...facts, ...(override && { override }) } })
    })
    if (!row.running || !live.swap(next, name, previous)) await needs.reload(next)
    else await live.ensureVariants(next, left, stickyOf(row))
    needs.changed(row, 'ready')
  }

  /** Back to what served before, without loading it, where that is still there; says whether it was. */
  async function backToPrevious(by: Principal, row: EndpointRow, versionId: string): Promise<boolean> {
    const rows = await variantsOf(db, row.id)
    if (!rows.some((one) => one.name === previousVariant && one.version_id === versionId)) return false
    await promoteInTurn(by, row, previousVariant, { reason: null, action: 'endpoints.rollback' })
    return true
  }

  async function refuseWhileRollingOut(row: EndpointRow): Promise<void> {
    const running = await latestRollout(db, row.id)
    if (running?.state !== 'running') return
    throw preconditionFailed(
      `The variant "${running.variant}" of "${row.name}" is being rolled out, which sets the shares. Complete that or roll it back first.`,
      { endpoint: row.id, variant: running.variant },
    )
  }

  return {
    wire,
    get: async (by: Principal, ref: string, project?: string) => wire(await find(by, ref, project)),
    setTraffic,
    promoteVariant,
    promoteInTurn,
    backToPrevious,
    put,
    variantsOf: (endpointId: string) => variantsOf(db, endpointId),
  }
}

export const noSuchVariant = (row: EndpointRow, rows: readonly VariantRow[], name: string) =>
  invalidInput(
    `The endpoint "${row.name}" has no variant "${name}". ${rows.length === 0 ? 'It has none besides main.' : `It has: ${rows.map((one) => one.name).join(', ')}.`}`,
    { field: 'variant', variants: rows.map((one) => one.name) },
  )

export const servedColumns = (row: EndpointRow): ServedColumns => ({
  model_id: row.model_id,
  model_name: row.model_name,
  version_id: row.version_id,
  version_number: row.version_number,
  served: row.served,
  trust: row.trust,
  signature: row.signature,
})

/** A variant as the endpoint tells it; main is the endpoint's own version. */
export function variantOut(
  row: EndpointRow,
  rows: readonly VariantRow[],
  live: Pick<LiveEndpoints, 'get'>,
  name: string,
): Variant {
  const here = live.get(row.id)
  const other = rows.find((one) => one.name === name)
  const from: ServedColumns = other ?? servedColumns(row)
  const inProcess = here?.traffic?.others.find((one) => one.name === name)
  const state = !row.running
    ? { state: 'stopped' as const, message: null }
    : here?.state === 'asleep'
      ? { state: 'asleep' as const, message: null }
      : other
        ? { state: inProcess?.state ?? ('starting' as const), message: inProcess?.message ?? null }
        : { state: here?.state ?? ('starting' as const), message: here?.message ?? null }
  return {
    name,
    model: from.model_id,
    modelName: from.model_name,
    version: from.version_id,
    versionNumber: from.version_number,
    served: from.served,
    weight: other ? other.weight : weightOfMain(rows),
    shadow: other?.shadow === 1,
    ...state,
  }
}

const weightOfMain = (rows: readonly VariantRow[]): number => 100 - rows.reduce((sum, one) => sum + one.weight, 0)

function liveOf(
  here:
    | Pick<LiveVariant, 'metrics' | 'breaker'>
    | { metrics: LiveVariant['metrics'] | undefined; breaker: undefined | LiveTraffic['main']['breaker'] }
    | undefined,
): { live: z.infer<typeof VariantFigures>; breaker: 'closed' | 'open' | 'half_open' } {
  const read = here?.metrics?.read(3600)
  return {
    live: { requests: read?.requests ?? 0, errors: read?.errors ?? 0, latencyMs: read?.latencyMs ?? null },
    breaker: here?.breaker?.state() ?? 'closed',
  }
}
