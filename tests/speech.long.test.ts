import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { zipOf } from '../src/ports/media/testing.ts'
import { type TrainingWorld, trainingWorld } from './training-world.ts'

/** A folder of WAV files with `transcripts.csv` (file, text): people's voices are not ours to give away. */
const folder = process.env.ATOLL_RECORDINGS ?? 'recordings'
const skip = existsSync(join(folder, 'transcripts.csv'))
  ? false
  : 'set ATOLL_RECORDINGS to a folder with transcripts.csv and its recordings'

const clips = 30
/** Of 16 bits at 16,000 a second: about a second, so that two cores learn them in minutes. */
const mostBytes = 33_000

let w: TrainingWorld
before(async () => {
  w = await trainingWorld()
})
after(() => w?.close())

/** The same clips in each part: whether they are remembered, not whether speech is understood, is what is asked here. */
function archive(): Buffer {
  const [, ...lines] = readFileSync(join(folder, 'transcripts.csv'), 'utf8').trim().split('\n')
  const chosen = lines
    .map((line) => line.split(','))
    .map(([file, text]) => ({ file: file!, text: text!, content: readFileSync(join(folder, file!)) }))
    .filter(({ content }) => content.length <= mostBytes)
    .slice(0, clips)
  assert.equal(chosen.length, clips)
  const entries: { name: string; content: Buffer | string }[] = []
  const table = ['file,text,part']
  for (const part of ['train', 'validation', 'test'])
    for (const { file, text, content } of chosen) {
      entries.push({ name: `${part}/${file}`, content })
      table.push(`${part}/${file},${text},${part}`)
    }
  return zipOf([...entries, { name: 'transcripts.csv', content: `${table.join('\n')}\n` }])
}

test('a small Whisper remembers 30 clips, and writes the same in Node as in Python', { skip, timeout: 3_600_000 }, async (t) => {
  const zip = archive()
  const upload = await w.ask('POST', '/v1/uploads', { filename: 'clips.zip', sizeBytes: zip.length })
  await fetch(`${w.server.url}/v1/uploads/${upload.id}?offset=0`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${w.token}`, 'content-type': 'application/octet-stream' },
    body: new Uint8Array(zip),
  })
  const { job } = await w.ask('POST', '/v1/datasets', { name: 'clips', source: { upload: upload.id } })
  assert.equal((await w.ended(job)).state, 'succeeded')
  const trained = await w.train({
    dataset: 'clips',
    target: 'text',
    task: 'transcription',
    metric: 'word_error_rate',
    algorithms: ['audio_whisper'],
    options: { epochs: 100, batchSize: 5, learningRate: 0.001, validateEvery: 25 },
    model: 'clips to words',
  })
  assert.equal(trained.state, 'succeeded', JSON.stringify(trained.failure))
  const { test: sealed, parity, served } = trained.result as any
  t.diagnostic(
    `word error rate ${sealed.word_error_rate.value.toFixed(3)}; ${parity.flips} of ${parity.rows} texts differ; ${trained.cost?.cpuSeconds.toFixed(0)} s of processor time`,
  )
  assert.ok(sealed.word_error_rate.value < 0.1, String(sealed.word_error_rate.value))
  assert.equal(served, 'onnx')
  assert.deepEqual([parity.rows, parity.flips], [clips, 0])
})
