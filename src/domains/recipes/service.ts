import type * as z from 'zod'
import { type Page, type PageQuery, toPage } from '../../kernel/paging.ts'
import type { Principal } from '../../kernel/principal.ts'
import type { Metadata } from '../../ports/metadata/metadata.ts'
import { type Access, nameTakenIsConflict } from '../auth/access.ts'
import { audit } from '../auth/audit.ts'
import type { Search } from '../auth/search.ts'
import type { DatasetsService } from '../datasets/service.ts'
import type { Step } from './catalogue.ts'
import { checkSteps } from './check-steps.ts'
import type { Recipe, RecipeInput, RecipePatch } from './schema.ts'
import { listRecipes, type RecipeRow, recipeById, recipeTables, revisionsOf, toRecipe } from './store.ts'

export interface RecipesNeeds {
  metadata: Metadata
  access: Access
  search: Search
  datasets: Pick<DatasetsService, 'pin'>
  catalogue: ReadonlyMap<string, Step>
}

export type RecipesService = ReturnType<typeof recipesService>

/** Recipes: preparation as typed steps, checked against the catalogue and the columns before anything runs. */
export function recipesService({ metadata, access, search, datasets, catalogue }: RecipesNeeds) {
  const { db } = metadata
  search.registerTable('recipes', { noun: 'recipe', permission: 'recipes:read' })
  const find = (by: Principal, ref: string, project?: string) => access.resolve<RecipeRow>('recipes', by, ref, project)

  const check = (steps: Recipe['steps'], given: Parameters<typeof checkSteps>[2]) => checkSteps(catalogue, steps, given)

  async function columnsOf(by: Principal, dataset: string | null, target: string | null, project?: string) {
    if (dataset === null) return { id: null, given: null, home: undefined }
    const pinned = await datasets.pin(by, dataset, undefined, project)
    return { id: pinned.dataset.id, given: { columns: pinned.version.columns, target }, home: pinned.dataset.project }
  }

  async function create(by: Principal, input: z.output<typeof RecipeInput>): Promise<Recipe> {
    const { id: datasetId, given, home } = await columnsOf(by, input.dataset, input.target, input.project)
    const project = await access.projectFor(by, input.project ?? home, 'recipes:write')
    check(input.steps, given)
    const resource = await access.newResource('rcp', by, project, input)
    const row: RecipeRow = { ...resource, dataset_id: datasetId, target: input.target, revision: 1 }
    const insert = metadata.transaction(async (tx) => {
      await recipeTables(tx).insertInto('recipes').values(row).execute()
      await addRevision(tx, by, row.id, 1, input)
      await audit(tx, by, 'recipes.create', {
        target: row.id,
        project: project.id,
        facts: { name: row.name, steps: input.steps.length },
      })
    })
    await nameTakenIsConflict('recipe', input.name, insert)
    return get(by, row.id)
  }

  const addRevision = (
    tx: Metadata['db'],
    by: Principal,
    id: string,
    revision: number,
    of: { steps: Recipe['steps']; reasons?: string[] },
  ) =>
    recipeTables(tx)
      .insertInto('recipe_revisions')
      .values({
        recipe_id: id,
        revision,
        steps: JSON.stringify(of.steps),
        reasons: JSON.stringify(of.reasons ?? []),
        created_by: by.name,
        created_at: Date.now(),
      })
      .execute()

  async function list(by: Principal, query: PageQuery & { project?: string; dataset?: string }): Promise<Page<Recipe>> {
    const project = query.project === undefined ? undefined : (await access.projectFor(by, query.project)).id
    const dataset =
      query.dataset === undefined ? undefined : (await datasets.pin(by, query.dataset, undefined, query.project)).dataset.id
    const rows = await listRecipes(db, access.visibleTo(by, 'recipes'), { ...query, project, dataset })
    const page = toPage(rows, query.limit, (row) => [row.created_at, row.id])
    return { ...page, items: page.items.map(toRecipe) }
  }

  async function get(by: Principal, ref: string, project?: string): Promise<Recipe> {
    return toRecipe(await recipeById(db, (await find(by, ref, project)).id))
  }

  /** New steps are a new revision; what was trained with an earlier one keeps its own copy. */
  async function patch(by: Principal, ref: string, changes: z.output<typeof RecipePatch>, project?: string): Promise<Recipe> {
    const row = await find(by, ref, project)
    await access.authorize(by, 'recipes:write', row)
    const target = changes.target === undefined ? row.target : changes.target
    const dataset = changes.dataset === undefined ? row.dataset_id : changes.dataset
    const { id: datasetId, given } = await columnsOf(by, dataset, target, project)
    if (changes.steps) check(changes.steps, given)
    const update = metadata.transaction(async (tx) => {
      const { revision } = await recipeTables(tx)
        .updateTable('recipes')
        .set({ ...(await access.patchResource(changes)), dataset_id: datasetId, target })
        .$if(changes.steps !== undefined, (q) => q.set((eb) => ({ revision: eb('revision', '+', 1) })))
        .where('id', '=', row.id)
        .returning('revision')
        .executeTakeFirstOrThrow()
      if (changes.steps) await addRevision(tx, by, row.id, revision, { steps: changes.steps, reasons: changes.reasons })
      await audit(tx, by, 'recipes.change', { target: row.id, project: row.project_id, facts: { revision } })
    })
    await nameTakenIsConflict('recipe', changes.name ?? row.name, update)
    return get(by, row.id)
  }

  async function remove(by: Principal, ref: string, project?: string): Promise<void> {
    const row = await find(by, ref, project)
    await access.authorize(by, 'recipes:write', row)
    await metadata.transaction(async (tx) => {
      await recipeTables(tx).updateTable('recipes').set({ deleted_at: Date.now() }).where('id', '=', row.id).execute()
      await audit(tx, by, 'recipes.delete', { target: row.id, project: row.project_id, facts: { name: row.name } })
    })
  }

  const revisions = async (by: Principal, ref: string, project?: string) => revisionsOf(db, (await find(by, ref, project)).id)

  return { steps: () => [...catalogue.values()], check, create, list, get, patch, remove, revisions }
}
