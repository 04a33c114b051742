import type * as z from 'zod'
import { invalidInput, PlatformError } from '../../kernel/errors.ts'
import type { Files } from '../../ports/files/files.ts'
import type { Inference, LoadedModel } from '../../ports/inference/inference.ts'
import { shapeOf } from '../../ports/inference/signature.ts'
import type { LanguageModels } from '../../ports/language/language.ts'
import type { PackageEngine, Parity, Signature } from '../registry/schema.ts'
import { type ParityFigures, type Proof, replayParity } from './parity.ts'
import { proveText } from './prove-text.ts'

export interface ProveNeeds {
  files: Files
  inference: Inference
  language: Pick<LanguageModels, 'load'>
}

export interface Candidate {
  signature: Signature
  /** What training wrote of its own export; a graph that it could not make is not tried. */
  exported: { ok: boolean; reason: string | null }
  /** Holds model.onnx, signature.json and, for the Python worker, native/. */
  packageFolder: string
  /** Holds parity_rows.jsonl and parity_expected.json. */
  evidenceFolder: string
  /** Hash of the file that serves: of the graph, or of the native pipeline. */
  hashOf(path: string): Promise<string>
  /** The engines that answer where the graph is not proven; null where there are none. */
  engine: PackageEngine | null
  /** Made here unless told; what was not runs apart from the server. */
  trust?: 'built' | 'imported'
  /** What the replay of an original from elsewhere may do with; see `replayParity`. */
  proof?: Proof
  /** For the Python worker: lays native/ into the package folder. */
  layNative(): Promise<void>
}

/**
 * *prove*: the graph is served when it says what training code said on every row; else the package is marked for the Python worker,
 * with the reason, and that path is replayed instead. The certificate is of the path that will serve.
 */
export async function prove({ files, inference, language }: ProveNeeds, candidate: Candidate): Promise<z.infer<typeof Parity>> {
  if (candidate.signature.task === 'generation') return proveText({ files, language }, candidate)
  const { signature, packageFolder, evidenceFolder, trust = 'built' } = candidate
  const replay = async (model: LoadedModel, served: 'onnx' | 'python') => {
    const encoder = await inference.openEncoder({ folder: packageFolder, signature, trust, served })
    try {
      return await replayParity({ files }, { folder: evidenceFolder, signature, model, encoder, proof: candidate.proof })
    } finally {
      await encoder.close?.()
    }
  }
  const nativeFile = async (): Promise<string> => {
    const [first] = (await files.list(packageFolder, 'native')).map(({ path }) => path).sort()
    if (!first) throw new PlatformError('internal', 'The training engine left no native model, so nothing can answer.')
    return first.startsWith('native/') ? first : `native/${first}`
  }
  const certificate = async (figures: ParityFigures, served: 'onnx' | 'python', reason: string | null) => ({
    ...figures,
    tolerance: signature.tolerance,
    served,
    reason,
    modelSha256: await candidate.hashOf(served === 'onnx' ? 'model.onnx' : await nativeFile()),
    at: new Date().toISOString(),
  })

  let refused = candidate.exported.reason ?? 'Training could not write the graph.'
  if (candidate.exported.ok && (await files.exists(packageFolder, 'model.onnx'))) {
    const figures = await withModel(
      () => inference.load({ file: files.resolvePath(packageFolder, 'model.onnx'), ...shapeOf(signature), trust }),
      (model) => replay(model, 'onnx'),
    )
    if (typeof figures !== 'string' && (figures.passed || candidate.engine === null))
      return certificate(figures, 'onnx', figures.reason)
    refused =
      typeof figures === 'string' ? `The graph could not be run: ${figures}` : `The graph is not served: ${figures.reason}`
  }
  if (candidate.engine === null) throw invalidInput(refused)
  await candidate.layNative()
  const model = await inference.loadPython({ folder: packageFolder, signature, engine: candidate.engine })
  try {
    const figures = await replay(model, 'python')
    return await certificate(
      figures,
      'python',
      figures.passed ? refused : `${refused} The Python worker differs too: ${figures.reason}`,
    )
  } finally {
    await model.close()
  }
}

/** The answer of `work` on a model that may not even load; then why. */
async function withModel<T>(load: () => Promise<LoadedModel>, work: (model: LoadedModel) => Promise<T>): Promise<T | string> {
  let model: LoadedModel | null = null
  try {
    model = await load()
    return await work(model)
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  } finally {
    await model?.close()
  }
}
