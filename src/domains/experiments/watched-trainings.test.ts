import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { WatchedTraining } from './schema.ts'
import { asRunRules, noteRuleEvent } from './watched-trainings.ts'

const standing = (rule: string, state: string, more = {}) => ({
  ...{ rule, state, value: null, threshold: null, place: null, step: null, epoch: null, message: null },
  ...more,
})
const evidence = (step: number, value: unknown) => ({
  type: 'evidence' as const,
  data: { training: 'net', step, values: { dead_relu: { '2': value } } },
})

test('standings replace those before, and unreadable ones are left out', () => {
  const trainings = new Map<string, WatchedTraining>()
  const rules = [
    standing('dead_relu', 'watching'),
    { rule: 'odd', state: 'unheard' },
    standing('nan_loss', 'ok', { value: 'NaN' }),
  ]
  noteRuleEvent(trainings, { type: 'rules', data: { training: 'net', algorithm: 'mlp', stop: ['nan_loss'], rules } })
  const broken = [standing('dead_relu', 'broken', { value: 1, place: '2' })]
  const training = noteRuleEvent(trainings, {
    type: 'rules',
    data: { training: 'net', stop: ['nan_loss'], rules: broken, ended: 'done' },
  })
  assert.deepEqual(training?.rules, broken)
  assert.equal(training?.algorithm, 'mlp')
  assert.equal(training?.ended, 'done')
  assert.equal(noteRuleEvent(trainings, { type: 'rules', data: {} }), null)
})

test('evidence grows by step, goes back where a job was started again, and stays bounded', () => {
  const trainings = new Map<string, WatchedTraining>()
  for (const step of [0, 2, 4]) noteRuleEvent(trainings, evidence(step, step / 10))
  const training = noteRuleEvent(trainings, evidence(2, 'NaN'))!
  assert.deepEqual(training.evidence, [{ rule: 'dead_relu', by: 'step', series: [{ name: '2', x: [0, 2], y: [0, null] }] }])
  for (let step = 10; step < 3000; step++) noteRuleEvent(trainings, evidence(step, 0.5))
  const [line] = training.evidence[0]!.series
  assert.ok(line!.x.length <= 400 && line!.x.length === line!.y.length)
  assert.equal(line!.x.at(-1), 2999)
})

test('a run with many networks keeps the first ones, and those with broken rules come first', () => {
  const trainings = new Map<string, WatchedTraining>()
  for (let k = 0; k < 60; k++)
    noteRuleEvent(trainings, {
      type: 'rules',
      data: { training: `net ${k}`, rules: [standing('nan_loss', k === 7 ? 'broken' : 'ok')], stop: [] },
    })
  assert.equal(trainings.size, 40)
  assert.equal(asRunRules([...trainings.values()]).trainings[0]!.training, 'net 7')
})
