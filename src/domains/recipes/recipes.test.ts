import assert from 'node:assert/strict'
import { fileURLToPath } from 'node:url'
import { localFiles } from '../../ports/files/local.ts'
import type { Metadata } from '../../ports/metadata/metadata.ts'
import { onEachDatabase } from '../../ports/metadata/testing.ts'
import { authMigrations } from '../auth/migrations.ts'
import { authWorld } from '../auth/testing.ts'
import { readCatalogue } from './catalogue.ts'
import { recipesMigrations } from './migrations.ts'
import { RecipeInput, RecipePatch } from './schema.ts'
import { recipesService } from './service.ts'

const enginesFolder = fileURLToPath(new URL('../../../python', import.meta.url))
const catalogue = await readCatalogue({ files: localFiles(), enginesFolder })
const steps = [{ step: 'impute', columns: ['minutes'] }]

async function world(metadata: Metadata) {
  const people = await authWorld(metadata)
  const { access, search } = people.auth
  const columns = ['minutes', 'plan', 'churn'].map((name) => ({ name, type: 'number' }))
  const datasets = { pin: async () => ({ dataset: { id: 'ds_1' }, version: { id: 'dsv_1', columns } }) as never }
  const recipes = recipesService({ metadata, access, search, catalogue, datasets })
  return { ...people, recipes, by: await people.person('Grace') }
}

const onBoth = (name: string, work: (w: Awaited<ReturnType<typeof world>>, metadata: Metadata) => Promise<void>) =>
  onEachDatabase(name, [...authMigrations, ...recipesMigrations], async (metadata) => work(await world(metadata), metadata))

onBoth('keeps every revision of a recipe', async ({ recipes, by }) => {
  const made = await recipes.create(
    by,
    RecipeInput.parse({ name: 'tidy', dataset: 'customers', target: 'churn', steps, reasons: ['minutes has gaps'] }),
  )
  assert.deepEqual([made.revision, made.dataset, made.reasons], [1, 'ds_1', ['minutes has gaps']])
  const renamed = await recipes.patch(by, 'tidy', RecipePatch.parse({ name: 'neat' }))
  assert.deepEqual([renamed.revision, renamed.steps], [1, steps])
  const more = [...steps, { step: 'one_hot', columns: ['plan'] }]
  const changed = await recipes.patch(by, 'neat', RecipePatch.parse({ steps: more }))
  assert.deepEqual([changed.revision, changed.steps], [2, more])
  assert.deepEqual(
    (await recipes.revisions(by, 'neat')).map((one) => [one.revision, one.steps.length, one.by]),
    [
      [2, 2, by.name],
      [1, 1, by.name],
    ],
  )
  assert.deepEqual(
    (await recipes.list(by, { limit: 10 })).items.map((one) => one.name),
    ['neat'],
  )
})

onBoth('refuses steps that cannot work, on create and on change, and changes nothing', async ({ recipes, by }) => {
  const wrong = [{ step: 'impute', columns: ['minuts'] }]
  await assert.rejects(
    recipes.create(by, RecipeInput.parse({ name: 'x', dataset: 'customers', steps: wrong })),
    /no column "minuts"/,
  )
  await recipes.create(by, RecipeInput.parse({ name: 'tidy', dataset: 'customers', steps }))
  await assert.rejects(recipes.patch(by, 'tidy', RecipePatch.parse({ steps: wrong })), /no column "minuts"/)
  await assert.rejects(
    recipes.patch(by, 'tidy', RecipePatch.parse({ steps: [{ step: 'one_hot', columns: ['churn'] }], target: 'churn' })),
    /is the target/,
  )
  await assert.rejects(recipes.create(by, RecipeInput.parse({ name: 'tidy', steps })), { code: 'conflict' })
  const kept = await recipes.get(by, 'tidy')
  assert.deepEqual([kept.revision, kept.steps, kept.target], [1, steps, null])
})

onBoth('is shown to members, changed by editors', async ({ recipes, by, person }) => {
  const { id } = await recipes.create(by, RecipeInput.parse({ name: 'tidy', steps }))
  const viewer = await person('Vic', 'viewer')
  assert.equal((await recipes.get(viewer, id)).name, 'tidy')
  await assert.rejects(recipes.patch(viewer, id, RecipePatch.parse({ name: 'mine' })), { code: 'forbidden' })
  await assert.rejects(recipes.remove(viewer, id), { code: 'forbidden' })
  await assert.rejects(recipes.get(await person('Mallory', null), id), { code: 'not_found' })
  await recipes.remove(by, id)
  await assert.rejects(recipes.get(by, id), { code: 'not_found' })
})
