import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Finished, runQueue, type TestProcess } from './test-queue.ts'

const shell = (name: string, script: string): TestProcess => ({
  name,
  command: 'sh',
  args: ['-c', script],
  count: (output) => ({ passed: Number(/pass (\d+)/.exec(output)?.[1] ?? 0), failed: 0, skipped: 0 }),
})

async function all(processes: TestProcess[], change: { limitSeconds?: number; seconds?: number } = {}) {
  const finished = new Map<string, Finished>()
  await runQueue(
    processes,
    {
      cwd: '/',
      env: process.env,
      slots: 2,
      limitSeconds: change.limitSeconds ?? 20,
      deadline: performance.now() + (change.seconds ?? 20) * 1000,
    },
    (one) => finished.set(one.name, one),
  )
  return finished
}

test('every process is run and counted; one that fails without a failed test counts as one', async () => {
  const finished = await all([
    shell('good', 'echo pass 3'),
    shell('bad', 'echo pass 2; exit 3'),
    shell('absent', 'exec /no/such'),
  ])
  assert.deepEqual([finished.get('good')?.passed, finished.get('good')?.failed], [3, 0])
  assert.deepEqual(
    [finished.get('bad')?.passed, finished.get('bad')?.failed, finished.get('bad')?.trouble],
    [2, 1, 'ended with code 3'],
  )
  assert.equal(finished.get('absent')?.failed, 1)
})

test('one that hangs is killed with what it started, and keeps what it said', async () => {
  const finished = await all([shell('hangs', 'echo pass 1; sleep 97531 & sleep 97531')], { limitSeconds: 1 })
  const one = finished.get('hangs')
  assert.match(one?.trouble ?? '', /did not end within 1 s/)
  assert.deepEqual([one?.passed, one?.failed], [1, 1])
  assert.ok(one!.seconds < 10)
})

test('one whose child outlives it does not hold up the rest', async () => {
  const finished = await all([shell('leaves', 'echo pass 1; (setsid sleep 6 &) ; exit 0')])
  assert.deepEqual([finished.get('leaves')?.passed, finished.get('leaves')?.failed], [1, 0])
  assert.ok(finished.get('leaves')!.seconds < 5)
})

test('when the time for all is over the rest is named as not begun', async () => {
  const finished = await all([shell('a', 'sleep 5'), shell('b', 'sleep 5'), shell('c', 'echo pass 1')], { seconds: 1 })
  assert.match(finished.get('c')?.trouble ?? '', /was not begun/)
  assert.equal(finished.get('c')?.failed, 1)
})
