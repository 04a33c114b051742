import { isPlatformError, PlatformError } from '../../kernel/errors.ts'
import { newId } from '../../kernel/ids.ts'
import type { Files } from '../../ports/files/files.ts'
import type { AnyEncoder } from '../../ports/inference/encode.ts'
import type { Inference, LoadedModel } from '../../ports/inference/inference.ts'
import { type ServedBy, shapeOf } from '../../ports/inference/signature.ts'
import type { LanguageModel, LanguageModels } from '../../ports/language/language.ts'
import type { AppendLogs } from '../../ports/logs/append-log.ts'
import { openText } from '../evaluation/open-text.ts'
import type { Uncertainty } from '../evaluation/uncertainty/schema.ts'
import type { Manifest, Signature } from '../registry/schema.ts'
import { type AnswerText, compileAnswer } from './answer.ts'
import type { CaptureRecorder, CaptureStore } from './captures.ts'
import { LiveMetrics } from './live-metrics.ts'
import { vectorsModel } from './load-vectors.ts'
import { Autoscaler } from './scaling/autoscaler.ts'
import { Gate } from './scaling/gate.ts'
import { HostedModels } from './scaling/hosted-models.ts'
import { policyOf } from './scaling/policy.ts'
import type { ScalingPolicy } from './scaling/schema.ts'
import type { HostedRow } from './scaling/store.ts'
import { captureOf, type EndpointRow } from './store.ts'
import { Breaker } from './traffic/breaker.ts'
import { InFlight } from './traffic/in-flight.ts'
import { LiveTraffic, type LiveVariant, type StickyKey } from './traffic/live-traffic.ts'
import { mainVariant } from './traffic/schema.ts'
import { shadowRunner } from './traffic/shadows.ts'
import type { VariantRow } from './traffic/store.ts'
import { shadowText } from './write-rows.ts'

interface Loaded {
  versionId: string
  /** The version, as whoever else opens it needs it. */
  about: VersionToLoad
  signature: Signature
  /** Requests that are being answered: it is let go of when they are. */
  inFlight: InFlight
  release(): Promise<void>
}

/** A version that answers rows with numbers. */
export interface LoadedRows extends Loaded {
  answers: 'rows'
  model: LoadedModel
  encoder: AnyEncoder
  answer: AnswerText
  /** Says how many workers the model should have. */
  scaler: Autoscaler
  /** What the package keeps of how wrong the model is; null in packages that keep none. */
  uncertainty: Uncertainty | null
}

/** A version that writes text. */
export interface LoadedText extends Loaded {
  answers: 'text'
  language: LanguageModel
}

/** What a version that serves has besides. */
interface Head {
  /** The answer's text up to the list of predictions. */
  head: string
  /** The variant it is, where the endpoint has several and this is not main. */
  variant?: string
}
export type RowServing = LoadedRows & Head
export type TextServing = LoadedText & Head
/** A version that is loaded and answers. */
export type Serving = RowServing | TextServing

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

export interface LiveNeeds {
  inference: Inference
  language: Pick<LanguageModels, 'load' | 'loadEmbedder'>
  files: Files
  captures: CaptureStore
  /** Where the answers of shadows are appended. */
  logs: AppendLogs
  /** Where packages are laid out for the time they are served. */
  folder: string
  layPackage(versionId: string, folder: string, options?: { sandboxOnly?: boolean }): Promise<void>
  onError(error: unknown, doing: string): void
}

export interface VersionToLoad {
  id: string
  number: number
  modelName: string
  served: ServedBy
  trust: 'built' | 'imported'
  signature: Signature
}

/** A version that is exchanged or stopped answers for so long what it accepted. */
const drainMs = 30_000

/** The endpoints of this process: what is loaded, exchanged without losing a request. */
export function liveEndpoints({ inference, language, files, captures, logs, folder, layPackage, onError }: LiveNeeds) {
  const endpoints = new Map<string, LiveEndpoint>()
  const loading = new Map<string, { versionId: string; done: Promise<void> }>()

  /** Lays and loads a version; its figures are proven by the loading, not yet by any request. */
  async function load(version: VersionToLoad, { apart = false }: { apart?: boolean } = {}): Promise<LoadedRows | LoadedText> {
    const place = await files.makeFolder(folder, `${process.pid}-${newId('req')}`)
    const removeFolder = () => files.remove(place)
    let encoder: AnyEncoder | null = null
    try {
      await layPackage(version.id, place, { sandboxOnly: version.served === 'python' })
      const { signature, trust, served } = version
      const isWriter = served === 'gguf' && signature.task === 'generation'
      if (isWriter) return await loadText(version, place, removeFolder)
      encoder = await inference.openEncoder({ folder: place, signature, trust, served: served === 'python' ? served : 'onnx' })
      const { close } = encoder
      const model =
        served === 'gguf'
          ? vectorsModel(await language.loadEmbedder({ file: files.resolvePath(place, 'model.gguf') }))
          : version.served === 'python'
            ? await inference.loadPython({
                folder: place,
                signature: version.signature,
                engine: ((await files.readJson(place, 'manifest.json')) as Manifest).engine,
              })
            : await inference.load(
                { file: files.resolvePath(place, 'model.onnx'), ...shapeOf(version.signature), trust: version.trust },
                { apart },
              )
      const inFlight = new InFlight()
      return {
        answers: 'rows',
        versionId: version.id,
        about: version,
        inFlight,
        model,
        signature,
        encoder,
        answer: compileAnswer(version.signature),
        scaler: new Autoscaler(),
        uncertainty: (await files.exists(place, 'uncertainty.json'))
          ? ((await files.readJson(place, 'uncertainty.json')) as Uncertainty)
          : null,
        async release() {
          await inFlight.drained(drainMs)
          await model.close()
          await close?.()
          await removeFolder()
        },
      }
    } catch (error) {
      await encoder?.close?.()
      await removeFolder()
      throw error
    }
  }

  async function loadText(version: VersionToLoad, place: string, removeFolder: () => Promise<void>): Promise<LoadedText> {
    const { signature } = version
    const model = await openText({ files, language }, { folder: place, signature })
    const inFlight = new InFlight()
    return {
      answers: 'text',
      versionId: version.id,
      about: version,
      inFlight,
      signature,
      language: model,
      async release() {
        await inFlight.drained(drainMs)
        await model.close()
        await removeFolder()
      },
    }
  }

  /** Puts a loaded version behind an endpoint. What served before answers what it accepted, then goes. */
  function exchange(row: EndpointRow, mostShare: number, loaded: LoadedRows | LoadedText): LiveEndpoint {
    const endpoint = entryOf(row)
    const before = endpoint.serving
    endpoint.name = row.name
    endpoint.serving = { ...loaded, head: headOf(row.name, row, endpoint.traffic ? mainVariant : undefined) }
    endpoint.captures.setPolicy(captureOf(row), mostShare)
    endpoint.state = 'ready'
    endpoint.message = null
    // Not awaited: the exchange is done, the old version only finishes its last answers.
    void before?.release()
    return endpoint
  }

  /** The variants besides main as their rows say: those that are new are loaded, those that are gone are let go. A variant that fails is said so. */
  async function ensureVariants(row: EndpointRow, rows: readonly VariantRow[], sticky: StickyKey | null): Promise<void> {
    const endpoint = entryOf(row)
    if (rows.length === 0) {
      if (endpoint.traffic) await dropTraffic(endpoint, row)
      return
    }
    endpoint.traffic ??= new LiveTraffic(
      endpoint,
      shadowRunner(logs, row.id, (serving, asked) => shadowText(serving, asked)),
    )
    const { traffic } = endpoint
    traffic.sticky = sticky
    if (endpoint.serving) endpoint.serving.head = headOf(row.name, row, mainVariant)
    const before = traffic.others
    const next: LiveVariant[] = rows.map((variant) => {
      const known = before.find((one) => one.name === variant.name && one.versionId === variant.version_id)
      const facts = { weight: variant.weight, shadow: variant.shadow === 1 }
      return known ? Object.assign(known, facts) : newVariant(variant, facts)
    })
    // Those that stay answer meanwhile; a new one gets its share when it is loaded.
    traffic.others = next
    for (const gone of before) if (!next.includes(gone)) letGo(traffic, gone)
    for (const [at, variant] of next.entries()) {
      // What ran apart as a shadow is loaded where it answers fastest before it answers.
      const isElsewhere = variant.apart && !variant.shadow && variant.weight > 0
      if (variant.serving && !isElsewhere) continue
      const had = variant.serving
      await loadVariant(row, variant, rows[at]!)
      if (had && had !== variant.serving) void had.release()
    }
  }

  async function loadVariant(row: EndpointRow, variant: LiveVariant, from: VariantRow): Promise<void> {
    try {
      const loaded = await load(toLoad(from), { apart: variant.shadow })
      takeInto(row, variant, from, loaded)
    } catch (error) {
      variant.state = 'failed'
      variant.message = isPlatformError(error) ? error.message : 'The model could not be loaded; the log of the server says why.'
      onError(error, `loading the variant ${from.name} of ${row.name}`)
    }
  }

  function takeInto(row: EndpointRow, variant: LiveVariant, from: VariantRow, loaded: LoadedRows | LoadedText): void {
    variant.apart = variant.shadow
    variant.serving = { ...loaded, head: headOf(row.name, from, from.name), variant: from.name }
    variant.state = 'ready'
    variant.message = null
    const main = entryOf(row).serving
    // A column that only one of them reads is not unknown to the other.
    if (variant.serving.answers === 'rows' && main?.answers === 'rows') {
      variant.serving.encoder.allowOthers(main.encoder.columns)
    }
  }

  function letGo(traffic: LiveTraffic, variant: LiveVariant): void {
    const { serving } = variant
    variant.serving = null
    traffic.shadows.forget(variant)
    void serving?.release()
  }

  async function dropTraffic(endpoint: LiveEndpoint, row: EndpointRow): Promise<void> {
    const { traffic } = endpoint
    endpoint.traffic = null
    if (endpoint.serving) endpoint.serving.head = headOf(row.name, row)
    for (const variant of traffic!.others) letGo(traffic!, variant)
    await traffic!.shadows.close()
  }

  /** A loaded variant and main change places; nothing is loaded, and nothing that is asked now fails. Null where it is not loaded to answer. */
  function swap(row: EndpointRow, name: string, previous: VariantRow): boolean {
    const endpoint = entryOf(row)
    const { traffic } = endpoint
    const variant = traffic?.others.find((one) => one.name === name)
    const before = endpoint.serving
    if (!traffic || !variant?.serving || variant.apart || !before) return false
    const { variant: _, ...promoted } = variant.serving
    endpoint.serving = { ...promoted, head: headOf(row.name, row, mainVariant) } as Serving
    const gone = traffic.others.filter((one) => one !== variant && one.name === previous.name)
    const kept = newVariant(previous, { weight: 0, shadow: false })
    kept.serving = { ...before, head: headOf(row.name, previous, previous.name), variant: previous.name }
    kept.state = 'ready'
    traffic.others = [...traffic.others.filter((one) => one !== variant && !gone.includes(one)), kept]
    for (const one of gone) letGo(traffic, one)
    traffic.shadows.forget(variant)
    endpoint.name = row.name
    return true
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
    /** Removes what an earlier process of this place left laid out. */
    async sweep() {
      for (const name of await files.names(folder)) {
        if (!isAlive(Number(name.split('-')[0]))) await files.remove(folder, name)
      }
    },
    async close() {
      await Promise.all([...endpoints.keys()].map(stop))
    },
  }
}

export type LiveEndpoints = ReturnType<typeof liveEndpoints>

/** A model that takes more memory than its endpoint allows one worker is let go again. */
async function refuseTooLarge({ name, policy }: LiveEndpoint, loaded: LoadedRows | LoadedText): Promise<void> {
  if (policy.memoryMb === null || loaded.answers !== 'rows') return
  const { model } = loaded
  const megabytes = model.memoryBytes / (model.workers?.figures().workers ?? 1) / 2 ** 20
  if (megabytes <= policy.memoryMb) return
  await loaded.release()
  throw new PlatformError(
    'precondition_failed',
    `The model takes ${Math.ceil(megabytes)} MB for one worker, and "${name}" allows ${policy.memoryMb} MB. Allow more, or serve a smaller version.`,
    { memoryMb: policy.memoryMb },
  )
}

const newVariant = (row: VariantRow, facts: { weight: number; shadow: boolean }): LiveVariant => ({
  name: row.name,
  versionId: row.version_id,
  ...facts,
  serving: null,
  apart: false,
  metrics: new LiveMetrics(),
  breaker: new Breaker(),
  state: 'starting',
  message: null,
})

type ServedVersion = Pick<EndpointRow, 'version_id' | 'version_number' | 'model_name' | 'served' | 'trust' | 'signature'>

export const toLoad = (row: ServedVersion): VersionToLoad => ({
  id: row.version_id,
  number: row.version_number,
  modelName: row.model_name,
  served: row.served,
  trust: row.trust,
  signature: JSON.parse(row.signature) as Signature,
})

/** The answer's text up to the list of predictions; the variant is told where there are several. */
const headOf = (endpoint: string, version: Pick<EndpointRow, 'model_name' | 'version_number'>, variant?: string): string =>
  `{"endpoint":${JSON.stringify(endpoint)},"model":${JSON.stringify(version.model_name)},"version":${version.version_number},${variant === undefined ? '' : `"variant":${JSON.stringify(variant)},`}"predictions":[`

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
