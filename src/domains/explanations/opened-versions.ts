import type * as z from 'zod'
import { PlatformError, preconditionFailed } from '../../kernel/errors.ts'
import { newId } from '../../kernel/ids.ts'
import type { Files } from '../../ports/files/files.ts'
import { type AnyEncoder, compileEncoder } from '../../ports/inference/encode.ts'
import type { Inference, LoadedModel, RawBatch } from '../../ports/inference/inference.ts'
import { type ModelShape, type ServedBy, shapeOf } from '../../ports/inference/signature.ts'
import type { TreeExplainer } from '../../ports/inference/trees/open-tree-explainer.ts'
import type { Manifest, Signature } from '../registry/schema.ts'
import { Background } from './schema.ts'

/** What must be known of a version to explain what it says. */
export interface Explainable {
  id: string
  number: number
  modelName: string
  served: ServedBy
  trust: 'built' | 'imported'
  signature: Signature
}

/** A version that is loaded to be asked why, apart from what serves. */
export interface OpenedVersion {
  version: Explainable
  shape: ModelShape
  encoder: AnyEncoder
  model: LoadedModel
  /** Null with why, where the package has none to go by. */
  background: RawBatch | PlatformError
  /** The trees of the graph, opened when first asked for; null where it is of another kind. */
  trees(): Promise<TreeExplainer | null>
  /** The features that reach the model, and the raw columns that each is made from; null in packages that do not say. */
  features: { name: string; columns: string[] }[] | null
  folder: string
  close(): Promise<void>
}

export interface OpenedVersionsNeeds {
  files: Files
  inference: Inference
  layPackage(versionId: string, folder: string, options?: { sandboxOnly?: boolean }): Promise<void>
  folder: string
}

const mostOpen = 4
const idleMs = 5 * 60_000

/** Versions kept open for a while after they were asked, few at a time. */
export function openedVersions({ files, inference, layPackage, folder }: OpenedVersionsNeeds) {
  const open = new Map<string, { opened: Promise<OpenedVersion>; users: number; usedAt: number; timer?: NodeJS.Timeout }>()

  async function load(version: Explainable): Promise<OpenedVersion> {
    const place = await files.makeFolder(folder, `${process.pid}-${newId('req')}`)
    try {
      await layPackage(version.id, place, { sandboxOnly: version.served === 'python' })
      return await openPackage({ files, inference }, version, place)
    } catch (error) {
      await files.remove(place)
      throw error
    }
  }

  async function release(id: string): Promise<void> {
    const entry = open.get(id)
    if (!entry) return
    open.delete(id)
    clearTimeout(entry.timer)
    const opened = await entry.opened.catch(() => null)
    if (!opened) return
    await opened.close()
    await files.remove(opened.folder)
  }

  function makeRoom(): void {
    if (open.size < mostOpen) return
    const [oldest] = [...open].filter(([, entry]) => entry.users === 0).sort(([, a], [, b]) => a.usedAt - b.usedAt)
    if (oldest) void release(oldest[0])
  }

  /** Runs `work` with the version open. */
  async function using<T>(version: Explainable, work: (opened: OpenedVersion) => Promise<T>): Promise<T> {
    let entry = open.get(version.id)
    if (!entry) {
      makeRoom()
      entry = { opened: load(version), users: 0, usedAt: Date.now() }
      open.set(version.id, entry)
    }
    clearTimeout(entry.timer)
    entry.users++
    try {
      return await work(await entry.opened)
    } catch (error) {
      if (
        await entry.opened.then(
          () => false,
          () => true,
        )
      )
        open.delete(version.id)
      throw error
    } finally {
      entry.users--
      entry.usedAt = Date.now()
      if (entry.users === 0) entry.timer = setTimeout(() => void release(version.id), idleMs).unref()
    }
  }

  return { using, close: async () => void (await Promise.all([...open.keys()].map(release))) }
}

/** Opens a laid package apart from the event loop: explaining asks a model thousands of times. */
export async function openPackage(
  { files, inference }: { files: Files; inference: Inference },
  version: Explainable,
  folder: string,
): Promise<OpenedVersion> {
  const { signature, trust, served } = version
  if (served === 'external')
    throw preconditionFailed(`${version.modelName}:${version.number} answers elsewhere and cannot be looked into.`, {
      version: version.id,
    })
  if (served === 'gguf')
    throw preconditionFailed(
      `${version.modelName}:${version.number} ${signature.task === 'embedding' ? 'makes vectors' : 'writes text'}, so there is no number that its input could be weighed against.`,
      { version: version.id },
    )
  if (served === 'pipeline')
    throw preconditionFailed(`${version.modelName}:${version.number} is several models; ask for an explanation of one of them.`, {
      version: version.id,
    })
  const background = await readBackground(files, version, folder)
  const encoder = await inference.openEncoder({ folder, signature, trust, served })
  const shape = shapeOf(version.signature)
  const model =
    version.served === 'python'
      ? await inference.loadPython({
          folder,
          signature: version.signature,
          engine: ((await files.readJson(folder, 'manifest.json')) as Manifest).engine,
        })
      : await inference.load({ file: files.resolvePath(folder, 'model.onnx'), ...shape, trust: version.trust }, { apart: true })
  let trees: Promise<TreeExplainer | null> | null = null
  return {
    version,
    shape,
    encoder,
    model,
    background,
    features: await readFeatures(files, folder),
    folder,
    trees() {
      const file = files.resolvePath(folder, 'model.onnx')
      trees ??=
        version.served === 'onnx' ? inference.explainTrees({ file, ...shape, trust: version.trust }) : Promise.resolve(null)
      return trees
    },
    async close() {
      await Promise.all([model.close(), encoder.close?.(), trees?.then((one) => one?.close()).catch(() => {})])
    },
  }
}

/** The background of a version, or the reason why there is none. */
export function backgroundOf({ background }: OpenedVersion): RawBatch {
  if (background instanceof PlatformError) throw background
  return background
}

async function readFeatures(files: Files, folder: string): Promise<OpenedVersion['features']> {
  if (!(await files.exists(folder, 'explain.json'))) return null
  const { features } = (await files.readJson(folder, 'explain.json')) as { features?: OpenedVersion['features'] }
  return features ?? null
}

async function readBackground(files: Files, version: Explainable, folder: string): Promise<RawBatch | PlatformError> {
  const name = `${version.modelName}:${version.number}`
  if (version.signature.inputs.some(({ tensor }) => tensor !== 'numbers' && tensor !== 'strings'))
    return preconditionFailed(
      `${name} does not read plain columns, so its columns cannot be weighed against each other. Use "method": "lime".`,
      {},
    )
  if (!(await files.exists(folder, 'background.json')))
    return preconditionFailed(`${name} keeps no background rows to explain against. Train a version anew: those made since do.`, {
      version: version.id,
    })
  const { rows } = (await files.readJson(folder, 'background.json', mostBackgroundBytes)) as z.infer<typeof Background>
  return compileEncoder(version.signature, { unknownFields: 'ignore' }).encode(Background.shape.rows.parse(rows)).batch
}

const mostBackgroundBytes = 64 * 2 ** 20
