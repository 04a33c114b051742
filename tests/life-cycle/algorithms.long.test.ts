import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import described from '../../python/atoll_engines/tabular/algorithms.json' with { type: 'json' }
import { customers } from '../training-world.ts'
import { type ExampleWorld, exampleWorld } from './example-world.ts'
import { served } from './served.ts'

/** Every algorithm for every task it can do, through the whole product. */

const algorithms = described.algorithms.map(({ name }) => name)
const targets = { binary: 'churn', multiclass: 'plan', regression: 'age' } as const
type Task = keyof typeof targets
const alone = { search: { strategy: 'none' as const } }

let w: ExampleWorld
let known: { name: string; tasks: Task[] }[]
before(async () => {
  w = await exampleWorld()
  await w.addTable('customers', customers(400), 'churn')
  known = await w.ask('GET', '/v1/algorithms').then((answer) => answer.items ?? answer)
})
after(() => w?.close())

function tasksOf(name: string): Task[] {
  if (['logistic_regression', 'naive_bayes'].includes(name)) return ['binary', 'multiclass']
  if (['linear_regression', 'ridge', 'lasso', 'elastic_net'].includes(name)) return ['regression']
  return ['binary', 'multiclass', 'regression']
}

describe('every algorithm', () => {
  test('is in the list that the server gives, with the tasks that it can do', () => {
    assert.deepEqual(known.map(({ name }) => name).sort(), [...algorithms].sort())
    for (const { name, tasks } of known) assert.deepEqual([...tasks].sort(), [...tasksOf(name)].sort(), name)
  })

  for (const name of algorithms)
    for (const task of tasksOf(name))
      test(`${name}, ${task}: trained, proven in ONNX, answering`, async () => {
        const model = `${name} ${task}`
        const { result, version } = await w.trained({
          dataset: 'customers',
          target: targets[task],
          algorithms: [name],
          ...alone,
          model,
        })
        assert.equal(result.task, task)
        assert.deepEqual(
          [result.served, result.parity.flips, version.parity?.passed],
          ['onnx', 0, true],
          JSON.stringify(version.parity),
        )
        assert.ok(name === 'baseline' || result.algorithm === name, result.algorithm)
        await served(w, model, task)
      })
})
