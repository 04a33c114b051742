import type * as z from 'zod'
import { toResource } from '../auth/access.ts'
import type { Model, ModelVersion } from './schema.ts'
import type { NamedModelRow } from './store.ts'

/** A model with its newest version and its champion: the newest deployed version, else the newest approved one. */
export function toModel(row: NamedModelRow, leading: readonly ModelVersion[]): z.infer<typeof Model> {
  const newest = (state?: ModelVersion['state']) =>
    leading.filter((version) => !state || version.state === state).sort((a, b) => b.number - a.number)[0] ?? null
  return {
    ...toResource(row),
    task: row.task,
    target: row.target || null,
    latest: newest(),
    champion: newest('deployed') ?? newest('approved'),
    versions: row.versions,
  }
}
