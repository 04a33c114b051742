import type * as z from 'zod'
import { notFound, preconditionFailed } from '../../kernel/errors.ts'
import type { Events } from '../../kernel/events.ts'
import { type Page, type PageQuery, toPage } from '../../kernel/paging.ts'
import type { Principal } from '../../kernel/principal.ts'
import { days, minutes } from '../../kernel/time.ts'
import type { Files } from '../../ports/files/files.ts'
import type { Inference } from '../../ports/inference/inference.ts'
import type { LanguageModels } from '../../ports/language/language.ts'
import type { AppendLogs } from '../../ports/logs/append-log.ts'
import type { Db, Metadata } from '../../ports/metadata/metadata.ts'
import { type Access, nameTakenIsConflict } from '../auth/access.ts'
import { audit } from '../auth/audit.ts'
import type { Search } from '../auth/search.ts'
import type { SettingsService } from '../auth/settings.ts'
import type { GradientsService } from '../explanations/gradients.ts'
import type { ExplainInput, ExplainOutput, GradientsInput } from '../explanations/schema.ts'
import type { ExplanationsService } from '../explanations/service.ts'
import type { ModelVersion } from '../registry/schema.ts'
import { refuseBadPolicy } from './capture-policy.ts'
import { captureStore } from './captures.ts'
import { type BesideNeeds, besidePredictions } from './contract/beside.ts'
import { refuseUnproven } from './deployment-rule.ts'
import { generator } from './generate.ts'
import { type LiveEndpoint, liveEndpoints } from './live.ts'
import { LiveMetrics } from './live-metrics.ts'
import { predictionLog } from './log/service.ts'
import { endpointFamilies } from './metrics/endpoint-families.ts'
import { predictor, refuseStopped } from './predict.ts'
import { policyOf } from './scaling/policy.ts'
import { scalingService } from './scaling/service.ts'
import { hostedBy } from './scaling/store.ts'
import type { Capture, Endpoint, EndpointInput, EndpointMetrics, EndpointPatch } from './schema.ts'
import { toLoad, type VersionToLoad } from './serving.ts'
import {
  allEndpoints,
  captureOf,
  changedEndpoints,
  type EndpointRow,
  endpointById,
  historyOf,
  insertEndpoint,
  isServedElsewhere,
  knownWith,
  listEndpoints,
  type NamedEndpointRow,
  noteDeployment,
  runningEndpoints,
  signatureOf,
  toEndpoint,
  updateEndpoint,
} from './store.ts'
import { rolloutsService } from './traffic/rollouts.ts'
import { mainVariant, type ShadowSummary } from './traffic/schema.ts'
import { stickyOf, trafficService, variantOut } from './traffic/service.ts'
import { type ShadowWindow, summariseShadows } from './traffic/shadow-summary.ts'
import { shadowLogName } from './traffic/shadows.ts'
import { type VariantRow, variantsByEndpoint, variantsOf } from './traffic/store.ts'
import { type TruthNeeds, truthService } from './truth/service.ts'
import { turns } from './turns.ts'

export interface EndpointsNeeds {
  metadata: Metadata
  events: Events
  access: Access
  search: Search
  settings: SettingsService
  files: Files
  /** Where captured requests are appended. */
  logs: AppendLogs
  tables: TruthNeeds['tables']
  uploads: TruthNeeds['uploads']
  pseudonymKey: TruthNeeds['pseudonymKey']
  inference: Inference
  language: Pick<LanguageModels, 'load' | 'loadEmbedder'>
  /** Where packages are laid out while they are served. */
  folder: string
  registry: {
    resolveVersion(by: Principal, ref: string, project?: string): Promise<ModelVersion>
    /** Refuses a version that misses its goal, unless an administrator of the project says why anyway; answers the override. */
    requirePromotable(by: Principal, version: ModelVersion, overrideReason: string | null): Promise<ModelVersion['override']>
    layPackage(versionId: string, folder: string, options?: { sandboxOnly?: boolean }): Promise<void>
    markDeployed(tx: Db, versionId: string, override: ModelVersion['override']): Promise<void>
    /** No endpoint serves it any more. */
    markUndeployed(tx: Db, versionId: string): Promise<void>
  }
  explanations: Pick<ExplanationsService, 'explainVersion'>
  nearest: BesideNeeds['nearest']
  gradients: Pick<GradientsService, 'ofVersionId'>
  /** The principal of a person, for rollouts that step by themselves in their name. */
  principalOf(userId: string): Promise<Principal>
  /** Told what went wrong where nobody waits for an answer. */
  onError(error: unknown, doing: string): void
}

export type EndpointsService = ReturnType<typeof endpointsService>
type EndpointOut = z.infer<typeof Endpoint>

const pruneEveryMs = minutes(60)
const followEveryMs = 1000
/** Clocks of processes differ, and a change takes a moment to be seen. */
const followBackMs = 5000

/** Endpoints: deploy a version, answer rows over HTTP, keep what was asked, measure. */
export function endpointsService(needs: EndpointsNeeds) {
  const { metadata, events, access, search, settings, registry } = needs
  const { db } = metadata
  const captures = captureStore(needs.logs, {
    hashKey: async (id) => needs.pseudonymKey((await endpointById(db, id))!.project_id),
  })
  const truth = truthService({ ...needs, captures })
  const log = predictionLog({ ...needs, captures })
  const live = liveEndpoints({ ...needs, captures, layPackage: registry.layPackage })
  const inTurn = turns()
  const { predictText, mayAsk } = predictor({ access, events, ready, beside: besidePredictions(needs) })
  const { generate } = generator({ mayAsk })
  search.registerTable('endpoints', { noun: 'endpoint', permission: 'endpoints:read' })
  let timer: NodeJS.Timeout | undefined
  let following: NodeJS.Timeout | undefined
  let followedAt = Date.now()

  const find = (by: Principal, ref: string, project?: string) => access.resolve<EndpointRow>('endpoints', by, ref, project)

  async function mayChange(by: Principal, ref: string, project?: string) {
    const row = await find(by, ref, project)
    await access.authorize(by, 'endpoints:write', row)
    return row
  }

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
    if (isNew) await scaling.rememberUsage(row, endpoint)
    await scaling.makeRoom(row.id)
    return endpoint
  }

  async function wire(id: string): Promise<EndpointOut> {
    const row = await endpointById(db, id)
    if (!row) throw notFound('endpoint', id)
    return told(row, await variantsOf(db, id))
  }

  async function told(row: NamedEndpointRow, rows: readonly VariantRow[]): Promise<EndpointOut> {
    const variants = [mainVariant, ...rows.map(({ name }) => name)].map((name) => variantOut(row, rows, live, name))
    return toEndpoint(row, stateOf(row), await historyOf(db, row.id), variants)
  }

  function stateOf(row: EndpointRow): { state: EndpointOut['state']; message: string | null } {
    if (!row.running) return { state: 'stopped', message: null }
    const here = live.get(row.id)
    return here ? { state: here.state, message: here.message } : { state: 'starting', message: null }
  }

  /** The version to deploy, once nothing stands in its way: proven, and meeting its goal, approved, or overridden by an administrator. */
  async function deployable(by: Principal, ref: string, project: string | undefined, reason: string | null) {
    const version = await registry.resolveVersion(by, ref, project)
    refuseUnproven(version)
    const isApproved = version.state === 'approved' || version.state === 'deployed'
    const override = isApproved ? version.override : await registry.requirePromotable(by, version, reason)
    return { version, override }
  }

  const versionColumns = (version: ModelVersion) => ({
    model_id: version.model,
    model_name: version.modelName,
    version_id: version.id,
    version_number: version.number,
    served: version.manifest.kind,
    trust: version.manifest.trust,
    signature: JSON.stringify(version.signature),
  })

  async function create(by: Principal, input: z.output<typeof EndpointInput>): Promise<EndpointOut> {
    const project = await access.projectFor(by, input.project, 'endpoints:write')
    const { version, override } = await deployable(by, input.model, input.project, input.overrideReason)
    refuseBadPolicy(input.capture, version.signature)
    const row: EndpointRow = {
      ...(await access.newResource('end', by, project, input)),
      ...versionColumns(version),
      capture: JSON.stringify(input.capture),
      running: 1,
      message: null,
      sticky: null,
      scaling: null,
      max_loaded: 16,
      known: null,
    }
    // Loaded first: an endpoint that could never answer is not made.
    const loaded = await live.load(toLoad(versionColumns(version)))
    await inTurn(row.id, async () => {
      try {
        const insert = metadata.transaction(async (tx) => {
          await insertEndpoint(tx, row)
          await deployed(tx, by, row, override)
          const facts = deploymentFacts(row, override)
          await audit(tx, by, 'endpoints.create', { target: row.id, project: row.project_id, facts })
        })
        await nameTakenIsConflict('endpoint', input.name, insert)
      } catch (error) {
        await loaded.release()
        throw error
      }
      live.exchange(row, (await settings.get()).captureShare, loaded)
    })
    await scaling.makeRoom(row.id)
    changed(row, 'ready')
    return wire(row.id)
  }

  async function deployed(tx: Db, by: Principal, row: EndpointRow, override: ModelVersion['override']): Promise<void> {
    await noteDeployment(tx, {
      endpoint_id: row.id,
      version_id: row.version_id,
      version_number: row.version_number,
      model_id: row.model_id,
      at: Date.now(),
      by_name: by.name,
    })
    await registry.markDeployed(tx, row.version_id, override)
  }

  async function undeployed(tx: Db, endpointId: string, versionId: string): Promise<void> {
    if (!(await isServedElsewhere(tx, versionId, endpointId))) await registry.markUndeployed(tx, versionId)
  }

  async function exchangeVersion(
    by: Principal,
    row: EndpointRow,
    ref: string,
    { reason, action, project }: { reason: string | null; action: string; project?: string },
  ) {
    const { version, override } = await deployable(by, ref, project, reason)
    if (version.id === row.version_id) return
    const known = knownWith(row, signatureOf(row), version.signature)
    const next = { ...row, ...versionColumns(version), known, running: 1, updated_at: Date.now() }
    const loaded = await live.load(toLoad(versionColumns(version)))
    try {
      await metadata.transaction(async (tx) => {
        await updateEndpoint(tx, row.id, { ...versionColumns(version), known, running: 1, updated_at: next.updated_at })
        await undeployed(tx, row.id, row.version_id)
        await deployed(tx, by, next, override)
        const facts = { ...deploymentFacts(next, override), before: row.version_id }
        await audit(tx, by, action, { target: row.id, project: row.project_id, facts })
      })
    } catch (error) {
      await loaded.release()
      throw error
    }
    live.exchange(next, (await settings.get()).captureShare, loaded)
  }

  async function patch(
    by: Principal,
    ref: string,
    changes: z.output<typeof EndpointPatch>,
    project?: string,
  ): Promise<EndpointOut> {
    const { id } = await mayChange(by, ref, project)
    return inTurn(id, () => patchInTurn(by, id, changes, project))
  }

  async function patchInTurn(
    by: Principal,
    id: string,
    changes: z.output<typeof EndpointPatch>,
    project?: string,
  ): Promise<EndpointOut> {
    const row = await mayChange(by, id)
    if (changes.capture) refuseBadPolicy(changes.capture, signatureOf(row))
    if (changes.model !== undefined) {
      await exchangeVersion(by, row, changes.model, {
        reason: changes.overrideReason ?? null,
        action: 'endpoints.deploy',
        project,
      })
    }
    const { model: _, overrideReason: __, ...rest } = changes
    if (Object.keys(rest).length > 0) {
      await metadata.transaction(async (tx) => {
        await updateEndpoint(tx, row.id, {
          ...(rest.description !== undefined && { description: rest.description }),
          ...(rest.capture !== undefined && { capture: JSON.stringify(rest.capture) }),
          ...(rest.running !== undefined && { running: rest.running ? 1 : 0 }),
          updated_at: Date.now(),
        })
        await audit(tx, by, 'endpoints.change', { target: row.id, project: row.project_id, facts: rest })
      })
    }
    const now = (await endpointById(db, row.id))!
    if (now.running) await loadAll(now)
    else await live.stop(row.id)
    changed(row, now.running ? 'ready' : 'stopped')
    return wire(row.id)
  }

  async function rollback(by: Principal, ref: string, project?: string): Promise<EndpointOut> {
    const { id } = await mayChange(by, ref, project)
    return inTurn(id, () => rollBackInTurn(by, id))
  }

  async function rollBackInTurn(by: Principal, id: string): Promise<EndpointOut> {
    const row = await mayChange(by, id)
    const before = (await historyOf(db, row.id)).find((entry) => entry.version_id !== row.version_id)
    if (!before) {
      throw preconditionFailed(
        `The endpoint "${row.name}" has served no other version yet, so there is nothing to roll back to.`,
        {
          endpoint: row.id,
        },
      )
    }
    if (!(await traffic.backToPrevious(by, row, before.version_id)))
      await exchangeVersion(by, row, before.version_id, { reason: null, action: 'endpoints.rollback' })
    changed(row, 'ready')
    return wire(row.id)
  }

  async function remove(by: Principal, ref: string, project?: string): Promise<void> {
    const { id } = await mayChange(by, ref, project)
    await inTurn(id, () => removeInTurn(by, id))
  }

  async function removeInTurn(by: Principal, id: string): Promise<void> {
    const row = await mayChange(by, id)
    const variants = await variantsOf(db, id)
    await metadata.transaction(async (tx) => {
      await updateEndpoint(tx, row.id, { deleted_at: Date.now(), running: 0 })
      for (const { version_id } of [row, ...variants]) await undeployed(tx, id, version_id)
      await audit(tx, by, 'endpoints.delete', { target: row.id, project: row.project_id, facts: { name: row.name } })
    })
    await live.stop(row.id)
    changed(row, 'stopped')
  }

  async function list(
    by: Principal,
    query: PageQuery & { project?: string; model?: string; q?: string },
  ): Promise<Page<EndpointOut>> {
    const project = query.project === undefined ? undefined : (await access.projectFor(by, query.project)).id
    const model = query.model === undefined ? undefined : (await access.resolve('models', by, query.model, query.project)).id
    const rows = await listEndpoints(db, access.visibleTo(by, 'endpoints'), { ...query, project, model })
    const page = toPage(rows, query.limit, (row) => [row.created_at, row.id])
    const variants = await variantsByEndpoint(
      db,
      page.items.map(({ id }) => id),
    )
    const items = await Promise.all(page.items.map((row) => told(row, variants.get(row.id)!)))
    return { ...page, items }
  }

  /** Why the version that is served answers as it does; asked of a copy of it, so that nobody's predictions wait. */
  async function explain(
    by: Principal,
    ref: string,
    input: z.output<typeof ExplainInput>,
    project?: string,
  ): Promise<ExplainOutput & { endpoint: string }> {
    const row = await find(by, ref, project)
    await access.authorize(by, 'endpoints:predict', row)
    refuseStopped(row)
    const { version_id: id, version_number: number, model_name: modelName, served, trust } = row
    const version = { id, number, modelName, served, trust, signature: signatureOf(row) }
    return { endpoint: row.name, ...(await needs.explanations.explainVersion(version, input)) }
  }

  /** What the served network answers for, by its gradients. */
  async function gradients(by: Principal, ref: string, input: z.output<typeof GradientsInput>, project?: string) {
    const row = await find(by, ref, project)
    await access.authorize(by, 'endpoints:predict', row)
    refuseStopped(row)
    return { endpoint: row.name, ...(await needs.gradients.ofVersionId(by, row.version_id, input)) }
  }

  async function metrics(
    by: Principal,
    ref: string,
    seconds: number,
    project?: string,
  ): Promise<z.infer<typeof EndpointMetrics>> {
    const row = await find(by, ref, project)
    return (live.get(row.id)?.metrics ?? new LiveMetrics()).read(seconds)
  }

  async function listCaptures(
    by: Principal,
    ref: string,
    query: PageQuery,
    project?: string,
  ): Promise<Page<z.infer<typeof Capture>>> {
    const row = await find(by, ref, project)
    return captures.list(row.id, query)
  }

  function changed(row: Pick<EndpointRow, 'id' | 'project_id'>, state: string): void {
    events.emit('endpoint.changed', { endpointId: row.id, projectId: row.project_id, state })
  }

  /** Loads what should answer, one after the other, without holding up the start of the server. */
  async function start(): Promise<void> {
    timer = setInterval(() => void prune(), pruneEveryMs).unref()
    await live.sweep().catch((error) => needs.onError(error, 'clearing what was laid out before'))
    for (const row of await runningEndpoints(db)) {
      if (policyOf(row).minWorkers === 0) live.asleep(row)
      else
        await ready(row)
          .then(() => changed(row, 'ready'))
          .catch((error) => needs.onError(error, `starting the endpoint ${row.name}`))
    }
    rollouts.watch()
    scaling.watch()
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
    if (!here && policy.minWorkers === 0) live.asleep(row)
    else await loadAll(row)
  }

  async function prune(): Promise<void> {
    for (const row of await allEndpoints(db)) {
      const { keepDays } = captureOf(row)
      await Promise.all([
        captures.prune(row.id, keepDays),
        needs.logs.prune(shadowLogName(row.id), Date.now() - days(keepDays)),
      ]).catch((error) => needs.onError(error, 'removing old captures'))
    }
  }

  const scaling = scalingService({
    metadata,
    settings,
    live,
    find,
    mayChange,
    inTurn,
    deployable,
    versionColumns,
    changed,
    onError: needs.onError,
  })
  const traffic = trafficService({
    metadata,
    live,
    inTurn,
    find,
    mayChange,
    registry,
    deployable,
    refuseUnproven,
    versionColumns,
    deployed,
    exchangeVersion,
    reload: async (row) => void (await loadAll(row)),
    changed,
  })
  const rollouts = rolloutsService({
    metadata,
    events,
    live,
    inTurn,
    find,
    mayChange,
    deployable,
    changed,
    traffic,
    principalOf: needs.principalOf,
    onError: needs.onError,
  })

  async function shadowSummary(by: Principal, ref: string, window: ShadowWindow, project?: string): Promise<ShadowSummary> {
    const row = await find(by, ref, project)
    const shadows = live.get(row.id)?.traffic?.shadows
    await shadows?.flush()
    return { ...(await summariseShadows(needs.logs, row.id, window)), skipped: shadows?.skipped(window.variant) ?? 0 }
  }

  return {
    traffic: traffic.get,
    setTraffic: traffic.setTraffic,
    promoteVariant: traffic.promoteVariant,
    startRollout: rollouts.start,
    endRollout: (by: Principal, ref: string, { how }: { how: 'complete' | 'roll_back' }, project?: string) =>
      rollouts.end(by, ref, how, project),
    rollout: rollouts.latest,
    tickRollouts: rollouts.tick,
    shadowSummary,
    scaling: scaling.figures,
    setScaling: scaling.setPolicy,
    tickScaling: scaling.tick,
    usage: scaling.usage,
    hostedModels: scaling.hosted,
    setHostedModels: scaling.setHosted,
    create,
    get: async (by: Principal, ref: string, project?: string) => wire((await find(by, ref, project)).id),
    list,
    patch,
    rollback,
    remove,
    predictText,
    mayAsk,
    /** Opens a version as an endpoint does, for work that is not an endpoint's. */
    load: (version: ModelVersion) => live.load(toLoad(versionColumns(version)), { apart: true }),
    /** The same of a version that was pinned before. */
    open: (version: VersionToLoad) => live.load(version, { apart: true }),
    /** The steps behind an endpoint of this process, where it serves a pipeline. */
    async pipelineOf(by: Principal, ref: string, project?: string) {
      const row = await find(by, ref, project)
      await access.authorize(by, 'endpoints:read', row)
      const serving = live.get(row.id)?.serving
      return { endpoint: row.name, pipeline: (serving?.answers === 'rows' && serving.pipeline) || null }
    },
    /** The version that an endpoint answers with, for somebody who may ask it. */
    async mainVersion(by: Principal, ref: string, project?: string): Promise<{ endpoint: string; version: string }> {
      const row = await find(by, ref, project)
      await access.authorize(by, 'endpoints:predict', row)
      return { endpoint: row.id, version: row.version_id }
    },
    generate,
    explain,
    gradients,
    metrics,
    listCaptures,
    captureFiles: captures.files,
    truth,
    log,
    labelledRows: truth.labelledRows,
    countLabelled: truth.countLabelled,
    /** Figures of all endpoints of this process. */
    families: endpointFamilies(live.all),
    start,
    async close() {
      clearInterval(timer)
      clearInterval(following)
      await rollouts.close()
      await scaling.close()
      await live.close()
    },
  }
}

const deploymentFacts = (row: EndpointRow, override: ModelVersion['override']) => ({
  name: row.name,
  version: row.version_id,
  model: row.model_name,
  number: row.version_number,
  ...(override && { override }),
})
