import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { type TrainingWorld, trainingWorld } from './training-world.ts'

const penguins = readFileSync(new URL('../examples/penguins/penguins.csv', import.meta.url), 'utf8')

describe('training without a target', () => {
  let w: TrainingWorld

  before(async () => {
    w = await trainingWorld()
    await w.addTable('penguins', penguins)
  })
  after(() => w?.close())

  const predict = async (model: string, rows: unknown[]) => {
    const endpoint = await w.ask('POST', '/v1/endpoints', { model, name: model, overrideReason: 'no goal is set in this test' })
    return (await w.ask('POST', `/v1/endpoints/${endpoint.id}/predict`, { rows })).predictions
  }
  const row = {
    Island: 'Biscoe',
    'Beak Length (mm)': 47,
    'Beak Depth (mm)': 15,
    'Flipper Length (mm)': 217,
    'Body Mass (g)': 5200,
    Sex: 'MALE',
  }

  test('finds groups, judges them on sealed rows, proves the graph and answers with a group', async () => {
    const job = await w.train({
      dataset: 'penguins',
      task: 'clustering',
      algorithms: ['kmeans'],
      options: { clusters: 3, labelColumn: 'Species' },
      model: 'groups',
    })
    assert.equal(job.state, 'succeeded', JSON.stringify(job.failure))
    const version = await w.ask('GET', '/v1/models/groups/versions/1')
    assert.deepEqual(
      [version.target, version.task, version.parity.passed, version.parity.served],
      [null, 'clustering', true, 'onnx'],
    )
    assert.ok(version.test.silhouette.low <= version.test.silhouette.value)
    assert.ok(version.test.adjusted_rand.value > 0.4, 'known species were compared')
    assert.ok(!version.signature.inputs.some((one: any) => one.name === 'Species'), 'and not learnt from')
    const { explain } = await w.ask('GET', '/v1/models/groups/versions/1/details')
    assert.equal(explain.groups.length, 3)
    const map = await w.call('GET', '/v1/models/groups/versions/1/files/map.json')
    assert.ok(JSON.parse(map.text).layouts.umap.length > 200)
    const [answer, nothing] = await predict('groups', [row, Object.fromEntries(Object.keys(row).map((name) => [name, null]))])
    assert.ok([0, 1, 2].includes(answer.cluster) && answer.distances.length === 3)
    assert.ok([0, 1, 2].includes(nothing.cluster))
  })

  test('scores anomalies in Node as the trees say', async () => {
    const job = await w.train({
      dataset: 'penguins',
      task: 'anomaly',
      algorithms: ['random_cut_forest'],
      search: { strategy: 'none', space: { random_cut_forest: { trees: 20, sample: 64 } } },
      options: { contamination: 0.05 },
      model: 'strange',
    })
    assert.equal(job.state, 'succeeded', JSON.stringify(job.failure))
    const version = await w.ask('GET', '/v1/models/strange/versions/1')
    assert.deepEqual([version.parity.passed, version.parity.flips, version.parity.served], [true, 0, 'onnx'])
    const gentoo = { ...row, Species: 'Gentoo' }
    const [usual, far] = await predict('strange', [gentoo, { ...gentoo, 'Body Mass (g)': 60_000 }])
    assert.ok(far.score > 3 * usual.score && far.isAnomaly && !usual.isAnomaly, JSON.stringify([usual, far]))
  })

  test('is made again and is the same', async () => {
    const { job } = await w.ask('POST', '/v1/models/strange/versions/1/replay')
    const { state, failure, result } = (await w.ended(job.id)) as any
    assert.equal(state, 'succeeded', JSON.stringify(failure))
    assert.deepEqual([result.same, result.flips, result.rows > 0], [true, 0, true], result.sentence)
  })

  test('says which option is wrong', async () => {
    const job = await w.train({ dataset: 'penguins', task: 'clustering', options: { labelColumn: 'Specie' }, model: 'wrong' })
    assert.equal(job.state, 'failed')
    assert.match(JSON.stringify(job.failure), /no label column.*Did you mean/)
  })
})
