/** A loop acts in its owner's name on an endpoint: who may not do it alone may not do it by a loop. */
import assert from 'node:assert/strict'
import { newId } from '../../src/kernel/ids.ts'
import { onEachPlatform, type World } from '../platform-world.ts'
import { resourceTables, rowMaker } from './rows.ts'

async function loopOf(world: World, owner: string, visibility: string): Promise<string> {
  const tables = await resourceTables(world.platform.metadata)
  const makeRow = await rowMaker(world, tables)
  return makeRow(tables.find(({ name }) => name === 'loops')!, owner, visibility)
}

/** A run that waits for a person. */
async function waitingRun({ platform, project }: World, loop: string): Promise<string> {
  const { db } = platform.metadata
  const { endpoint_id } = await db.selectFrom('loops').select('endpoint_id').where('id', '=', loop).executeTakeFirstOrThrow()
  const id = newId('lrun')
  const run = {
    id,
    loop_id: loop,
    number: 1,
    project_id: project.id,
    endpoint_id,
    goal_id: 'x',
    trigger: '{"kind":"hand","sentence":"","facts":{}}',
  }
  const { policy } = await db.selectFrom('loops').select('policy').where('id', '=', loop).executeTakeFirstOrThrow()
  const state = { policy, state: 'waiting', step: 'approve', sentence: 'CANARY', champion_version: 'v', champion_name: 'm:1' }
  await db
    .insertInto('loop_runs')
    .values({ ...run, ...state, failures: 0, wake_at: Number.MAX_SAFE_INTEGER, fence: 0, started_at: Date.now() })
    .execute()
  return id
}

onEachPlatform('runs are read and decided by those alone who may, under their own loop alone', async (world) => {
  const { call } = world
  const [owner, editor, admin] = [
    await world.person('Olga', 'editor'),
    await world.person('Ed', 'editor'),
    await world.person('Ann', 'admin'),
  ]
  const outsider = await world.person('Mallory', null)
  const own = await loopOf(world, owner.id, 'team')
  const hidden = await loopOf(world, owner.id, 'private')
  const run = await waitingRun(world, hidden)
  for (const path of [
    `/v1/loops/${hidden}`,
    `/v1/loops/${hidden}/runs`,
    `/v1/loops/${hidden}/runs/${run}`,
    `/v1/loops/${hidden}/runs/1`,
  ])
    for (const { token } of [editor, outsider]) {
      const reply = await call('GET', path, { token })
      assert.deepEqual([reply.status, reply.text.includes('CANARY')], [404, false], path)
    }
  // The id of a run opens nothing under a loop that it is not of.
  for (const verb of ['', '/approve', '/reject', '/cancel']) {
    const reply = await call(verb ? 'POST' : 'GET', `/v1/loops/${own}/runs/${run}${verb}`, {
      token: admin.token,
      ...(verb && { body: verb === '/approve' ? {} : { reason: 'x' } }),
    })
    assert.equal(reply.status, 404, verb)
  }
  // Whoever made it does not approve it: that takes an administrator.
  const approve = (token: string) => call('POST', `/v1/loops/${hidden}/runs/${run}/approve`, { token, body: {} })
  assert.equal((await approve(owner.token)).status, 403)
  assert.equal((await call('PUT', '/v1/loop-rules', { token: owner.token, body: { approval: false } })).status, 403)
  const scoped = await world.person('Sam', 'admin', { scopes: ['loops:read'] })
  assert.equal((await approve(scoped.token)).status, 403)
  const both = await Promise.all([approve(admin.token), approve(admin.token)])
  assert.deepEqual(both.map(({ status }) => status).sort(), [200, 412], 'it is decided once')
  const { json } = await call('GET', `/v1/audit?target=${hidden}`)
  assert.deepEqual(
    json.items.map((entry: { action: string; actor: string }) => [entry.action, entry.actor]),
    [['loops.approve', admin.id]],
  )
})

onEachPlatform('a policy that no run could follow, or that would run away, is refused with its field', async (world) => {
  const eve = await world.person('Eve', 'editor')
  const loop = await loopOf(world, eve.id, 'team')
  for (const [body, field] of [
    [{ triggers: { newRows: 0 } }, /newRows/],
    [{ window: { days: 1e9 } }, /days/],
    [{ window: { rows: -1 } }, /rows/],
    [{ training: { algorithms: [] } }, /algorithms/],
    [{ judge: { alpha: 1 } }, /alpha/],
    [{ judge: { margin: -1 } }, /margin/],
    [{ judge: { rule: 'not_worse_and_fairer' } }, /fairness|column/],
    [{ rollout: { steps: [] } }, /steps/],
    [{ rollout: { steps: [{ weight: 101, minutes: 1 }] } }, /weight/],
    [{ watch: { alpha: 0 } }, /alpha/],
  ] as const) {
    const { status, text } = await world.call('PATCH', `/v1/loops/${loop}`, { token: eve.token, body })
    assert.ok(status === 400 || status === 404, `${JSON.stringify(body)}: ${status} ${text}`)
    assert.match(text, field)
  }
})
