import assert from 'node:assert/strict'
import { notFound } from '../../kernel/errors.ts'
import type { Metadata } from '../../ports/metadata/metadata.ts'
import { onEachDatabase } from '../../ports/metadata/testing.ts'
import { authMigrations } from '../auth/migrations.ts'
import { authWorld } from '../auth/testing.ts'
import type { Split } from '../datasets/schema.ts'
import { goalsMigrations } from './migrations.ts'
import { GoalInput } from './schema.ts'
import { goalsService } from './service.ts'

/** The data sets that these goals are about: one table with a churn column, an amount and a note. */
async function world(metadata: Metadata) {
  const people = await authWorld(metadata)
  const { access, search } = people.auth
  await metadata.db.schema.createTable('datasets').addColumn('id', 'text').addColumn('name', 'text').execute()
  await metadata.db.insertInto('datasets').values({ id: 'ds_1', name: 'customers' }).execute()
  const columns = [
    {
      name: 'churn',
      type: 'category',
      missing: 0,
      distinct: 2,
      top: [
        { value: 'no', count: 80 },
        { value: 'yes', count: 20 },
      ],
    },
    { name: 'amount', type: 'number', missing: 3, distinct: 90, top: [{ value: '1.5', count: 3 }] },
  ]
  const splits: string[] = []
  const given = [
    { id: 'spl_time', dataset: 'ds_1', version: 'dsv_1', target: 'churn', state: 'ready' },
    { id: 'spl_amount', dataset: 'ds_1', version: 'dsv_1', target: 'amount', state: 'ready' },
    { id: 'spl_failed', dataset: 'ds_1', version: 'dsv_1', target: null, state: 'failed', job: 'job_1' },
    { id: 'spl_other', dataset: 'ds_2', version: 'dsv_2', target: 'churn', state: 'ready' },
  ] as Split[]
  const goals = goalsService({
    metadata,
    access,
    search,
    datasets: {
      pin: async () => ({ dataset: { id: 'ds_1', name: 'customers' }, version: { id: 'dsv_1', columns } }) as any,
      async valuesOf(_, name) {
        const column = columns.find((one) => one.name === name)!
        return { rows: 100, missing: column.missing, distinct: column.distinct, values: column.top }
      },
      async ensureSplit(_, input) {
        splits.push(input.target!)
        return { id: `spl_${input.target}` } as any
      },
      split: async (_, id) => given.find((one) => one.id === id) ?? Promise.reject(notFound('split', id)),
    },
  })
  const by = await people.person('Grace')
  const create = (input: object) =>
    goals.create(by, GoalInput.parse({ dataset: 'customers', target: 'churn', metric: 'f1', ...input }))
  return { ...people, goals, by, create, splits }
}

const onBoth = (name: string, work: (w: Awaited<ReturnType<typeof world>>, metadata: Metadata) => Promise<void>) =>
  onEachDatabase(name, [...authMigrations, ...goalsMigrations], async (metadata) => work(await world(metadata), metadata))

onBoth('is judged on the split that it names, and refuses one of other rows or another target', async ({ create, splits }) => {
  assert.equal((await create({ atLeast: 0.8, split: 'spl_time' })).split, 'spl_time')
  assert.deepEqual(splits, [], 'no other split was made')
  for (const [split, said] of [
    ['spl_other', /not of the data set "customers"/],
    ['spl_amount', /made for the target "amount", not "churn"/],
    ['spl_failed', /could not be made/],
    ['spl_none', /no split "spl_none"/],
  ] as const)
    await assert.rejects(create({ name: split, atLeast: 0.8, split }), said)
})

onBoth('states a goal, pins its split, and says it in words', async ({ create, goals, by, splits }) => {
  const goal = await create({ atLeast: 0.85, costFalsePositive: 1, costFalseNegative: 5 })
  assert.deepEqual(splits, ['churn'])
  assert.equal(goal.name, 'churn F1')
  assert.deepEqual([goal.task, goal.positive, goal.split, goal.datasetName], ['binary', 'yes', 'spl_churn', 'customers'])
  assert.match(goal.sentence, /F1 of "churn" = "yes" at least 0.85; a missed "yes" costs 5 times/)
  assert.deepEqual(await goals.get(by, 'churn F1'), goal)
  assert.deepEqual((await goals.list(by, { limit: 10 })).items, [goal])
})

onBoth(
  'of a task that learns from the rows alone it has no target, and must say what it is of',
  async ({ create, goals, by }) => {
    const groups = await create({ target: null, task: 'clustering', metric: 'silhouette', atLeast: 0.4 })
    assert.deepEqual(
      [groups.name, groups.target, groups.task, groups.positive],
      ['clustering silhouette', null, 'clustering', null],
    )
    assert.equal(groups.sentence, 'Silhouette of the groups at least 0.4.')
    const [outcome] = await goals.outcomes([{ goal: groups.id, metrics: { silhouette: { value: 0.5, low: 0.45, high: 0.6 } } }])
    assert.deepEqual([outcome?.met, outcome?.sure], [true, true])
    await assert.rejects(goals.patch(by, groups.id, { metric: 'f1' }), /F1 does not fit a clustering task/)
    await assert.rejects(create({ target: null, atLeast: 0.4 }), /name a task that needs none/)
    await assert.rejects(
      create({ target: 'churn', task: 'clustering', metric: 'silhouette', atLeast: 0.4 }),
      /has no target; it learns from the rows alone/,
    )
    await assert.rejects(
      create({ target: null, task: 'clustering', metric: 'f1', atLeast: 0.4 }),
      /does not fit a clustering task/,
    )
    await assert.rejects(
      create({ target: null, task: 'topics', metric: 'coherence', atLeast: 0.1, positive: 'yes' }),
      /no positive class/,
    )
  },
)

onBoth('a goal without a name gets one that is free', async ({ create }) => {
  const names: string[] = []
  for (let i = 0; i < 4; i++) names.push((await create({ atLeast: 0.8 })).name)
  assert.deepEqual(names, ['churn F1', 'churn F1 of customers', 'churn F1 of customers 2', 'churn F1 of customers 3'])
})

onBoth('refuses what cannot be a goal and leaves nothing behind', async ({ create, goals, by, splits }) => {
  await assert.rejects(create({ target: 'chrun', atLeast: 0.8 }), { code: 'invalid_input', message: /Did you mean "churn"/ })
  await assert.rejects(create({ metric: 'rmse', atMost: 3 }), /RMSE does not fit the target "churn"/)
  await assert.rejects(create({ atMost: 3 }), /says "at least"/)
  await assert.rejects(create({ target: 'amount', metric: 'rmse', atMost: 3, costFalseNegative: 5 }), /two classes only/)
  await assert.rejects(create({ positive: 'maybe', atLeast: 0.8 }), /never "maybe"/)
  assert.deepEqual([(await goals.list(by, { limit: 10 })).items, splits], [[], []])
})

onBoth(
  'changes how much is wanted, keeps the name unique, and notes both in the audit',
  async ({ create, goals, by }, metadata) => {
    await create({ name: 'first', atLeast: 0.85 })
    await create({ name: 'second', target: 'amount', metric: 'rmse', atMost: 2 })
    await assert.rejects(create({ name: 'first', atLeast: 0.9 }), { code: 'conflict', message: /already a goal called "first"/ })
    await assert.rejects(goals.patch(by, 'second', { name: 'first' }), { code: 'conflict' })
    await assert.rejects(goals.patch(by, 'second', { metric: 'f1' }), /does not fit/)
    const changed = await goals.patch(by, 'first', { atLeast: 0.6, costFalseNegative: 2, costFalsePositive: 4 })
    assert.match(changed.sentence, /at least 0.6; a needless alarm costs 2 times a missed "yes"/)
    const entry = await metadata.db.selectFrom('audit').selectAll().where('action', '=', 'goals.change').executeTakeFirst()
    assert.deepEqual(JSON.parse(entry!.facts).after.atLeast, 0.6)
  },
)

onBoth('a goal in the bin is gone from lists but still judges', async ({ create, goals, by, person }) => {
  const { id } = await create({ atLeast: 0.85 })
  await assert.rejects(goals.remove(await person('Vic', 'viewer'), id), { code: 'forbidden' })
  await goals.remove(by, id)
  await assert.rejects(goals.get(by, id), { code: 'not_found' })
  const [outcome] = await goals.outcomes([{ goal: id, metrics: { f1: { value: 0.9, low: 0.87, high: 0.93 } } }])
  assert.equal(outcome?.sure, true)
  assert.deepEqual(await goals.outcomes([{ goal: id, metrics: { roc_auc: { value: 0.9 } } }]), [null])
})
