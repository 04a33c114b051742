import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { tone, zipOf } from '../src/ports/media/testing.ts'
import { type TrainingWorld, trainingWorld } from './training-world.ts'

/** Speech through the whole product: recordings and transcripts, word error rate, both graphs proven, an endpoint that writes. */

const pitches = { low: 300, middle: 800, high: 2000 }

function recordings(each: number): { zip: Buffer; count: number } {
  const lines = ['recording,said']
  const entries = []
  for (const [word, hertz] of Object.entries(pitches))
    for (let i = 0; i < each; i++) {
      const name = `${word}-${i}.wav`
      entries.push({ name, content: tone(0.25 + 0.01 * i, { sampleRate: 16_000, hertz: hertz * (1 + 0.01 * i) }) })
      lines.push(`${name},a ${word} tone`)
    }
  entries.push({ name: 'table.csv', content: `${lines.join('\n')}\n` })
  return { zip: zipOf(entries), count: lines.length - 1 }
}

describe('speech', () => {
  let w: TrainingWorld
  let result: any
  before(async () => {
    w = await trainingWorld()
    const { zip } = recordings(7)
    const upload = await w.ask('POST', '/v1/uploads', { filename: 'tones.zip', sizeBytes: zip.length })
    await fetch(`${w.server.url}/v1/uploads/${upload.id}?offset=0`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${w.token}`, 'content-type': 'application/octet-stream' },
      body: new Uint8Array(zip),
    })
    const { job } = await w.ask('POST', '/v1/datasets', { name: 'tones', source: { upload: upload.id } })
    const ended = await w.ended(job)
    assert.equal(ended.state, 'succeeded', JSON.stringify(ended.failure))
  })
  after(() => w?.close())

  test('is written down by a network whose texts in Node are those of training', { timeout: 600_000 }, async () => {
    const { items } = await w.ask('GET', '/v1/datasets')
    const columns = items[0].latest.columns as { name: string; type: string }[]
    assert.equal(columns.find(({ type }) => type === 'audio') !== undefined, true, JSON.stringify(columns))
    await w.ask('POST', '/v1/goals', {
      name: 'few wrong words',
      dataset: 'tones',
      target: 'said',
      task: 'transcription',
      metric: 'word_error_rate',
      atMost: 0.9,
    })
    const job = await w.train({
      dataset: 'tones',
      goal: 'few wrong words',
      algorithms: ['audio_whisper'],
      options: { epochs: 12, batchSize: 8, learningRate: 0.004, validateEvery: 6 },
      search: { strategy: 'none', space: { audio_whisper: { width: 32, layers: 1, heads: 2, vocabulary: 290 } } },
      model: 'tones to words',
    })
    assert.equal(job.state, 'succeeded', JSON.stringify(job.failure))
    result = job.result
    assert.equal(result.served, 'onnx')
    assert.equal(result.parity.flips, 0)
    const { word_error_rate, perplexity } = result.test
    assert.ok(word_error_rate.low <= word_error_rate.value && word_error_rate.value <= word_error_rate.high)
    // Of some 290 tokens any could come next; few do in three sentences.
    assert.ok(perplexity.value < 20, JSON.stringify(result.test))
    assert.match(result.goal.sentence, /^Word error rate is .*the goal of at most 0\.9/)
    const { evaluation } = await w.ask('GET', `/v1/models/${result.modelId}/versions/1/details`)
    assert.equal(evaluation.texts.rows.length, evaluation.rows)
    assert.match(evaluation.texts.rows[0].wanted, /^a \w+ tone$/)
  })

  test('is answered by an endpoint, long recordings in parts with their seconds', { timeout: 60_000 }, async () => {
    await w.ask('POST', `/v1/models/${result.modelId}/versions/1/promote`, { to: 'approved' })
    await w.ask('POST', '/v1/endpoints', { name: 'ear', model: 'tones to words:1' })
    const { signature } = await w.ask('GET', '/v1/endpoints/ear')
    const [{ name: column }] = signature.inputs
    const ask = (content: Buffer) =>
      w.call('POST', '/v1/endpoints/ear/predict', { body: { rows: [{ [column]: content.toString('base64') }] } })
    const long = tone(3, { sampleRate: 8000, hertz: 300 })
    let answer = await ask(long)
    for (let tries = 0; answer.status === 503 && tries < 100; tries++) {
      await new Promise((resolve) => setTimeout(resolve, 100))
      answer = await ask(long)
    }
    const [{ text, segments }] = answer.json.predictions
    assert.ok(segments.length > 5, answer.text)
    assert.equal(segments[0].start, 0)
    assert.equal(segments.at(-1).end, 3)
    for (const [i, one] of segments.entries()) if (i > 0) assert.equal(one.start, segments[i - 1].end)
    assert.equal(
      text,
      segments
        .map((one: any) => one.text)
        .filter(Boolean)
        .join(' '),
    )
    const none = await ask(tone(0, { sampleRate: 16_000 }))
    assert.equal(none.status, 422, none.text)
    assert.match(none.text, /no sound|no samples/)
  })

  test('what cannot be learned is refused in a sentence', { timeout: 60_000 }, async () => {
    const refused = async (body: object) =>
      (await w.call('POST', '/v1/training-jobs', { body: { dataset: 'tones', ...body } })).text
    assert.match(await refused({ target: 'said', task: 'transcription', metric: 'f1' }), /does not fit/)
    assert.match(await refused({ target: 'seconds', task: 'transcription' }), /of type number; for the task transcription/)
  })
})
