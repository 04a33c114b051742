import assert from 'node:assert/strict'
import { test } from 'node:test'
import { randomFrom } from '../evaluation/statistics/random.ts'
import { levelOf, nextLevel, shareOfRun } from './repeated-runs.ts'
import { normalUpperTail } from './statistics/rank-auc.ts'
import { monitorById } from './store.ts'
import { monitor, onSqlite } from './testing-world.ts'

const runs = 200
const streams = 4000
const rate = 0.05

test('what the runs between two alarms may spend adds up to the rate, however many they are', () => {
  let spent = 0
  for (let run = 1; run <= 1e6; run++) spent += shareOfRun(run)
  // What is left of the sum of k^-1.6 beyond a million is its integral.
  const rest = 1e6 ** -0.6 / 0.6 / 2.285766
  assert.ok(spent < 1 && Math.abs(spent + rest - 1) < 1e-6, String(spent + rest))
})

/** p-values of quiet runs; of overlapping windows, each goes on with what the run before it saw. */
function quietRuns(random: ReturnType<typeof randomFrom>, kept: number): number[] {
  const normal = () => Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next())
  let z = normal()
  return Array.from({ length: runs }, () => {
    z = kept * z + Math.sqrt(1 - kept ** 2) * normal()
    return normalUpperTail(z)
  })
}

for (const [words, kept] of [
  ['by themselves', 0],
  ['of windows that overlap', 0.95],
] as const)
  test(`200 quiet runs ${words} raise any false alarm at most as often as is stated; without control they do`, () => {
    const random = randomFrom(5)
    const alarmed = { lord: 0, none: 0 }
    for (let s = 0; s < streams; s++) {
      const pValues = quietRuns(random, kept)
      for (const method of ['lord', 'none'] as const)
        if (pValues.some((p, i) => p < levelOf(method, rate, i + 1))) alarmed[method]++
    }
    // Three standard errors of as many streams.
    assert.ok(alarmed.lord / streams <= rate + 3 * Math.sqrt((rate * (1 - rate)) / streams), `lord: ${alarmed.lord / streams}`)
    assert.ok(alarmed.none / streams > 0.6, `none: ${alarmed.none / streams}`)
  })

onSqlite('runs are counted from the last alarm, of one version, and none has the place of another', async (w, metadata) => {
  const { id } = await w.monitoring.create(w.by, monitor())
  const next = async (version: string) => nextLevel(metadata, (await monitorById(metadata.db, id))!, version)
  const taken = await Promise.all([next('mdv_1'), next('mdv_1'), next('mdv_1')])
  assert.deepEqual(taken.map(({ run }) => run).sort(), [1, 2, 3])
  assert.equal((await next('mdv_2')).run, 1)

  w.jobs.startWorker({ slots: 1 })
  await w.ask(600)
  const [first, second] = [await w.run(), await w.run()]
  assert.deepEqual([first.control!.run, second.control!.run, second.control!.method], [1, 2, 'lord'])
  assert.ok(second.control!.level < first.control!.level && first.control!.level < 0.01)
  assert.match(second.sentence, /An alarm needs p < 0\.0014 here, run 2 since the last alarm, .* rate of 0\.01 \(LORD\)/)
  await w.ask(900, { shift: 1.5, states: ['OH', 'ZZ'] })
  const alarmed = await w.run()
  assert.deepEqual([alarmed.state, alarmed.control!.run], ['alert', 3], alarmed.sentence)
  assert.equal((await w.run()).control!.run, 1)
  await w.monitoring.patch(w.by, 'watch', { repeatedRuns: 'none' })
  const alone = await w.run()
  assert.deepEqual([alone.control!.method, alone.control!.level], ['none', 0.01])
})
