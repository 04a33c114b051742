import type { Db, Migration } from '../../ports/metadata/metadata.ts'
import { resourceColumns, resourceIndexes } from '../auth/access.ts'

export const recipesMigrations: Migration[] = [{ name: 'recipes-001-create', up: createTables }]

async function createTables(db: Db): Promise<void> {
  await db.schema
    .createTable('recipes')
    .$call(resourceColumns)
    .addColumn('dataset_id', 'text')
    .addColumn('target', 'text')
    .addColumn('revision', 'integer', (c) => c.notNull())
    .execute()
  await resourceIndexes(db, 'recipes')
  await db.schema
    .createTable('recipe_revisions')
    .addColumn('recipe_id', 'text', (c) => c.notNull().references('recipes.id'))
    .addColumn('revision', 'integer', (c) => c.notNull())
    .addColumn('steps', 'text', (c) => c.notNull())
    .addColumn('reasons', 'text', (c) => c.notNull())
    .addColumn('created_by', 'text', (c) => c.notNull())
    .addColumn('created_at', 'integer', (c) => c.notNull())
    .addPrimaryKeyConstraint('recipe_revisions_key', ['recipe_id', 'revision'])
    .execute()
}
