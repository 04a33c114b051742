import { type Kysely, type RawBuilder, type SqlBool, sql } from 'kysely'
import { decodeCursor, type PageQuery } from '../../kernel/paging.ts'
import { toIso } from '../../kernel/time.ts'
import type { Db } from '../../ports/metadata/metadata.ts'
import { ownerName, type ResourceRow, toResource } from '../auth/access.ts'
import type { Recipe } from './schema.ts'

export interface RecipeRow extends ResourceRow {
  dataset_id: string | null
  target: string | null
  revision: number
}
export interface RevisionRow {
  recipe_id: string
  revision: number
  steps: string
  reasons: string
  created_by: string
  created_at: number
}
type FullRecipeRow = RecipeRow & { owner_name: string; steps: string; reasons: string }

export const recipeTables = (db: Db): Kysely<{ recipes: RecipeRow; recipe_revisions: RevisionRow }> => db

const withSteps = (db: Db) =>
  recipeTables(db)
    .selectFrom('recipes')
    .innerJoin('recipe_revisions', (join) =>
      join.onRef('recipe_revisions.recipe_id', '=', 'recipes.id').onRef('recipe_revisions.revision', '=', 'recipes.revision'),
    )
    .selectAll('recipes')
    .select([ownerName('recipes'), 'recipe_revisions.steps', 'recipe_revisions.reasons'])

export const recipeById = (db: Db, id: string): Promise<FullRecipeRow> =>
  withSteps(db).where('recipes.id', '=', id).executeTakeFirstOrThrow()

export function listRecipes(
  db: Db,
  visible: RawBuilder<SqlBool>,
  query: PageQuery & { project?: string; dataset?: string },
): Promise<FullRecipeRow[]> {
  const after = query.cursor ? decodeCursor(query.cursor) : null
  return withSteps(db)
    .where(visible)
    .$if(query.project !== undefined, (q) => q.where('recipes.project_id', '=', query.project!))
    .$if(query.dataset !== undefined, (q) => q.where('recipes.dataset_id', '=', query.dataset!))
    .$if(after !== null, (q) => q.where(sql<SqlBool>`(recipes.created_at, recipes.id) < (${after![0]}, ${after![1]})`))
    .orderBy('recipes.created_at', 'desc')
    .orderBy('recipes.id', 'desc')
    .limit(query.limit + 1)
    .execute()
}

/** Earlier and present steps of a recipe, newest first. */
export const revisionsOf = async (db: Db, recipeId: string) =>
  (
    await recipeTables(db)
      .selectFrom('recipe_revisions')
      .selectAll()
      .where('recipe_id', '=', recipeId)
      .orderBy('revision', 'desc')
      .limit(200)
      .execute()
  ).map((row) => ({
    revision: row.revision,
    steps: JSON.parse(row.steps) as Recipe['steps'],
    reasons: JSON.parse(row.reasons) as string[],
    by: row.created_by,
    at: toIso(row.created_at),
  }))

export const toRecipe = (row: FullRecipeRow): Recipe => ({
  ...toResource(row),
  dataset: row.dataset_id,
  target: row.target,
  steps: JSON.parse(row.steps),
  reasons: JSON.parse(row.reasons),
  revision: row.revision,
})
