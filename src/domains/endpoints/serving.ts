import { newId } from '../../kernel/ids.ts'
import type { Files } from '../../ports/files/files.ts'
import type { AnyEncoder } from '../../ports/inference/encode.ts'
import type { Inference, LoadedModel, LoadOptions } from '../../ports/inference/inference.ts'
import { type ServedBy, shapeOf } from '../../ports/inference/signature.ts'
import type { LanguageModel, LanguageModels } from '../../ports/language/language.ts'
import { openText } from '../evaluation/open-text.ts'
import type { Uncertainty } from '../evaluation/uncertainty/schema.ts'
import type { ExternalsService } from '../imports/external/service.ts'
import type { Manifest, Signature } from '../registry/schema.ts'
import { type AnswerText, compileAnswer } from './answer.ts'
import { vectorsModel } from './load-vectors.ts'
import { type OpenPipeline, openPipeline, type PipelineFile } from './pipelines/load.ts'
import { Autoscaler } from './scaling/autoscaler.ts'
import type { EndpointRow } from './store.ts'
import { InFlight } from './traffic/in-flight.ts'

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
  /** Where it is several models: its steps. */
  pipeline?: OpenPipeline
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

export interface VersionToLoad {
  id: string
  number: number
  modelName: string
  served: ServedBy
  trust: 'built' | 'imported'
  signature: Signature
}

export interface LoaderNeeds {
  inference: Inference
  language: Pick<LanguageModels, 'load' | 'loadEmbedder'>
  /** Models that answer elsewhere. */
  externals: Pick<ExternalsService, 'openWriter' | 'openEmbedder' | 'openRows'>
  files: Files
  /** Where packages are laid out for the time they are served. */
  folder: string
  layPackage(versionId: string, folder: string, options?: { sandboxOnly?: boolean }): Promise<void>
}

/** A version that is exchanged or stopped answers for so long what it accepted. */
const drainMs = 30_000

/** Lays versions out and loads them, for this process. */
export function versionLoader({ inference, language, externals, files, folder, layPackage }: LoaderNeeds) {
  /** Lays and loads a version; its figures are proven by the loading, not yet by any request. */
  async function load(version: VersionToLoad, { apart = false }: LoadOptions = {}): Promise<LoadedRows | LoadedText> {
    const place = await files.makeFolder(folder, `${process.pid}-${newId('req')}`)
    const removeFolder = () => files.remove(place)
    let encoder: AnyEncoder | null = null
    try {
      await layPackage(version.id, place, { sandboxOnly: version.served === 'python' })
      const { signature, trust, served } = version
      const isWriter = (served === 'gguf' || served === 'external') && signature.task === 'generation'
      if (isWriter) return await loadText(version, place, removeFolder)
      if (served === 'pipeline') return await loadPipeline(version, place, { apart, removeFolder })
      encoder = await inference.openEncoder({ folder: place, signature, trust, served: served === 'python' ? served : 'onnx' })
      const { close } = encoder
      const model = await loadRows(version, place, apart)
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

  /** What answers the rows of a version: its graph, a Python worker, llama.cpp, or a server elsewhere. */
  async function loadRows(
    { served, signature, trust }: VersionToLoad,
    place: string,
    apart: LoadOptions['apart'],
  ): Promise<LoadedModel> {
    if (served === 'gguf') return vectorsModel(await language.loadEmbedder({ file: files.resolvePath(place, 'model.gguf') }))
    if (served === 'external')
      return signature.task === 'embedding'
        ? vectorsModel(await externals.openEmbedder(place, signature.outputs![0]!.width))
        : externals.openRows(place, signature)
    if (served === 'python') {
      const { engine } = (await files.readJson(place, 'manifest.json')) as Manifest
      return inference.loadPython({ folder: place, signature, engine })
    }
    return inference.load({ file: files.resolvePath(place, 'model.onnx'), ...shapeOf(signature), trust }, { apart })
  }

  async function loadText(version: VersionToLoad, place: string, removeFolder: () => Promise<void>): Promise<LoadedText> {
    const { signature } = version
    const model =
      version.served === 'external'
        ? await externals.openWriter(place)
        : await openText({ files, language }, { folder: place, signature })
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

  async function loadPipeline(
    version: VersionToLoad,
    place: string,
    { apart, removeFolder }: { apart: LoadOptions['apart']; removeFolder(): Promise<void> },
  ): Promise<LoadedRows> {
    const file = (await files.readJson(place, 'pipeline.json')) as PipelineFile
    const pipeline = await openPipeline(file, (member) => load(member, { apart }))
    const { model, encoder, answer } = pipeline
    const inFlight = new InFlight()
    return {
      answers: 'rows',
      versionId: version.id,
      about: version,
      inFlight,
      model,
      signature: version.signature,
      encoder,
      answer,
      scaler: new Autoscaler(),
      uncertainty: null,
      pipeline,
      async release() {
        await inFlight.drained(drainMs)
        await model.close()
        await removeFolder()
      },
    }
  }

  return {
    load,
    /** Removes what an earlier process of this place left laid out. */
    async sweep() {
      for (const name of await files.names(folder)) {
        if (!isAlive(Number(name.split('-')[0]))) await files.remove(folder, name)
      }
    },
  }
}

export type Load = ReturnType<typeof versionLoader>['load']

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
export const headOf = (endpoint: string, version: Pick<EndpointRow, 'model_name' | 'version_number'>, variant?: string): string =>
  `{"endpoint":${JSON.stringify(endpoint)},"model":${JSON.stringify(version.model_name)},"version":${version.version_number},${variant === undefined ? '' : `"variant":${JSON.stringify(variant)},`}"predictions":[`

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
