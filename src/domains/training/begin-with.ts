import { invalidInput, isPlatformError, notFound } from '../../kernel/errors.ts'
import type { Principal } from '../../kernel/principal.ts'
import type { Family } from '../../ports/engines/runtimes.ts'
import type { ModelVersion } from '../registry/schema.ts'
import type { RegistryService } from '../registry/service.ts'
import type { PinnedWeights, WeightsService } from '../weights/service.ts'

export interface BeginNeeds {
  weights: Pick<WeightsService, 'pin'>
  registry: Pick<RegistryService, 'resolveVersion'>
}

/**
 * What the networks of a training begin with: weights that somebody brought, by name (`options.weights`, or `options.base`), or, of language models,
 * an earlier version (`base: "house-style:2"`). Null where the options name nothing.
 */
export async function beginWith(
  { weights, registry }: BeginNeeds,
  by: Principal,
  { options, family, project }: { options: Record<string, unknown>; family: Family; project: string },
): Promise<PinnedWeights | null> {
  const base = family === 'language' ? options.base : undefined
  if (base !== undefined && options.weights !== undefined)
    throw invalidInput('Say what the training begins with once: base, or weights.', { field: 'options.base' })
  const ref = base ?? options.weights
  if (typeof ref !== 'string') return null
  if (base === undefined) return weights.pin(by, ref, project)
  const brought = await orNull(weights.pin(by, ref, project))
  if (brought) return brought
  const version = await orNull(registry.resolveVersion(by, ref, project))
  if (!version) throw notFound('set of weights, or trained language model,', ref)
  return ofVersion(version)
}

/** The files of a version that a network is made of. */
function ofVersion(version: ModelVersion): PinnedWeights {
  const name = `${version.modelName}:${version.number}`
  const files = version.manifest.files.filter(({ path }) => networkFiles.has(path))
  if (!files.some(({ path }) => path === 'model.safetensors'))
    throw invalidInput(`${name} is no language model with weights to go on from; it does a ${version.task} task.`, {
      field: 'options.base',
      version: version.id,
    })
  return {
    id: version.id,
    name,
    kind: 'model-version',
    licence: 'that of what it was trained from',
    files: files.map(({ path, sha256 }) => ({ path, sha256 })),
  }
}

const networkFiles: ReadonlySet<string> = new Set([
  'config.json',
  'generation_config.json',
  'tokenizer.json',
  'tokenizer_config.json',
  'chat_template.jinja',
  'model.safetensors',
])

async function orNull<T>(found: Promise<T>): Promise<T | null> {
  try {
    return await found
  } catch (error) {
    if (isPlatformError(error) && error.code === 'not_found') return null
    throw error
  }
}
