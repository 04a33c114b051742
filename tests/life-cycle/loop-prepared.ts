import assert from 'node:assert/strict'
import type { Config } from '../../src/kernel/config.ts'
import { customers, trainingWorld } from '../training-world.ts'
import { rowsOf } from './example-world.ts'
import { liveTraffic } from './live-traffic.ts'

/** A better model waits to be found: the world has turned round, and its truth is told. Answers what servers on this data will need. */
export async function preparedLoop(
  where: Pick<Config, 'dataDir'> & Partial<Config>,
  { trafficMinutes = 0.05 }: { trafficMinutes?: number } = {},
) {
  const w = await trainingWorld(where)
  try {
    await w.addTable('customers', customers(400), 'churn')
    const contract = { dataset: 'customers', target: 'churn', positive: 'yes', metric: 'roc_auc', atLeast: 0.5 }
    const goal = await w.ask('POST', '/v1/goals', contract)
    const how = { algorithms: ['logistic_regression'], search: { strategy: 'none' as const } }
    const trained = await w.train({ dataset: 'customers', goal: goal.id, ...how, model: 'churn' })
    assert.equal(trained.state, 'succeeded', JSON.stringify(trained.failure))
    const endpoint = await w.ask('POST', '/v1/endpoints', { name: 'churn', model: 'churn:1' })
    const rows = rowsOf(customers(900, 5), [...endpoint.signature.inputs, { name: 'churn', type: 'category' }])
    const live = liveTraffic(w, endpoint.id, 'churn')
    for (let i = 0; i < 600; i += 150)
      await live.tell(await live.askAll(rows.slice(i, i + 150), 25), ({ truth }) => (truth === 'yes' ? 'no' : 'yes'))
    const loop = await w.ask('POST', '/v1/loops', {
      endpoint: endpoint.id,
      triggers: { drift: false, decay: false },
      window: { minimumRows: 200, sealedShare: 0.35, original: false },
      shadow: { minutes: trafficMinutes, minimumRequests: 5 },
      rollout: {
        steps: [{ weight: 50, minutes: trafficMinutes }],
        guard: { minimumRequests: 2, maxLatencyFactor: 100, maxErrorRate: 1 },
      },
      watch: { minutes: 0.1, maxErrorRate: 1 },
    })
    return { token: w.token, endpoint, loop, rows: rows.slice(600) }
  } finally {
    await w.close()
  }
}
