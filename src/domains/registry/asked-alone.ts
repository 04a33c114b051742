import { preconditionFailed } from '../../kernel/errors.ts'
import type { ModelVersion } from './schema.ts'

const reasons: Partial<Record<ModelVersion['manifest']['kind'], string>> = {
  external: 'answers elsewhere',
  gguf: 'is run by llama.cpp',
  pipeline: 'is several models',
}

/** Refuses a version that cannot be asked rows beside its endpoint, for work that does so: `doing` says which. */
export function refuseNotAskedAlone(
  {
    modelName,
    number,
    id,
    manifest,
  }: Pick<ModelVersion, 'id' | 'manifest'> & Partial<Pick<ModelVersion, 'modelName' | 'number'>>,
  doing: string,
): void {
  const reason = reasons[manifest.kind]
  if (reason === undefined) return
  throw preconditionFailed(
    `${modelName === undefined ? id : `${modelName}:${number}`} ${reason}, so there is no graph of its own to ask: ${doing}.`,
    {
      version: id,
      kind: manifest.kind,
    },
  )
}
