import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { PlatformError, preconditionFailed } from '../../../kernel/errors.ts'
import { onEachDatabase } from '../../../ports/metadata/testing.ts'
import { listAudit } from '../../auth/audit.ts'
import type { Step } from '../schema.ts'
import { runById, stepsOf, toRun } from '../store.ts'
import { loopTables } from '../tables.ts'
import { byHand, countedSteps, loopTestMigrations, loopWorld } from '../testing.ts'
import { LostLease } from './run-store.ts'
import type { StepWork } from './turn.ts'

const check = (name: string, work: Parameters<typeof onEachDatabase>[2]) => onEachDatabase(name, loopTestMigrations, work)

/** Ticks until nothing is due any more. */
async function drive(tick: () => Promise<number>): Promise<void> {
  for (let turns = 0; turns < 60; turns++) {
    if ((await tick()) === 0) return
    await sleep(2)
  }
}

check('a run goes from step to step, each with its evidence and a line in the audit trail', async (metadata) => {
  const w = await loopWorld(metadata)
  const { tick, store } = w.driver(countedSteps())
  const said: string[] = []
  w.events.on('loop.changed', ({ step, state }) => void said.push(`${step} ${state}`))
  const id = await store.begin(w.by, w.loop, byHand)
  await drive(tick)
  const run = toRun((await runById(metadata.db, id))!, await stepsOf(metadata.db, id))
  assert.deepEqual([run.state, run.outcome, run.sentence, run.number], ['ended', 'done', 'it serves', 1])
  assert.deepEqual(
    run.steps.map(({ step, state, evidence }) => [step, state, evidence.of]),
    ['gather', 'train', 'judge', 'approve', 'shadow', 'rollout', 'watch'].map((step) => [
      step,
      'done',
      step === 'watch' ? undefined : step,
    ]),
  )
  assert.equal(run.challenger?.name, 'churn:2')
  const trail = await listAudit(metadata.db, { limit: 50, target: w.loop.id })
  assert.deepEqual(trail.items.map(({ action }) => action).reverse(), ['loops.run', ...Array(6).fill('loops.step'), 'loops.end'])
  assert.equal(said.at(-1), 'watch ended')
})

check('whoever starts runs at once, an endpoint has one; after its end it may have another', async (metadata) => {
  const w = await loopWorld(metadata)
  const { tick, store } = w.driver(countedSteps())
  const began = await Promise.allSettled(Array.from({ length: 8 }, () => store.begin(w.by, w.loop, byHand)))
  assert.equal(began.filter(({ status }) => status === 'fulfilled').length, 1)
  for (const one of began) if (one.status === 'rejected') assert.equal((one.reason as PlatformError).code, 'conflict')
  await drive(tick)
  await store.begin(w.by, w.loop, byHand)
  assert.equal((await loopTables(metadata.db).selectFrom('loop_runs').selectAll().execute()).length, 2)
})

check('two drivers never hold one run at once, and begin nothing twice', async (metadata) => {
  const w = await loopWorld(metadata)
  let inside = 0
  let most = 0
  const begun: Step[] = []
  const counted = countedSteps({}, (step) => void begun.push(step))
  const slow = Object.fromEntries(
    Object.entries(counted).map(([name, step]) => [
      name,
      async (context: Parameters<StepWork>[0]) => {
        most = Math.max(most, ++inside)
        await sleep(3)
        return step(context).finally(() => inside--)
      },
    ]),
  ) as Record<Step, StepWork>
  const [one, other] = [w.driver(slow), w.driver(slow)]
  await one.store.begin(w.by, w.loop, byHand)
  for (let turns = 0; turns < 60; turns++) await Promise.all([one.tick(), other.tick(), one.tick()])
  assert.equal(most, 1)
  assert.deepEqual(begun, ['gather', 'train', 'judge', 'approve', 'shadow', 'rollout', 'watch'])
})

check('a process that lost its lease writes nothing more', async (metadata) => {
  const w = await loopWorld(metadata)
  const { tick, store } = w.driver(countedSteps())
  const id = await store.begin(w.by, w.loop, byHand)
  const [due] = await store.due()
  const dead = (await store.claim('a dead process', due!))!
  assert.equal(await tick(), 0, 'it is held')
  await loopTables(metadata.db).updateTable('loop_runs').set({ lease_until: 0 }).where('id', '=', id).execute()
  assert.equal(await tick(), 1, 'once the lease is over it is taken over')
  const before = await runById(metadata.db, id)
  const held = { id, fence: dead.fence }
  await assert.rejects(store.go(w.by, held, dead, { kind: 'go', to: 'watch', sentence: 'late' }), LostLease)
  await assert.rejects(store.note(metadata.db, held, 'gather', { begun: 'twice' }), LostLease)
  assert.deepEqual(await runById(metadata.db, id), before)
})

const fails =
  (error: Error): StepWork =>
  async () => {
    throw error
  }

check(
  'a step that fails ends the run; before traffic was touched the champion has nothing to come back from',
  async (metadata) => {
    const w = await loopWorld(metadata)
    const restored: string[] = []
    const restore: StepWork = async ({ run }) => {
      restored.push(run.id)
      if (restored.length < 3) throw new Error('the endpoint does not answer')
      return { kind: 'end', outcome: 'done', sentence: 'put back' }
    }
    const early = w.driver(countedSteps({ train: fails(preconditionFailed('There is no such algorithm.')), restore }))
    const first = await early.store.begin(w.by, w.loop, byHand)
    await drive(early.tick)
    const failed = toRun((await runById(metadata.db, first))!, await stepsOf(metadata.db, first))
    assert.deepEqual([failed.outcome, failed.steps.at(-1)?.state, restored], ['failed', 'failed', []])
    assert.match(failed.sentence, /It failed while it trained: There is no such algorithm/)

    const late = w.driver(countedSteps({ rollout: fails(preconditionFailed('The endpoint is stopped.')), restore }))
    const second = await late.store.begin(w.by, w.loop, byHand)
    for (let turns = 0; turns < 12; turns++) {
      await loopTables(metadata.db).updateTable('loop_runs').set({ wake_at: 0 }).execute()
      await late.tick()
    }
    const back = toRun((await runById(metadata.db, second))!, await stepsOf(metadata.db, second))
    assert.equal(restored.length, 3, 'putting back is tried until it is done')
    assert.deepEqual([back.outcome, back.steps.at(-1)?.step], ['failed', 'restore'])
    assert.match(back.sentence, /The endpoint is stopped/)
  },
)

check('what may pass is tried again, not for ever', async (metadata) => {
  const w = await loopWorld(metadata)
  let tries = 0
  const judge: StepWork = async () => {
    tries++
    throw new PlatformError('unavailable', 'The disk is busy.')
  }
  const { tick, store } = w.driver(countedSteps({ judge }))
  const id = await store.begin(w.by, w.loop, byHand)
  for (let turns = 0; turns < 20; turns++) {
    await loopTables(metadata.db).updateTable('loop_runs').set({ wake_at: 0 }).where('ended_at', 'is', null).execute()
    await tick()
  }
  assert.equal(tries, 8)
  assert.equal((await runById(metadata.db, id))?.outcome, 'failed')
})

check('a cancelled run puts the champion back where a challenger had met traffic', async (metadata) => {
  const w = await loopWorld(metadata)
  const waits: StepWork = async () => ({ kind: 'stay', inMs: 0, sentence: 'it is watched' })
  const { tick, store } = w.driver(countedSteps({ watch: waits }))
  const id = await store.begin(w.by, w.loop, byHand)
  for (let turns = 0; turns < 25; turns++) await tick()
  assert.equal((await runById(metadata.db, id))?.step, 'watch')
  const cancel = JSON.stringify({ by: 'Ada', reason: 'not today' })
  await loopTables(metadata.db).updateTable('loop_runs').set({ cancel }).where('id', '=', id).execute()
  await drive(tick)
  const run = toRun((await runById(metadata.db, id))!, await stepsOf(metadata.db, id))
  assert.deepEqual([run.outcome, run.sentence, run.steps.at(-1)?.step], ['cancelled', 'Ada cancelled it: not today.', 'restore'])
})

check('an endpoint that is deleted ends its run at once, and what the run had under way is stopped', async (metadata) => {
  const w = await loopWorld(metadata)
  const restore: StepWork = async () => ({ kind: 'end', outcome: 'done', sentence: 'the endpoint is gone' })
  for (const at of ['train', 'watch'] as const) {
    await metadata.db.updateTable('endpoints').set({ deleted_at: null }).execute()
    const waits: StepWork = async (context) => {
      if (!context.work.job) await context.keep({ job: `job of ${at}` })
      return { kind: 'stay', inMs: 0 }
    }
    const { tick, store } = w.driver(countedSteps({ [at]: waits, restore }))
    const id = await store.begin(w.by, w.loop, byHand)
    for (let turns = 0; turns < 25; turns++) await tick()
    assert.equal((await runById(metadata.db, id))?.step, at)
    await metadata.db.updateTable('endpoints').set({ deleted_at: 1 }).execute()
    await drive(tick)
    const run = toRun((await runById(metadata.db, id))!, await stepsOf(metadata.db, id))
    assert.deepEqual([run.outcome, run.steps.at(-1)?.step], ['cancelled', at === 'train' ? 'train' : 'restore'])
    assert.match(run.sentence, /^The endpoint was deleted/)
  }
  assert.deepEqual(w.cancelled, ['job of train', 'job of watch'])
})
