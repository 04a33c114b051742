/** Batch transforms through the whole platform: files and data sets in, files and versions out, bad rows, other people's things, a stop half-way. */
import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { binarySignature } from '../src/domains/endpoints/testing.ts'
import type { Signature } from '../src/domains/registry/schema.ts'
import { pdfOf } from '../src/ports/media/documents/testing.ts'
import { zipOf } from '../src/ports/media/testing.ts'
import { zip } from './attacks/zip.ts'
import { type ModelWorld, modelWorld } from './model-world.ts'

const people = (rows: number, bad: Record<number, string> = {}): string => {
  const lines = ['id,a,b,state']
  for (let i = 0; i < rows; i++)
    lines.push(bad[i] ?? `${i},${((i * 37) % 101) / 50 - 1},${((i * 11) % 13) / 6},${['OH', 'AK', 'TX'][i % 3]}`)
  return `${lines.join('\n')}\n`
}
const csvRows = (text: string): Record<string, string>[] => {
  const [head, ...lines] = text
    .trim()
    .split('\n')
    .map((line) => line.split(','))
  return lines.map((cells) => Object.fromEntries(cells.map((cell, i) => [head![i]!, cell])))
}

describe('batch transforms', () => {
  let w: ModelWorld
  before(async () => {
    w = await modelWorld()
    await w.register('churn')
  })
  after(() => w.close())

  async function run(body: Record<string, unknown>): Promise<any> {
    const made = await w.ask('POST', '/v1/transforms', body)
    await w.ended(made.job)
    return w.ask('GET', `/v1/transforms/${made.id}`)
  }
  const result = async (id: string) => (await w.call('GET', `/v1/transforms/${id}/result`)).text

  test('a CSV file gets the answers that the endpoint gives, row by row, in its order', async () => {
    const csv = people(3000)
    const done = await run({ model: 'churn', input: { upload: await w.upload('people.csv', csv) }, output: { format: 'csv' } })
    assert.equal(done.state, 'succeeded', done.failure)
    assert.deepEqual(done.result.answers, ['predicted_label', 'predicted_probability_no', 'predicted_probability_yes'])
    const rows = csvRows(await result(done.id))
    assert.equal(rows.length, 3000)
    await w.ask('POST', '/v1/endpoints', { name: 'live', model: 'churn', overrideReason: null })
    const asked = rows.slice(0, 500).map(({ a, b, state }) => ({ a: Number(a), b: Number(b), state }))
    const { predictions } = await w.ask('POST', '/v1/endpoints/live/predict', { rows: asked })
    for (const [i, { label, probabilities }] of predictions.entries()) {
      assert.equal(rows[i]!.id, String(i))
      assert.equal(rows[i]!.predicted_label, label)
      assert.ok(Math.abs(Number(rows[i]!.predicted_probability_yes) - probabilities.yes) < 1e-6)
    }
  })

  test('a Parquet result of a data set becomes a data set of its own, and a further version of the one it was', async () => {
    const source = await w.addTable('people', people(500))
    const made = await run({
      endpoint: 'live',
      input: { dataset: 'people' },
      keep: ['id'],
      prefix: 'says_',
      output: { format: 'parquet', dataset: { name: 'answered' } },
    })
    assert.equal(made.state, 'succeeded', made.failure)
    assert.deepEqual(made.result.columns, ['id', 'says_label', 'says_probability_no', 'says_probability_yes'])
    const answered = await w.ask('GET', '/v1/datasets/answered')
    assert.deepEqual(answered.latest.columns.map(({ name, type }: any) => `${name} ${type}`).slice(-3), [
      'says_label category',
      'says_probability_no number',
      'says_probability_yes number',
    ])
    assert.equal(answered.latest.rows, 500)
    assert.equal(answered.latest.derivedFrom.version, (await w.ask('GET', '/v1/datasets/people')).latest.id)
    const preview = await w.ask('GET', `/v1/transforms/${made.id}/rows?limit=3&offset=1`)
    assert.deepEqual(
      preview.rows.map(([id]: any) => Number(id)),
      [1, 2, 3],
    )
    const more = await run({
      model: 'churn',
      input: { dataset: 'people' },
      output: { format: null, dataset: { addTo: 'input' } },
    })
    assert.equal(more.state, 'succeeded', more.failure)
    assert.equal(more.result.dataset.id, source.id)
    const grown = await w.ask('GET', '/v1/datasets/people')
    assert.equal(grown.latest.number, 2)
    // The grown version is a table like any other: it can be asked about again, under another prefix.
    const page = await w.ask('GET', '/v1/datasets/people/rows?limit=2')
    assert.ok(page.columns.includes('predicted_label'))
    const taken = await run({ model: 'churn', input: { dataset: 'people' } })
    assert.match(taken.failure, /have a column "predicted_label" already. Choose another prefix/)
  })

  test('a row without an answer ends the work, or says why', async () => {
    const bad = { 7: '7,much,1,OH', 1500: '1500,inf,1,OH', 1700: '1700,,1,OH' }
    const csv = people(2000, bad)
    const failed = await run({ model: 'churn', input: { upload: await w.upload('bad.csv', csv) } })
    assert.equal(failed.state, 'failed')
    assert.match(failed.failure, /Row 7: Column "a": "much" is not a number/)
    const done = await run({
      model: 'churn',
      input: { upload: await w.upload('bad.csv', csv) },
      onBad: 'null',
      output: { format: 'jsonl' },
    })
    assert.equal(done.state, 'succeeded', done.failure)
    assert.equal(done.result.bad, 2)
    const rows = (await result(done.id))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    assert.equal(rows[7].predicted_label, null)
    assert.match(rows[7].predicted_error, /"much" is not a number/)
    assert.match(rows[1500].predicted_error, /"inf" is not a number/)
    assert.equal(rows[1700].predicted_error, null)
    assert.ok(rows[1700].predicted_label)
  })

  test('documents of many kinds are rows, by document or by page; one that cannot be read says why and others are answered', async () => {
    const words: Signature = {
      ...binarySignature,
      task: 'embedding',
      target: null,
      classes: null,
      positive: null,
      threshold: null,
      inputs: [{ name: 'word', type: 'text', tensor: 'strings', index: 0, nullable: true, example: 'sun' }],
      outputs: [{ name: 'vector', width: 4 }],
    }
    await w.register('words', { graph: 'words', signature: words })
    const word = '<w:document><w:body><w:p><w:r><w:t>sun</w:t></w:r></w:p></w:body></w:document>'
    const archive = zipOf([
      { name: 'notes/a.txt', content: 'sun' },
      { name: 'notes/b.html', content: '<p>rain</p><script>sun</script>' },
      { name: 'notes/c.docx', content: zipOf([{ name: 'word/document.xml', content: word }]) },
      { name: 'notes/d.pdf', content: pdfOf(['sun', '', 'rain']) },
      { name: 'notes/broken.pdf', content: 'no pdf' },
      { name: 'notes/table.csv', content: 'a,b' },
      { name: '../out.txt', content: 'sun' },
    ])
    const input = async () => ({ upload: await w.upload('notes.zip', archive) })
    const done = await run({ model: 'words', input: await input(), output: { format: 'jsonl' } })
    assert.equal(done.state, 'succeeded', done.failure)
    const lines = async (id: string) =>
      (await result(id))
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line))
    const rows = await lines(done.id)
    assert.deepEqual(
      rows.map(({ path, page, text }) => [path, page, text]),
      [
        ['notes/a.txt', null, 'sun'],
        ['notes/b.html', null, 'rain'],
        ['notes/c.docx', null, 'sun'],
        ['notes/d.pdf', null, 'sun\n\nrain'],
        ['notes/broken.pdf', null, null],
      ],
    )
    assert.equal(rows[0].predicted_vector, rows[2].predicted_vector)
    assert.notEqual(rows[0].predicted_vector, rows[1].predicted_vector)
    assert.equal(rows[4].predicted_vector, null)
    assert.match(rows[4].predicted_error, /is no PDF, whatever its name says/)
    assert.equal(done.result.bad, 1)
    const { unread, leftOut, files } = done.result.documents
    assert.deepEqual([files, unread.map(({ path }: any) => path)], [5, ['notes/broken.pdf']])
    assert.deepEqual(leftOut.map(({ path }: any) => path).sort(), ['../out.txt', 'notes/table.csv'])

    const pages = await run({
      model: 'words',
      input: { ...(await input()), documents: 'page' },
      keep: ['path', 'page'],
      output: { format: 'jsonl', dataset: { name: 'notes' } },
    })
    assert.equal(pages.state, 'succeeded', pages.failure)
    const ofPdf = (await lines(pages.id)).filter(({ path }) => path === 'notes/d.pdf')
    assert.deepEqual(
      ofPdf.map(({ page, predicted_error }) => [page, predicted_error]),
      [
        [1, null],
        [2, 'This page holds no text.'],
        [3, null],
      ],
    )
    const kept = await w.ask('GET', '/v1/datasets/notes')
    assert.deepEqual(
      kept.latest.columns.map(({ name }: any) => name),
      ['path', 'page', 'text', 'predicted_vector', 'predicted_error'],
    )
    const none = await run({ model: 'words', input: { upload: await w.upload('x.pdf', 'no pdf') } })
    assert.match(none.failure, /"x.pdf" is no PDF/)
    const prompted = await w.call('POST', '/v1/transforms', {
      body: { model: 'words', input: { dataset: 'notes' }, prompt: 'Say {{text}}' },
    })
    assert.match(prompted.text, /Only a language model takes a prompt/)
  })

  test('what does not go together is refused in words', async () => {
    const upload = await w.upload('short.csv', 'a,state\n1,OH\n')
    const refused = async (body: Record<string, unknown>, status: number, words: RegExp) => {
      const reply = await w.call('POST', '/v1/transforms', { body })
      assert.equal(reply.status, status, reply.text)
      assert.match(reply.text, words)
    }
    await refused({ model: 'churn', endpoint: 'live', input: { upload } }, 400, /either a \\"model\\" or an \\"endpoint\\"/)
    await refused({ model: 'nobody', input: { upload } }, 404, /no model/)
    await refused({ model: 'churn', input: { dataset: 'nothing' } }, 404, /no data set/)
    await refused({ model: 'churn', input: { dataset: 'people', part: 'train' } }, 400, /go together/)
    await refused({ model: 'churn', input: { upload }, output: { dataset: { addTo: 'input' } } }, 400, /of no data set/)
    await refused(
      { model: 'churn', input: { dataset: 'people' }, output: { dataset: { name: 'answered' } } },
      409,
      /already a data set/,
    )
    const lacking = await run({ model: 'churn', input: { upload } })
    assert.match(lacking.failure, /lack the column that the model reads: b/)
    const renamed = await run({
      model: 'churn',
      input: { upload: await w.upload('x.csv', 'x,a,state\n1,2,OH\n') },
      inputs: { b: 'x' },
      output: { format: 'jsonl' },
    })
    assert.equal(JSON.parse(await result(renamed.id)).predicted_label, 'yes')
  })

  test('another person neither sees a private transform nor asks about what they may not see', async () => {
    const mine = await run({ model: 'churn', input: { dataset: 'people' }, visibility: 'private', prefix: 'p_' })
    const other = await w.person('Mallory', 'editor')
    const as = { token: other.token }
    for (const path of ['', '/result', '/rows'])
      assert.equal((await w.call('GET', `/v1/transforms/${mine.id}${path}`, as)).status, 404)
    assert.equal((await w.call('POST', `/v1/transforms/${mine.id}/cancel`, as)).status, 404)
    const upload = await w.upload('mine.csv', people(3))
    const stolen = await w.call('POST', '/v1/transforms', { ...as, body: { model: 'churn', input: { upload } } })
    assert.equal(stolen.status, 404)
    const viewer = await w.person('Vera', 'viewer')
    const asViewer = await w.call('POST', '/v1/transforms', {
      token: viewer.token,
      body: { model: 'churn', input: { dataset: 'people' } },
    })
    assert.equal(asViewer.status, 403)
  })

  test('hostile files and names end in a sentence, or are only names', { timeout: 60_000 }, async () => {
    const odd = { ...binarySignature, classes: [`it's "no"`, "'); DROP--"], positive: "'); DROP--" }
    await w.register('odd', { signature: odd })
    await w.register('cased', { signature: { ...binarySignature, classes: ['Yes', 'yes'] } })
    const parquet = async (select: string) => {
      const folder = await mkdtemp(join(tmpdir(), 'atoll-parquet-'))
      const path = join(folder, 'x.parquet')
      const statements = [{ sql: `COPY (${select}) TO '${path}' (FORMAT parquet)` }]
      await w.platform.tables.run({ folders: [folder], statements })
      const bytes = await readFile(path)
      await rm(folder, { recursive: true })
      return w.upload('x.parquet', bytes)
    }
    const strange = await run({
      model: 'odd',
      input: { upload: await parquet(`SELECT 1.0 AS a, 2.0 AS b, 'OH' AS state, 5 AS "x""; DROP TABLE --", '=1+1' AS f`) },
      output: { format: 'csv' },
    })
    assert.equal(strange.state, 'succeeded', strange.failure)
    const csv = await result(strange.id)
    assert.match(csv, /x""; DROP TABLE --/)
    assert.match(csv, /'=1\+1/)
    assert.match(csv, /'\); DROP--/)
    const cased = await run({ model: 'cased', input: { upload: await parquet("SELECT 1.0 AS a, 2.0 AS b, 'OH' AS state") } })
    assert.deepEqual(cased.result.answers.slice(1), ['predicted_probability_Yes', 'predicted_probability_yes_2'])
    // Types as other programs write them.
    const types = await run({
      model: 'churn',
      onBad: 'null',
      output: { format: 'jsonl' },
      input: {
        upload: await parquet(
          `SELECT 3::TINYINT AS a, 1.5::DECIMAL(10, 2) AS b, NULL::VARCHAR AS state, now() AS at UNION ALL SELECT 4, 2.5, 'OH', NULL`,
        ),
      },
    })
    assert.equal(types.state, 'succeeded', types.failure)
    assert.equal(types.result.bad, 0)
    for (const [name, content, words] of [
      [
        'cut.parquet',
        Buffer.concat([Buffer.from('PAR1'), Buffer.alloc(200, 7), Buffer.from('PAR1')]),
        /cannot be read as such|not Parquet/i,
      ],
      ['picture.csv', Buffer.from('\x89PNG\r\n\x1a\n0000', 'latin1'), /an image/],
      ['empty.csv', Buffer.from('a,b,state\n'), /no rows below it/],
      ['archive.zip', Buffer.from('PK\x03\x04 nothing'), /./],
    ] as const) {
      const failed = await run({ model: 'churn', input: { upload: await w.upload(name, content) } })
      assert.equal(failed.state, 'failed', name)
      assert.match(failed.failure, words, name)
      assert.doesNotMatch(failed.failure, /\/tmp\//, name)
    }
    const taken = await run({
      model: 'churn',
      input: { upload: await parquet("SELECT 1.0 AS a, 2.0 AS b, 'OH' AS state, 1 AS FILE_ROW_NUMBER") },
    })
    assert.match(taken.failure, /may not have a column "file_row_number"/)
  })

  test('images are read from the items of their archive; a broken one says so and harms no other', {
    timeout: 60_000,
  }, async () => {
    const media = new URL('../src/ports/inference/fixtures/media/', import.meta.url)
    const images = JSON.parse(await readFile(new URL('images.json', media), 'utf8')) as Record<string, { file: string }>
    const photo = { name: 'image', type: 'image', tensor: 'image', index: 0, nullable: false, size: [8, 8], channels: 3 }
    await w.register('photos', {
      graph: 'media/image',
      beside: ['preprocess.onnx'],
      signature: {
        ...{ task: 'multilabel', target: 'what', classes: ['red', 'green', 'blue'], thresholds: [0.2, 0.2, 0.9] },
        ...{ positive: null, threshold: null, tolerance: 1e-4, inputs: [photo as never] },
      },
    })
    const [first, second] = Object.entries(images).filter(([name]) => /png|jpe?g/i.test(name))
    const archive = zip([
      { name: 'a/one.png', data: Buffer.from(first![1].file, 'base64') },
      { name: 'b/two.png', data: Buffer.from(second![1].file, 'base64') },
    ])
    const done = await run({
      model: 'photos',
      input: { upload: await w.upload('photos.zip', archive) },
      output: { format: 'jsonl' },
      onBad: 'null',
    })
    assert.equal(done.state, 'succeeded', done.failure)
    const rows = (await result(done.id))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    assert.equal(rows.length, 2)
    assert.ok(
      rows.every((row) => row.predicted_labels !== null && row.predicted_error === null),
      JSON.stringify(rows),
    )
  })
})
