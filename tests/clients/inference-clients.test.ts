/** The unmodified tritonclient and kserve's client for Python against an Atoll. */
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { noPythonClients, runPythonClient } from './python-client.ts'
import { sampleImage, type TensorWorld, tensorWorld } from './tensor-world.ts'

const timeout = 150_000

describe('clients of the inference protocol', { skip: noPythonClients }, () => {
  let w: TensorWorld
  let folder: string
  before(async () => {
    w = await tensorWorld()
    folder = await mkdtemp(join(tmpdir(), 'atoll-clients-'))
    await writeFile(join(folder, 'image.png'), sampleImage)
  })
  after(async () => {
    await w.close()
    await rm(folder, { recursive: true })
  })

  const predict = async (endpoint: string, rows: object[]) => {
    const text = await w.endpoints.predictText(w.by, endpoint, {
      text: JSON.stringify({ rows }),
      body: () => ({ rows }),
      requestId: 'r',
    })
    return JSON.parse(text).predictions
  }
  const answersOf = (predictions: any[]) => ({
    label: predictions.map(({ label }) => label),
    probabilities: predictions.map(({ probabilities }) => [probabilities.no, probabilities.yes]),
  })
  const rows = [
    { a: 0.5, b: 1, state: 'OH' },
    { a: -1, b: 1, state: 'AK' },
    { a: 2, b: -3, state: 'OH' },
  ]

  test('tritonclient, with tensors in bytes and in JSON, packed, of every kind of number', { timeout }, async () => {
    const said = await runPythonClient('tritonclient_program.py', {
      ORIGIN: w.origin,
      TOKEN: w.token,
      IMAGE: join(folder, 'image.png'),
    })
    assert.deepEqual([said.live, said.ready, said.model_ready, said.id], [true, true, true, 'seven'])
    assert.equal(said.server.name, 'atoll')
    assert.deepEqual(said.metadata, said.of_version)
    assert.equal(said.config.max_batch_size, 10_000)
    assert.deepEqual(said.index.map(({ name }: { name: string }) => name).sort(), ['churn', 'clips', 'photos'])
    const expected = answersOf(await predict('churn', [...rows, { a: null, b: 0.25, state: 'ÅL' }]))

    for (const [how, answer] of Object.entries(said.answers)) assert.deepEqual(answer, expected, how)
    assert.deepEqual(said.large.shape, [3000, 2])
    assert.ok(Math.abs(said.large.sum - 3000) < 0.01)
    assert.equal(said.pixels.length, 2)
    const [photo] = await predict('photos', [{ photo: sampleImage.toString('base64') }])
    assert.deepEqual(said.file, [Object.values(photo.probabilities)])
    assert.deepEqual(said.sound, [1, 2])
    assert.match(said.top[0], /^0\.\d+:1:yes$/)
    assert.deepEqual(
      Object.values(said.refused as Record<string, string[]>).map(([status]) => status),
      ['422', '404', '401', '412'],
    )
    assert.match(said.refused.column[1], /lacks the column "b"/)
    assert.ok(said.statistics > 3000)
  })

  test('kserve’s InferenceRESTClient', { timeout }, async () => {
    const said = await runPythonClient('kserve_program.py', { ORIGIN: w.origin, TOKEN: w.token })
    assert.deepEqual([said.live, said.ready, said.model_ready], [true, true, true])
    const expected = answersOf(await predict('churn', rows))
    for (const how of ['json', 'binary']) assert.deepEqual(said[how], { id: 'mine', model: 'churn', ...expected }, how)
    assert.equal(said.refused[0], 422)
    assert.match(said.refused[1], /lacks the column "b"/)
  })
})
