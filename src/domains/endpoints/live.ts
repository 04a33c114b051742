import { isPlatformError, PlatformError } from '../../kernel/errors.ts'
import { newId } from '../../kernel/ids.ts'
import type { Files } from '../../ports/files/files.ts'
import type { AnyEncoder } from '../../ports/inference/encode.ts'
import type { Inference, LoadedModel } from '../../ports/inference/inference.ts'
import { type ServedBy, shapeOf } from '../../ports/inference/signature.ts'
import type { LanguageModel, LanguageModels } from '../../ports/language/language.ts'
import { openText } from '../evaluation/open-text.ts'
import type { Uncertainty } from '../evaluation/uncertainty/schema.ts'
import type { Manifest, Signature } from '../registry/schema.ts'
import { type AnswerText, compileAnswer } from './answer.ts'
import type { CaptureRecorder, CaptureStore } from './captures.ts'
import { LiveMetrics } from './live-metrics.ts'
import { captureOf, type EndpointRow, signatureOf } from './store.ts'

interface Loaded {
  versionId: string
  signature: Signature
  release(): Promise<void>
}

/** A version that answers rows with numbers. */
export interface LoadedRows extends Loaded {
  answers: 'rows'
  model: LoadedModel
  encoder: AnyEncoder
  answer: AnswerText
  /** What the package keeps of how wrong the model is; null in packages that keep none. */
  uncertainty: Uncertainty | null
}

/** A version that writes text. */
export interface LoadedText extends Loaded {
  answers: 'text'
  language: LanguageModel
}

/** What a version that serves has besides: the answer's text up to the list of predictions. */
interface Head {
  head: string
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
  metrics: LiveMetrics
  captures: CaptureRecorder
  state: 'starting' | 'ready' | 'stopped' | 'failed'
  message: string | null
}

export interface LiveNeeds {
  inference: Inference
  language: Pick<LanguageModels, 'load'>
  files: Files
  captures: CaptureStore
  /** Where packages are laid out for the time they are served. */
  folder: string
  layPackage(versionId: string, folder: string, options?: { sandboxOnly?: boolean }): Promise<void>
}

export interface VersionToLoad {
  id: string
  number: number
  modelName: string
  served: ServedBy
  trust: 'built' | 'imported'
  signature: Signature
}

/** The endpoints of this process: what is loaded, exchanged without losing a request. */
export function liveEndpoints({ inference, language, files, captures, folder, layPackage }: LiveNeeds) {
  const endpoints = new Map<string, LiveEndpoint>()
  const loading = new Map<string, { versionId: string; done: Promise<void> }>()

  /** Lays and loads a version; its figures are proven by the loading, not yet by any request. */
  async function load(version: VersionToLoad): Promise<LoadedRows | LoadedText> {
    const place = await files.makeFolder(folder, `${process.pid}-${newId('req')}`)
    const removeFolder = () => files.remove(place)
    let encoder: AnyEncoder | null = null
    try {
      await layPackage(version.id, place, { sandboxOnly: version.served === 'python' })
      const { signature, trust, served } = version
      if (served === 'gguf') return await loadText(version, place, removeFolder)
      encoder = await inference.openEncoder({ folder: place, signature, trust, served })
      const { close } = encoder
      const model =
        version.served === 'python'
          ? await inference.loadPython({
              folder: place,
              signature: version.signature,
              engine: ((await files.readJson(place, 'manifest.json')) as Manifest).engine,
            })
          : await inference.load({
              file: files.resolvePath(place, 'model.onnx'),
              ...shapeOf(version.signature),
              trust: version.trust,
            })
      return {
        answers: 'rows',
        versionId: version.id,
        model,
        signature,
        encoder,
        answer: compileAnswer(version.signature),
        uncertainty: (await files.exists(place, 'uncertainty.json'))
          ? ((await files.readJson(place, 'uncertainty.json')) as Uncertainty)
          : null,
        async release() {
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
    return {
      answers: 'text',
      versionId: version.id,
      signature,
      language: model,
      async release() {
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
    endpoint.serving = {
      ...loaded,
      head: `{"endpoint":${JSON.stringify(row.name)},"model":${JSON.stringify(row.model_name)},"version":${row.version_number},"predictions":[`,
    }
    endpoint.captures.setPolicy(captureOf(row), mostShare)
    endpoint.state = 'ready'
    endpoint.message = null
    // Not awaited: the exchange is done, the old version only finishes its last answers.
    void before?.release()
    return endpoint
  }

  function entryOf(row: Pick<EndpointRow, 'id' | 'name'>): LiveEndpoint {
    let endpoint = endpoints.get(row.id)
    if (!endpoint) {
      endpoint = {
        id: row.id,
        name: row.name,
        serving: null,
        metrics: new LiveMetrics(),
        captures: captures.recorder(row.id),
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
    endpoint.state = 'starting'
    endpoint.message = null
    try {
      const loaded = await load({
        id: row.version_id,
        number: row.version_number,
        modelName: row.model_name,
        served: row.served,
        trust: row.trust,
        signature: signatureOf(row),
      })
      exchange(row, mostShare, loaded)
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
    const { serving } = endpoint
    endpoint.serving = null
    endpoint.state = 'stopped'
    await serving?.release()
    await endpoint.captures.close()
  }

  return {
    get: (endpointId: string) => endpoints.get(endpointId),
    all: () => [...endpoints.values()],
    load,
    exchange,
    ensure,
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

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
