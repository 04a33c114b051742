import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { Metadata } from '../../../ports/metadata/metadata.ts'
import { openSqlite } from '../../../ports/metadata/sqlite.ts'
import { onEachDatabase } from '../../../ports/metadata/testing.ts'
import { openDuckDb } from '../../../ports/tables/duckdb.ts'
import { parquet } from '../../../ports/tables/sql.ts'
import { pseudonym } from '../../datasets/import/pseudonym.ts'
import { EndpointInput, PredictOutput } from '../schema.ts'
import { binarySignature, servingMigrations, servingWorld } from '../testing.ts'
import { TruthInput } from './schema.ts'
import { accuracyOf, f1Of, maeOf } from './scores.ts'

type World = Awaited<ReturnType<typeof servingWorld>> & { place: string }

const tables = openDuckDb({ heavy: 1, idleMs: 1000 })
after(() => tables.close())

async function inWorld(metadata: Metadata, work: (w: World) => Promise<void>): Promise<void> {
  const place = await mkdtemp(join(tmpdir(), 'atoll-truth-'))
  // Uploads are of a lower domain: here a file stands for each.
  const uploads = {
    open: async (_: unknown, { upload }: { upload: string }) => ({ path: join(place, upload), filename: upload }),
    forget: async () => {},
  }
  const w = await servingWorld(metadata, { uploads: uploads as never })
  try {
    await work({ ...w, place })
  } finally {
    await w.endpoints.close()
    await w.done()
    await rm(place, { recursive: true })
  }
}

const onBoth = (name: string, work: (w: World) => Promise<void>) =>
  onEachDatabase(name, servingMigrations, (metadata) => inWorld(metadata, work))

const onSqlite = (name: string, work: (w: World) => Promise<void>) =>
  test(name, { timeout: 60_000 }, async () => {
    const metadata = openSqlite({ file: ':memory:' })
    await metadata.migrate(servingMigrations)
    await inWorld(metadata, work)
    await metadata.close()
  })

let requests = 0

async function predict(w: World, body: unknown, ref = 'live') {
  const text = JSON.stringify(body)
  const requestId = `req_${++requests}`
  return PredictOutput.parse(
    JSON.parse(await w.endpoints.predictText(w.by, ref, { body: () => JSON.parse(text), text, requestId })),
  ).predictions
}

const give = (w: World, items: object[]) => w.endpoints.truth.give(w.by, 'live', TruthInput.parse({ items }))
const refusal = (work: Promise<unknown>) =>
  work.then(
    () => assert.fail('it was accepted'),
    (error) => error,
  )
const soon = () => Date.now() + 1000

async function deploy(w: World, capture: object = {}) {
  await w.register('churn')
  return w.endpoints.create(w.by, EndpointInput.parse({ model: 'churn', name: 'live', capture }))
}

onBoth('truth joins predictions by id and by key, newest first, however often it is told', async (w) => {
  const endpoint = await deploy(w, { key: 'customer' })
  const sent = [
    { a: 1, b: 1, state: 'OH', customer: 'c1' },
    { a: 0, b: -4, state: 'AK', customer: 'c2' },
    { a: null, b: 2, state: null, customer: 33 },
  ]
  const many = await predict(w, { rows: sent })
  const [one] = await predict(w, { row: { a: -1, b: 0, state: 'AK' } })
  const told = [
    { id: many[0]!.id, value: 'yes' },
    { key: 'c2', value: 'yes' },
    { key: 33, value: 'no' },
    { id: one!.id, value: 'no' },
    { id: 'req_absent', value: 'no' },
  ]
  const first = await give(w, told)
  assert.deepEqual(first, { stored: 5, unchanged: 0, empty: 0, unmatched: 1, unmatchedExamples: ['req_absent'] })
  const at = new Date(0).toISOString()
  const old = await give(w, [{ key: 'c2', value: 'no', at }])
  assert.deepEqual([old.stored, old.unchanged, old.unmatched], [0, 1, 0])

  const window = { endpointId: endpoint.id, fromMs: 0, toMs: soon() }
  assert.equal(await w.endpoints.countLabelled(endpoint.id, 0, soon()), 4)
  assert.equal(await w.endpoints.countLabelled(endpoint.id, 0, 5), 0)
  const { file, rows } = await w.endpoints.labelledRows(window, w.place)
  assert.equal(rows, 4)
  const [found] = await tables.run({
    folders: [w.place],
    statements: [
      {
        sql: `SELECT a, b, state, __id, __version, __variant, __label, __probabilities, __truth, "__at" FROM ${parquet(file)} ORDER BY b`,
      },
    ],
  })
  assert.deepEqual(
    found!.rows.map(([a, b, state, id, , variant, label, , truth]) => [a, b, state, id, variant, label, truth]),
    [
      [0, -4, 'AK', many[1]!.id, 'main', 'no', 'yes'],
      [-1, 0, 'AK', one!.id, 'main', 'no', 'no'],
      [1, 1, 'OH', many[0]!.id, 'main', 'yes', 'yes'],
      [null, 2, null, many[2]!.id, 'main', 'yes', 'no'],
    ],
  )
  const [, , , , version, , , probabilities, , when] = found!.rows[0]!
  assert.equal(version, endpoint.version)
  assert.deepEqual(Object.keys(JSON.parse(probabilities as string)).sort(), ['no', 'yes'])
  assert.ok(Math.abs(Date.parse(when as string) - Date.now()) < 60_000)

  const summary = await w.endpoints.truth.summary(w.by, 'live', { days: 1 })
  assert.deepEqual([summary.truths, summary.captured, summary.labelled, summary.score?.rows], [5, 4, 4, 4])
  assert.equal(summary.score?.accuracy?.value, 0.5)
  assert.equal(summary.score?.f1?.value, 0.5)
  assert.equal(
    summary.days.reduce((sum, day) => sum + day.labelled, 0),
    4,
  )
  assert.deepEqual(summary.variants, [{ variant: 'main', captured: 4, labelled: 4 }])

  await give(w, [{ id: one!.id, value: null }])
  assert.equal(await w.endpoints.countLabelled(endpoint.id, 0, soon()), 3)
})

onSqlite('a request that is repeated under its key counts once', async (w) => {
  const endpoint = await deploy(w)
  const body = {
    rows: [
      { a: 1, b: 1, state: 'OH' },
      { a: -1, b: -1, state: 'OH' },
    ],
  }
  const request = { body: () => body, text: JSON.stringify(body), requestId: 'req_again' }
  for (let i = 0; i < 3; i++) await w.endpoints.predictText(w.by, 'live', request)
  await give(
    w,
    [0, 1].map((i) => ({ id: `req_again.${i}`, value: 'yes' })),
  )
  assert.equal(await w.endpoints.countLabelled(endpoint.id, 0, soon()), 2)
  const { file, rows } = await w.endpoints.labelledRows({ endpointId: endpoint.id, fromMs: 0, toMs: soon() }, w.place)
  const [found] = await tables.run({ folders: [w.place], statements: [{ sql: `SELECT count(*) FROM ${parquet(file)}` }] })
  assert.deepEqual([rows, found!.rows[0]![0]], [2, 2])
  const summary = await w.endpoints.truth.summary(w.by, 'live', { days: 1 })
  assert.deepEqual([summary.captured, summary.labelled, summary.score?.rows], [2, 2, 2])
})

onSqlite('what cannot be true, or names nothing, is refused by its place; then nothing is kept', async (w) => {
  await deploy(w)
  const wrong = await refusal(
    give(w, [
      { id: 'x', value: 'yes' },
      { id: 'y', value: 'maybe' },
    ]),
  )
  assert.match(wrong.message, /^Item 1: the truth must be one of the classes no, yes, not "maybe"\.$/)
  assert.deepEqual([wrong.code, wrong.facts.item], ['invalid_input', 1])
  assert.match((await refusal(give(w, [{ key: 'c1', value: 'yes' }]))).message, /captures no key/)
  assert.equal(TruthInput.safeParse({ items: [{ id: 'x', key: 'y', value: 'yes' }] }).success, false)
  assert.equal(TruthInput.safeParse({ items: [{ value: 'yes' }] }).success, false)
  assert.equal((await w.endpoints.truth.summary(w.by, 'live', { days: 1 })).truths, 0)
  const viewer = await w.person('Vera', 'viewer')
  const item = TruthInput.parse({ items: [{ id: 'x', value: 'yes' }] })
  assert.equal((await refusal(w.endpoints.truth.give(viewer, 'live', item))).code, 'forbidden')
  const stranger = await w.person('Sam', null)
  assert.equal((await refusal(w.endpoints.truth.give(stranger, 'live', item))).code, 'not_found')
})

onSqlite('a file of truth is read whole or refused by row; Parquet and CSV say the same', async (w) => {
  const endpoint = await deploy(w, { key: 'customer' })
  await predict(w, { rows: [1, 2, 3].map((n) => ({ a: n, b: n, state: 'OH', customer: `00${n}` })) })
  const upload = (name: string) => w.endpoints.truth.give(w.by, 'live', TruthInput.parse({ upload: name }))
  await writeFile(join(w.place, 'a.csv'), '\ufeffkey,value,at\r\n001,yes,2026-01-31T12:00:00Z\r\n002,,\r\n003,no,\r\n009,no,\r\n')
  const told = await upload('a.csv')
  assert.deepEqual(told, { stored: 3, unchanged: 0, empty: 1, unmatched: 1, unmatchedExamples: ['009'] })
  assert.equal(await w.endpoints.countLabelled(endpoint.id, 0, soon()), 2)
  await tables.run({
    folders: [w.place],
    statements: [{ sql: `COPY (SELECT '002' AS key, 'yes' AS "Value") TO '${w.place}/b.parquet' (FORMAT parquet)` }],
  })
  assert.equal((await upload('b.parquet')).stored, 1)
  assert.equal(await w.endpoints.countLabelled(endpoint.id, 0, soon()), 3)

  const cases: [string, RegExp][] = [
    ['key,value\n001,yes\n002,perhaps\n', /^Row 2 of the file: the truth must be one of the classes no, yes, not "perhaps"/],
    ['key,value\n,yes\n', /^Row 1 of the file: it has a value and no key/],
    ['key,value,at\n001,yes,tomorrow\n', /^Row 1 of the file: "at" must be a time/],
    ['customer,value\n001,yes\n', /needs the columns "value" and either "id" or "key"; it has customer, value/],
    ['id,key,value\n1,001,yes\n', /needs the columns/],
  ]
  for (const [text, message] of cases) {
    await writeFile(join(w.place, 'bad.csv'), text)
    assert.match((await refusal(upload('bad.csv'))).message, message)
  }
  assert.equal((await w.endpoints.truth.summary(w.by, 'live', { days: 1 })).truths, 4)
})

onSqlite('a policy that contradicts itself or the model is refused', async (w) => {
  await w.register('churn')
  const make = (capture: object) =>
    refusal(w.endpoints.create(w.by, EndpointInput.parse({ model: 'churn', name: 'live', capture })))
  assert.match((await make({ hide: ['absent'] })).message, /no input "absent" to hide/)
  assert.match((await make({ hide: ['state'], key: 'state' })).message, /cannot be hidden and be the key/)
  assert.match((await make({ hash: ['absent'] })).message, /no input "absent" to hash/)
  assert.match((await make({ hash: ['a'], hide: ['a'] })).message, /choose one/)
})

onSqlite('a key beside the inputs is not given to the model; without one the field is refused', async (w) => {
  await deploy(w, { key: 'customer' })
  const [plain] = await predict(w, { row: { a: 1, b: 1, state: 'OH' } })
  const [keyed] = await predict(w, { row: { a: 1, b: 1, state: 'OH', customer: 'x' } })
  assert.deepEqual(keyed!.probabilities, plain!.probabilities)
  assert.match(
    (await refusal(predict(w, { row: { a: 1, b: 1, state: 'OH', customer: {} } }))).message,
    /field "customer": a key is/,
  )
  assert.match((await refusal(predict(w, { row: { a: 1, b: 1, state: 'OH', client: 'x' } }))).message, /"client"/)
  const { items } = await w.endpoints.listCaptures(w.by, 'live', { limit: 5 })
  assert.deepEqual(
    items.map(({ row }) => row.customer),
    ['x', undefined],
  )
  assert.equal(binarySignature.inputs.length, 3)
})

onSqlite('hashed inputs and keys are kept as hashes under the project key, and truth still finds them', async (w) => {
  const endpoint = await deploy(w, { key: 'customer', hash: ['customer', 'state', 'a'], hide: ['b'] })
  await predict(w, {
    rows: ['Ann', 'Ann', 'Bob'].map((customer, i) => ({ a: i + 0.5, b: 1, state: i === 1 ? null : 'OH', customer })),
  })
  const { items } = await w.endpoints.listCaptures(w.by, 'live', { limit: 5 })
  const [bob, second, first] = items.map(({ row }) => row)
  assert.equal(first!.customer, pseudonym('Ann', '00'.repeat(32)))
  assert.deepEqual([first!.customer === second!.customer, bob!.customer === first!.customer], [true, false])
  assert.deepEqual(
    [first!.state, second!.state, first!.a],
    [pseudonym('OH', '00'.repeat(32)), null, pseudonym('0.5', '00'.repeat(32))],
  )
  assert.deepEqual(Object.hasOwn(first!, 'b'), false)
  assert.equal((await give(w, [{ key: 'Ann', value: 'yes' }])).unmatched, 0)
  await writeFile(join(w.place, 'a.csv'), 'key,value\nBob,no\n')
  const told = await w.endpoints.truth.give(w.by, 'live', TruthInput.parse({ upload: 'a.csv' }))
  assert.deepEqual([told.stored, told.unmatched], [1, 0])
  assert.equal(await w.endpoints.countLabelled(endpoint.id, 0, soon()), 3)
  const { text } = await textOfCaptures(w, endpoint.id)
  assert.equal(/Ann|Bob|OH/.test(text), false)
})

async function textOfCaptures(w: World, endpointId: string) {
  const { paths } = await w.endpoints.captureFiles(endpointId, 0, soon())
  const texts = await Promise.all(paths.map((path) => readFile(path, 'utf8')))
  return { text: texts.join('') }
}

test('scores have the intervals of the literature', () => {
  const confusion = [
    { truth: 'yes', said: 'yes', rows: 80 },
    { truth: 'yes', said: 'no', rows: 20 },
    { truth: 'no', said: 'yes', rows: 10 },
    { truth: 'no', said: 'no', rows: 90 },
  ]
  const accuracy = accuracyOf(confusion)
  assert.deepEqual([accuracy.value, accuracy.low.toFixed(4), accuracy.high.toFixed(4)], [0.85, '0.7939', '0.8929'])
  const f1 = f1Of(confusion, 'yes')
  assert.ok(Math.abs(f1.value - 160 / 190) < 1e-12)
  // The bootstrap of the same table (20,000 draws) spreads by 0.0281.
  const spread = (f1.high - f1.low) / 2 / 1.959963984540054
  assert.ok(Math.abs(spread - bootstrapSpread(confusion)) < 0.001, `${spread}`)
  assert.ok(Math.abs(f1Of(confusion, null).value - (160 / 190 + 180 / 210) / 2) < 1e-12)
  const mae = maeOf({ rows: 400, mean: 2, deviation: 1 })
  assert.deepEqual([mae.low.toFixed(3), mae.high.toFixed(3)], ['1.902', '2.098'])
})

/** The standard deviation of F1 over resampled tables, as a second way to the same figure. */
function bootstrapSpread(confusion: readonly { rows: number }[]): number {
  let seed = 12345
  const random = () => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0
    return seed / 2 ** 32
  }
  const n = confusion.reduce((sum, { rows }) => sum + rows, 0)
  const draws = Array.from({ length: 4000 }, () => {
    const counts = [0, 0, 0, 0]
    for (let i = 0; i < n; i++) {
      let at = random() * n
      let cell = 0
      while (at >= confusion[cell]!.rows) at -= confusion[cell++]!.rows
      counts[cell]!++
    }
    return (2 * counts[0]!) / (2 * counts[0]! + counts[1]! + counts[2]!)
  })
  const mean = draws.reduce((sum, one) => sum + one, 0) / draws.length
  return Math.sqrt(draws.reduce((sum, one) => sum + (one - mean) ** 2, 0) / (draws.length - 1))
}
