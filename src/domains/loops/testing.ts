import type { Db, Metadata, Migration } from '../../ports/metadata/metadata.ts'
import { authMigrations } from '../auth/migrations.ts'
import { authWorld } from '../auth/testing.ts'
import { loopsMigrations } from './migrations.ts'
import { runDriver } from './runs/driver.ts'
import type { StepWork } from './runs/turn.ts'
import { LoopPolicy, type Step, steps as stepNames } from './schema.ts'
import { type LoopRow, loopTables } from './tables.ts'

/** What runs begin in the world, so that tests can count it. */
const others: Migration = {
  name: 'a-endpoints-for-tests',
  async up(db: Db) {
    for (const table of ['endpoints', 'goals'])
      await db.schema
        .createTable(table)
        .addColumn('id', 'text', (c) => c.primaryKey())
        .addColumn('name', 'text')
        .addColumn('deleted_at', 'integer')
        .execute()
    await db.schema
      .createTable('effects')
      .addColumn('run_id', 'text')
      .addColumn('step', 'text')
      .addColumn('process', 'integer')
      .execute()
  },
}
export const loopTestMigrations = [others, ...authMigrations, ...loopsMigrations]

const usual = ['gather', 'train', 'judge', 'approve', 'shadow', 'rollout', 'watch'] as const

/** Steps that each begin one thing in the world, in the transaction that notes it, and go on in their next turn. */
export function countedSteps(changes: Partial<Record<Step, StepWork>> = {}, afterBegun: (step: Step) => void = () => {}) {
  const stepOf =
    (name: Step): StepWork =>
    async (context) => {
      if (!context.work.begun) {
        await context.keep({ begun: true })
        afterBegun(name)
        return { kind: 'stay', inMs: 0 }
      }
      const at = usual.indexOf(name as 'gather')
      const next = usual[at + 1]
      if (name === 'restore') return { kind: 'end', outcome: 'done', sentence: 'put back' }
      if (!next) return { kind: 'end', outcome: 'done', sentence: 'it serves' }
      const challenger = name === 'train' ? { challenger: { version: 'mdv_2', name: 'churn:2' } } : {}
      return { kind: 'go', to: next, sentence: `${name} is done`, evidence: { of: name }, ...challenger }
    }
  return Object.fromEntries(stepNames.map((name) => [name, changes[name] ?? stepOf(name)])) as Record<Step, StepWork>
}

/** A loop on an endpoint, and drivers of its runs. */
export async function loopWorld(metadata: Metadata) {
  const people = await authWorld(metadata)
  const by = await people.person('Grace')
  const { access, users } = people.auth
  await metadata.db.insertInto('endpoints').values({ id: 'end_1', name: 'churn' }).execute()
  const loop: LoopRow = {
    ...(await access.newResource('loop', by, people.project, { name: 'churn loop' })),
    endpoint_id: 'end_1',
    goal_id: 'goal_1',
    enabled: 1,
    policy: JSON.stringify(LoopPolicy.parse({})),
    next_run_at: null,
    next_look_at: 0,
    seen: '{}',
    runs: 0,
  }
  await loopTables(metadata.db).insertInto('loops').values(loop).execute()
  const errors: unknown[] = []
  const cancelled: string[] = []
  const driver = (steps: Record<Step, StepWork>) =>
    runDriver({
      metadata,
      events: people.events,
      principalOf: users.principal,
      steps,
      jobs: { cancel: async (_by, job) => void cancelled.push(job) as never },
      onError: (error) => errors.push(error),
    })
  return { ...people, by, loop, driver, errors, cancelled }
}

export const champion = { version: 'mdv_1', name: 'churn:1' }
export const byHand = { trigger: { kind: 'hand', sentence: 'Grace started it.', facts: {} }, champion, seen: '{}' }
