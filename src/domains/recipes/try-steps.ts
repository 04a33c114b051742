import type * as z from 'zod'
import type { Principal } from '../../kernel/principal.ts'
import type { Files } from '../../ports/files/files.ts'
import type { Metadata } from '../../ports/metadata/metadata.ts'
import type { Tables } from '../../ports/tables/tables.ts'
import type { Access } from '../auth/access.ts'
import type { DatasetsService } from '../datasets/service.ts'
import type { GoalsService } from '../goals/service.ts'
import { askJob } from '../jobs/ask.ts'
import type { JobHandler } from '../jobs/handler.ts'
import type { JobsService } from '../jobs/service.ts'
import type { Preview, PreviewInput, SuggestInput, Suggestion } from './schema.ts'
import type { RecipesService } from './service.ts'

export interface TryStepsNeeds {
  metadata: Metadata
  access: Access
  files: Files
  tables: Tables
  datasets: Pick<DatasetsService, 'pin' | 'layVersion'>
  jobs: Pick<JobsService, 'queue' | 'ended'>
  goals: Pick<GoalsService, 'judge'>
  recipes: RecipesService
}

export type TrySteps = ReturnType<typeof trySteps>

interface EngineSpec extends Record<string, unknown> {
  versionId: string
  parameters: Record<string, unknown>
}

/** Rows that a preview or a suggestion looks at: enough to fit steps on, few enough to answer while somebody waits. */
const sampleRows = 20_000
const mostWaitMs = 20_000

/** Recipes tried on the data at hand: the first rows before and after each step, and steps that the data suggests. */
export function trySteps({ metadata, access, files, tables, datasets, jobs, goals, recipes }: TryStepsNeeds) {
  jobs.queue.register(handler('recipe.preview', 'tabular.preview', 'preview.json'))
  jobs.queue.register(handler('recipe.suggest', 'tabular.suggest', 'recipe.json'))

  function handler(kind: string, engine: string, output: string): JobHandler<EngineSpec, Record<string, unknown>> {
    return {
      kind,
      lane: 'interactive',
      maxAttempts: 1,
      async run(context) {
        const { folder } = await context.runEngine({
          name: 'try',
          engine,
          runtime: 'tabular',
          parameters: context.spec.parameters,
          seed: 7,
          prepare: (data) => laySample(context.spec.versionId, data, context.signal),
        })
        return (await files.readJson(folder, `output/data/${output}`)) as Record<string, unknown>
      },
      publish: async (_tx, _context, outcome) => outcome,
    }
  }

  async function laySample(versionId: string, data: string, signal: AbortSignal): Promise<void> {
    const channel = files.resolvePath(data, 'train')
    await datasets.layVersion(versionId, channel)
    const schema = (await files.readJson(channel, 'schema.json')) as { rows: number }
    if (schema.rows <= sampleRows) return
    const parts = (await files.list(channel)).filter((file) => file.path.endsWith('.parquet'))
    const quoted = (path: string) => `'${path.replaceAll("'", "''")}'`
    const from = parts.map((file) => quoted(files.resolvePath(channel, file.path))).join(', ')
    const into = files.resolvePath(channel, 'sample.parquet')
    await tables.run({
      folders: [channel],
      statements: [
        { sql: `copy (select * from read_parquet([${from}]) limit ${sampleRows}) to ${quoted(into)} (format parquet)` },
      ],
      signal,
    })
    for (const file of parts) await files.remove(channel, file.path)
    await files.writeJson(channel, 'schema.json', { ...schema, rows: sampleRows })
  }

  const ask = (by: Principal, kind: string, projectId: string, name: string, spec: EngineSpec): Promise<unknown> =>
    askJob({ metadata, jobs }, by, { kind, name, projectId, spec }, mostWaitMs)

  async function preview(
    by: Principal,
    input: z.output<typeof PreviewInput>,
    project?: string,
  ): Promise<z.infer<typeof Preview>> {
    const { dataset, version } = await datasets.pin(by, input.dataset, input.version, project)
    await access.authorize(by, 'recipes:read')
    recipes.check(input.steps, { columns: version.columns, target: input.target })
    const task = input.target === null ? null : (await goals.judge(version, input.target, {})).task
    return (await ask(by, 'recipe.preview', dataset.project, `Preview of a recipe on ${dataset.name}`, {
      versionId: version.id,
      parameters: { target: input.target, task, steps: input.steps, rows: input.rows },
    })) as z.infer<typeof Preview>
  }

  async function suggest(
    by: Principal,
    input: z.output<typeof SuggestInput>,
    project?: string,
  ): Promise<z.infer<typeof Suggestion>> {
    const { dataset, version } = await datasets.pin(by, input.dataset, input.version, project)
    const { task, positive } = await goals.judge(version, input.target, { positive: input.positive })
    const suggested = (await ask(by, 'recipe.suggest', dataset.project, `Suggested recipe for ${dataset.name}`, {
      versionId: version.id,
      parameters: { target: input.target, positive, task },
    })) as Partial<z.infer<typeof Suggestion>>
    return { steps: suggested.steps ?? [], reasons: suggested.reasons ?? [], derived: suggested.derived ?? [] }
  }

  return { preview, suggest }
}
