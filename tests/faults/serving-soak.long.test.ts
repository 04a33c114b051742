import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Endpoint } from '../../sdk/src/index.ts'
import { addTable, churnFile, train } from '../browser/fill.ts'
import { type Product, root, startProduct } from '../browser/product.ts'
import { quantile, residentMb, soak, type Target } from './serving-soak.ts'

/** ATOLL_SOAK_MINUTES: how long (10 unless told). The pages must be built (npm run build). */
const minutes = Number(process.env.ATOLL_SOAK_MINUTES ?? 10)
const clients = 64
const mostP99Ms = 250

const rowOf = ({ signature }: Endpoint): Record<string, unknown> =>
  Object.fromEntries(signature.inputs.map((input) => [input.name, input.example ?? null]))

describe(`${minutes} minutes of ${clients} clients, while versions come and go`, { timeout: (minutes + 15) * 60_000 }, () => {
  let product: Product
  before(async () => {
    product = await startProduct()
  })
  after(() => product?.stop())

  test('no accepted request fails, memory stays flat, and answers come in time', async (t) => {
    const { atoll, url, token, pid } = product
    const churn = await addTable(atoll, 'Churn', await readFile(churnFile, 'utf8'), 'churn')
    const penguins = await addTable(
      atoll,
      'Penguins',
      await readFile(join(root, 'examples', 'penguins', 'penguins.csv'), 'utf8'),
      'Species',
    )
    for (const algorithm of ['lightgbm', 'logistic_regression'])
      await train(atoll, { dataset: churn, target: 'churn', positive: 'yes', model: 'churn', algorithms: [algorithm] } as never)
    await train(atoll, { dataset: penguins, target: 'Species', model: 'penguins', algorithms: ['random_forest'] } as never)
    const { endpoints } = atoll
    const main = await endpoints.create({ name: 'churn', model: 'churn:1' })
    const sleepy = await endpoints.create({ name: 'penguins', model: 'penguins:1' })
    const many = await endpoints.create({ name: 'many', model: 'churn:2' })
    await endpoints.setScaling('penguins', { minWorkers: 0, idleSeconds: 1 })
    await endpoints.setHostedModels('many', {
      models: [
        { name: 'a', model: 'churn:1' },
        { name: 'b', model: 'penguins:1' },
      ],
      maxLoaded: 1,
    })
    const target = (endpoint: Endpoint, row: object, headers?: Record<string, string>): Target => ({
      path: `/v1/endpoints/${endpoint.id}/predict`,
      body: JSON.stringify({ rows: [row] }),
      headers,
    })
    const targets = [
      target(main, rowOf(main)),
      target(main, rowOf(main), { 'x-patient': 'p1' }),
      target(sleepy, rowOf(sleepy)),
      target(many, rowOf(many)),
      target(many, rowOf(main), { 'x-atoll-model': 'a' }),
      target(many, rowOf(sleepy), { 'x-atoll-model': 'b' }),
    ]
    const peak = await soak(url, token, targets, { clients, seconds: 10 })
    assert.deepEqual(peak.failed.slice(0, 3), [])
    const rate = peak.requests / peak.seconds

    const changes = changing(product)
    const began = Date.now()
    const memory: number[] = []
    const watching = setInterval(() => memory.push(residentMb(pid)), 5000)
    const steady = await soak(url, token, targets, { clients, seconds: minutes * 60, perSecond: rate / 4 })
    clearInterval(watching)
    const made = await changes.stop()
    const p99 = quantile(steady.times, 0.99)
    const calm = memory.slice(Math.floor(memory.length / 3))
    const half = Math.floor(calm.length / 2)
    const mean = (list: number[]) => list.reduce((sum, one) => sum + one, 0) / list.length
    const [first, second] = [mean(calm.slice(0, half)), mean(calm.slice(half))]
    t.diagnostic(
      `peak ${rate.toFixed(0)} requests/s; then ${steady.requests} requests in ${((Date.now() - began) / 60_000).toFixed(1)} min at a quarter of it, ` +
        `${made} deployments, promotions and rollbacks; ${steady.failed.length} failed; p50 ${quantile(steady.times, 0.5).toFixed(1)} ms, ` +
        `p99 ${p99.toFixed(1)} ms, longest ${quantile(steady.times, 1).toFixed(0)} ms; memory ${first.toFixed(0)} MB, then ${second.toFixed(0)} MB`,
    )
    assert.deepEqual(steady.failed.slice(0, 3), [])
    assert.ok(made >= minutes * 10, `${made} changes`)
    assert.ok(p99 <= mostP99Ms, `p99 ${p99} ms`)
    assert.ok(second <= first * 1.1 + 16, `memory grew from ${first} to ${second} MB`)
  })
})

/** Deploys, promotes, shares out and rolls back without end; a change that is refused fails the test. */
function changing({ atoll: { endpoints } }: Product) {
  let made = 0
  let isOver = false
  const other = { name: 'other', model: 'churn:2', weight: 30 }
  const steps = [
    () => endpoints.update('churn', { model: 'churn:2' }),
    () => endpoints.rollback('churn'),
    () => endpoints.setTraffic('churn', { variants: [other], sticky: { by: 'header', name: 'x-patient' } }),
    () => endpoints.promote('churn', { variant: 'other' }),
    () => endpoints.rollback('churn'),
    () => endpoints.setTraffic('churn', { variants: [{ ...other, weight: 0, shadow: true }] }),
    () => endpoints.setTraffic('churn', { variants: [] }),
  ]
  const working = (async () => {
    while (!isOver) {
      await steps[made % steps.length]!()
      made++
      await sleep(1500)
    }
  })()
  return {
    async stop() {
      isOver = true
      await working
      return made
    },
  }
}
