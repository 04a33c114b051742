import { isPlatformError, PlatformError } from '../../kernel/errors.ts'
import type { AppendLogs } from '../../ports/logs/append-log.ts'
import type { CaptureRecorder, CaptureStore } from './captures.ts'
import { LiveMetrics } from './live-metrics.ts'
import { Gate } from './scaling/gate.ts'
import { HostedModels } from './scaling/hosted-models.ts'
import { policyOf } from './scaling/policy.ts'
import type { ScalingPolicy } from './scaling/schema.ts'
import type { HostedRow } from './scaling/store.ts'
import { headOf, type LoadedRows, type LoadedText, type LoaderNeeds, type Serving, toLoad, versionLoader } from './serving.ts'
import { captureOf, type EndpointRow, knownOf } from './store.ts'
import type { LiveTraffic } from './traffic/live-traffic.ts'
import { liveVariants } from './traffic/live-variants.ts'
import { mainVariant } from './traffic/schema.ts'

/** An endpoint in this process. What it serves may be exchanged while requests come in. */
export interface LiveEndpoint {
  id: string
  name: string
  serving: Serving | null
  /** How requests are shared out, where there is more than one variant. */
  traffic: LiveTraffic | null
  metrics: LiveMetrics
  captures: CaptureRecorder
  /** Many models behind it, where there are such. */
  hosted: HostedModels | null
  policy: ScalingPolicy
  gate: Gate
  /** How long it took to wake, each time, in ms; the newest hundred. */
  coldStarts: number[]
  /** Workers that came and went, newest first. */
  changes: { at: number; text: string }[]
  state: 'starting' | 'ready' | 'asleep' | 'stopped' | 'failed'
  message: string | null
}

export interface LiveNeeds extends LoaderNeeds {
  captures: CaptureStore
  /** Where the answers of shadows are appended. */
  logs: AppendLogs
  onError(error: unknown, doing: string): void
}

/** The endpoints of this process: what is loaded, exchanged without losing a request. */
export function liveEndpoints(needs: LiveNeeds) {
  const { captures, logs, onError } = needs
  const { load, sweep } = versionLoader(needs)
  const { ensureVariants, swap } = liveVariants({ logs, load, entryOf, onError })
  const endpoints = new Map<string, LiveEndpoint>()
  const loading = new Map<string, { versionId: string; done: Promise<void> }>()

  /** Puts a loaded version behind an endpoint. What served before answers what it accepted, then goes. */
  function exchange(row: EndpointRow, mostShare: number, loaded: LoadedRows | LoadedText): LiveEndpoint {
    const endpoint = entryOf(row)
    const before = endpoint.serving
    if (loaded.answers === 'rows') loaded.encoder.allowOthers(knownOf(row))
    endpoint.name = row.name
    endpoint.serving = { ...loaded, head: headOf(row.name, row, endpoint.traffic ? mainVariant : undefined) }
    endpoint.captures.setPolicy(captureOf(row), mostShare)
    endpoint.state = 'ready'
    endpoint.message = null
    // Not awaited: the exchange is done, the old version only finishes its last answers.
    void before?.release()
    return endpoint
  }

  function entryOf(row: Pick<EndpointRow, 'id' | 'name' | 'scaling'>): LiveEndpoint {
    let endpoint = endpoints.get(row.id)
    if (!endpoint) {
      endpoint = {
        id: row.id,
        name: row.name,
        serving: null,
        traffic: null,
        metrics: new LiveMetrics(),
        captures: captures.recorder(row.id),
        hosted: null,
        policy: policyOf(row),
        gate: new Gate(row.name, policyOf(row)),
        coldStarts: [],
        changes: [],
        state: 'starting',
        message: null,
      }
      endpoints.set(row.id, endpoint)
    }
    return endpoint
  }

  /** The endpoint as its row says, loading what it should serve where it does not yet. */
  async function ensure(row: EndpointRow, mostShare: number): Promise<LiveEndpoint> {
    const endpoint = entryOf(row)
    if (endpoint.serving?.versionId !== row.version_id) {
      let current = loading.get(row.id)
      if (current?.versionId !== row.version_id) {
        current = { versionId: row.version_id, done: loadFor(row, mostShare) }
        loading.set(row.id, current)
      }
      await current.done.finally(() => {
        if (loading.get(row.id) === current) loading.delete(row.id)
      })
    }
    endpoint.name = row.name
    endpoint.captures.setPolicy(captureOf(row), mostShare)
    return endpoint
  }

  async function loadFor(row: EndpointRow, mostShare: number): Promise<void> {
    const endpoint = entryOf(row)
    const wakes = endpoint.state === 'asleep'
    endpoint.state = 'starting'
    endpoint.message = null
    try {
      const began = performance.now()
      const loaded = await load(toLoad(row))
      await refuseTooLarge(endpoint, loaded)
      exchange(row, mostShare, loaded)
      if (wakes) endpoint.coldStarts = [...endpoint.coldStarts.slice(-99), performance.now() - began]
    } catch (error) {
      endpoint.state = 'failed'
      endpoint.message = isPlatformError(error) ? error.message : 'The model could not be loaded; the log of the server says why.'
      throw new PlatformError(
        'unavailable',
        `The endpoint "${row.name}" could not be started: ${endpoint.message}`,
        {},
        { cause: error },
      )
    }
  }

  async function stop(endpointId: string): Promise<void> {
    const endpoint = endpoints.get(endpointId)
    if (!endpoint) return
    const { serving, traffic, hosted } = endpoint
    endpoint.serving = null
    endpoint.traffic = null
    endpoint.hosted = null
    endpoint.state = 'stopped'
    await hosted?.close()
    await Promise.all([serving?.release(), ...(traffic?.others ?? []).map((one) => one.serving?.release())])
    await traffic?.shadows.close()
    await endpoint.captures.close()
  }

  /** Lets go of all that an endpoint has loaded; its next request loads it again. */
  async function sleep(endpointId: string): Promise<void> {
    const endpoint = endpoints.get(endpointId)
    if (!endpoint || endpoint.state !== 'ready') return
    const { serving, traffic, hosted } = endpoint
    endpoint.serving = null
    endpoint.traffic = null
    endpoint.state = 'asleep'
    await Promise.all([
      serving?.release(),
      ...(traffic?.others ?? []).map((one) => one.serving?.release()),
      traffic?.shadows.close(),
      hosted?.sleep(),
    ])
  }

  /** An endpoint that is only loaded when somebody asks. */
  function asleep(row: EndpointRow): LiveEndpoint {
    const endpoint = entryOf(row)
    if (endpoint.serving === null) endpoint.state = 'asleep'
    return endpoint
  }

  function setPolicy(endpointId: string, policy: ScalingPolicy): void {
    const endpoint = endpoints.get(endpointId)
    if (!endpoint) return
    endpoint.policy = policy
    endpoint.gate.setPolicy(policy)
  }

  /** The models that share an endpoint, besides what it serves itself. */
  function setHosted(row: EndpointRow, rows: readonly HostedRow[]): void {
    const endpoint = entryOf(row)
    if (rows.length === 0 && endpoint.hosted === null) return
    endpoint.hosted ??= new HostedModels(row.name, async (from) => {
      const loaded = await load(toLoad(from))
      return { ...loaded, head: headOf(endpoint.name, from, from.name), variant: from.name }
    })
    endpoint.hosted.set(rows, row.max_loaded)
  }

  return {
    sleep,
    asleep,
    setPolicy,
    setHosted,
    get: (endpointId: string) => endpoints.get(endpointId),
    all: () => [...endpoints.values()],
    load,
    exchange,
    ensure,
    ensureVariants,
    swap,
    stop,
    sweep,
    async close() {
      await Promise.all([...endpoints.keys()].map(stop))
    },
  }
}

export type LiveEndpoints = ReturnType<typeof liveEndpoints>

/** A model that takes more memory than its endpoint allows one worker is let go again. */
async function refuseTooLarge({ name, policy }: LiveEndpoint, loaded: LoadedRows | LoadedText): Promise<void> {
  if (policy.memoryMb === null) return
  const { memoryBytes } = loaded.answers === 'rows' ? loaded.model : loaded.language
  const workers = loaded.answers === 'rows' ? (loaded.model.workers?.figures().workers ?? 1) : 1
  const megabytes = memoryBytes / workers / 2 ** 20
  if (megabytes <= policy.memoryMb) return
  await loaded.release()
  throw new PlatformError(
    'precondition_failed',
    `The model takes ${Math.ceil(megabytes)} MB for one worker, and "${name}" allows ${policy.memoryMb} MB. Allow more, or serve a smaller version.`,
    { memoryMb: policy.memoryMb },
  )
}
