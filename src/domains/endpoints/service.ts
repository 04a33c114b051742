import type * as z from 'zod'
import { notFound } from '../../kernel/errors.ts'
import type { Events } from '../../kernel/events.ts'
import { type Page, type PageQuery, toPage } from '../../kernel/paging.ts'
import type { Principal } from '../../kernel/principal.ts'
import type { BlobStore } from '../../ports/blobs/blob-store.ts'
import type { Files } from '../../ports/files/files.ts'
import type { Inference } from '../../ports/inference/inference.ts'
import type { LanguageModels } from '../../ports/language/language.ts'
import type { AppendLogs } from '../../ports/logs/append-log.ts'
import type { Db, Metadata } from '../../ports/metadata/metadata.ts'
import type { Access } from '../auth/access.ts'
import type { Search } from '../auth/search.ts'
import type { SettingsService } from '../auth/settings.ts'
import type { GradientsService } from '../explanations/gradients.ts'
import type { ExplainInput, ExplainOutput, GradientsInput } from '../explanations/schema.ts'
import type { ExplanationsService } from '../explanations/service.ts'
import type { ModelVersion } from '../registry/schema.ts'
import { capturedFiles } from './captured-files/captured-files.ts'
import { captureStore } from './captures.ts'
import { type BesideNeeds, besidePredictions } from './contract/beside.ts'
import { refuseUnproven } from './deployment-rule.ts'
import { deploymentsService } from './deployments.ts'
import { generator } from './generate.ts'
import { keptLive } from './kept-live.ts'
import { liveEndpoints } from './live.ts'
import { LiveMetrics } from './live-metrics.ts'
import { predictionLog } from './log/service.ts'
import { endpointFamilies } from './metrics/endpoint-families.ts'
import { type PredictRequest, predictor, refuseStopped } from './predict.ts'
import { scalingService } from './scaling/service.ts'
import type { Capture, Endpoint, EndpointMetrics } from './schema.ts'
import { type LoaderNeeds, toLoad, type VersionToLoad } from './serving.ts'
import {
  type EndpointRow,
  endpointById,
  historyOf,
  listEndpoints,
  type NamedEndpointRow,
  signatureOf,
  toEndpoint,
} from './store.ts'
import { rolloutsService } from './traffic/rollouts.ts'
import { mainVariant, type ShadowSummary } from './traffic/schema.ts'
import { trafficService, variantOut } from './traffic/service.ts'
import { type ShadowWindow, summariseShadows } from './traffic/shadow-summary.ts'
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
  blobs: BlobStore
  /** Where captured requests are appended. */
  logs: AppendLogs
  tables: TruthNeeds['tables']
  uploads: TruthNeeds['uploads']
  pseudonymKey: TruthNeeds['pseudonymKey']
  inference: Inference
  language: Pick<LanguageModels, 'load' | 'loadEmbedder'>
  externals: LoaderNeeds['externals']
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

/** Endpoints: deploy a version, answer rows over HTTP, keep what was asked, measure. */
export function endpointsService(needs: EndpointsNeeds) {
  const { metadata, events, access, search, settings, registry } = needs
  const { db } = metadata
  const files = capturedFiles(needs)
  const captures = captureStore(needs.logs, {
    files,
    hashKey: async (id) => needs.pseudonymKey((await endpointById(db, id))!.project_id),
  })
  const truth = truthService({ ...needs, captures })
  const log = predictionLog({ ...needs, captures })
  const live = liveEndpoints({ ...needs, captures, layPackage: registry.layPackage })
  const inTurn = turns()
  const { answerText, mayAsk } = predictor({ access, events, ready: (row) => kept.ready(row), beside: besidePredictions(needs) })
  const { generate } = generator({ mayAsk })
  search.registerTable('endpoints', { noun: 'endpoint', permission: 'endpoints:read' })

  const find = (by: Principal, ref: string, project?: string) => access.resolve<EndpointRow>('endpoints', by, ref, project)

  async function mayChange(by: Principal, ref: string, project?: string) {
    const row = await find(by, ref, project)
    await access.authorize(by, 'endpoints:write', row)
    return row
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

  const kept = keptLive({
    metadata,
    settings,
    live,
    captures,
    capturedFiles: files,
    logs: needs.logs,
    inTurn,
    scaling: () => scaling,
    changed,
    onError: needs.onError,
  })
  const deployments = deploymentsService({
    metadata,
    access,
    settings,
    registry,
    live,
    inTurn,
    mayChange,
    wire,
    changed,
    loadAll: kept.loadAll,
    scaling: () => scaling,
    traffic: () => traffic,
  })
  const { deployable, versionColumns } = deployments
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
    deployed: deployments.deployed,
    exchangeVersion: deployments.exchangeVersion,
    reload: async (row) => void (await kept.loadAll(row)),
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
    create: deployments.create,
    get: async (by: Principal, ref: string, project?: string) => wire((await find(by, ref, project)).id),
    list,
    patch: deployments.patch,
    rollback: deployments.rollback,
    remove: deployments.remove,
    /** JSON text of `PredictOutput`, at once where nothing need be waited for; then what is refused is thrown at once too. */
    answerText,
    predictText: async (by: Principal, ref: string, request: PredictRequest): Promise<string> => answerText(by, ref, request),
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
    /** The images and sounds that are kept of an endpoint's requests. */
    capturedFiles: files.list,
    blobsInUse: files.blobsInUse,
    truth,
    log,
    labelledRows: truth.labelledRows,
    countLabelled: truth.countLabelled,
    /** Figures of all endpoints of this process. */
    families: endpointFamilies(live.all),
    /** `onDemand`: for a process that callers do not reach. It loads what it is to answer, and rollouts step where callers are. */
    async start({ onDemand = false }: { onDemand?: boolean } = {}) {
      await kept.start({ onDemand })
      if (!onDemand) rollouts.watch()
      scaling.watch({ onDemand })
    },
    async close() {
      kept.close()
      await rollouts.close()
      await scaling.close()
      await live.close()
    },
  }
}
