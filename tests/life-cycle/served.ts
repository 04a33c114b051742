import assert from 'node:assert/strict'
import type { Task } from '../../src/domains/goals/schema.ts'
import type { ExampleWorld } from './example-world.ts'

/** Ordinary rows, one with everything missing, one with words and numbers never seen. */
const rows: Record<string, unknown>[] = [
  { minutes: 250, calls: 7, plan: 'basic', town: 'Bern', age: 40, churn: 'yes' },
  { minutes: 20, calls: 0, plan: 'pro', town: 'Pisa', age: 61, churn: 'no' },
  { minutes: null, calls: null, plan: null, town: null, age: null, churn: null },
  { minutes: 9e5, calls: -40, plan: 'gold', town: 'Oslo', age: 130, churn: 'perhaps' },
]

/** Deploys a model, asks it all rows, and takes the endpoint away again. */
export async function served(w: ExampleWorld, model: string, task: Task): Promise<any[]> {
  const endpoint = await w.deployed(model, `${model}:1`)
  const wanted = endpoint.signature.inputs.map((input: any) => input.name)
  const asked = rows.map((row) => Object.fromEntries(wanted.map((name: string) => [name, row[name]])))
  const { predictions } = await w.ask('POST', `/v1/endpoints/${endpoint.id}/predict`, { rows: asked })
  assert.equal(predictions.length, rows.length)
  for (const one of predictions)
    if (task === 'regression') assert.ok(Number.isFinite(one.value), JSON.stringify(one))
    else {
      const values = Object.values(one.probabilities) as number[]
      assert.ok(Math.abs(values.reduce((a, b) => a + b, 0) - 1) < 1e-4, JSON.stringify(one))
      assert.ok(one.label in one.probabilities)
    }
  await w.ask('DELETE', `/v1/endpoints/${endpoint.id}`)
  return predictions
}
