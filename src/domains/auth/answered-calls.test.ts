import assert from 'node:assert/strict'
import { onEachDatabase } from '../../ports/metadata/testing.ts'
import { authMigrations } from './migrations.ts'
import { authWorld } from './testing.ts'

const call = { caller: 'usr', route: 'POST /v1/goals', key: 'k', request: '{}' }

onEachDatabase('fifty calls at once with one key do the work once and get one answer', authMigrations, async (metadata) => {
  const { auth } = await authWorld(metadata)
  let done = 0
  const answers = await Promise.all(
    Array.from({ length: 50 }, () =>
      auth.answeredCalls.once(call, async () => {
        await new Promise((resolve) => setTimeout(resolve, 20))
        return { status: 201, body: JSON.stringify({ made: ++done }) }
      }),
    ),
  )
  assert.equal(done, 1)
  assert.deepEqual(new Set(answers.map((answer) => answer.body)), new Set(['{"made":1}']))
  assert.equal(answers.filter((answer) => !answer.replayed).length, 1)
})

onEachDatabase('another request, caller or outcome is told apart', authMigrations, async (metadata) => {
  const { auth } = await authWorld(metadata)
  const work = async () => ({ status: 201, body: '{}' })
  await assert.rejects(
    auth.answeredCalls.once(call, () => Promise.reject(new Error('failed'))),
    /failed/,
  )
  assert.equal((await auth.answeredCalls.once(call, work)).replayed, false, 'a call that failed is not remembered')
  await assert.rejects(auth.answeredCalls.once({ ...call, request: '{"a":1}' }, work), { code: 'conflict' })
  assert.equal((await auth.answeredCalls.once({ ...call, caller: 'other' }, work)).replayed, false)
})
