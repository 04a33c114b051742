import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { after, before, describe, test } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import { sql } from 'kysely'
import { customers } from '../training-world.ts'
import { type ExampleWorld, exampleWorld } from './example-world.ts'

/** Whatever is wrong with what comes in is said in one sentence with its column and row, and leaves nothing behind. */

let w: ExampleWorld
before(async () => {
  w = await exampleWorld()
  await w.addTable('customers', customers(400), 'churn')
})
after(() => w?.close())

/** Tables that note what happened, whether it worked or not. */
const notes = new Set(['audit', 'answered_calls', 'job_events', 'jobs', 'sessions', 'tokens', 'durations', 'sqlite_sequence'])

/** Every row of every table that holds things, and every file of the data folder but the database and what waits for the next job. */
async function everything(): Promise<Record<string, unknown>> {
  const { db } = w.platform.metadata
  const tables = await sql<{ name: string }>`select name from sqlite_master where type = 'table' order by name`.execute(db)
  const rows: Record<string, unknown> = {}
  for (const { name } of tables.rows)
    if (!notes.has(name) && !/fts|stat1/.test(name))
      rows[name] = (await sql<{ n: number }>`select count(*) as n from ${sql.table(name)}`.execute(db)).rows[0]!.n
  const files = await readdir(w.dataDir, { recursive: true, withFileTypes: true }).catch(() => [])
  const kept = files
    .filter((file) => file.isFile() && !/^atoll\.db/.test(file.name) && !file.parentPath.includes('/jobs/warm-'))
    .map((file) => `${file.parentPath.slice(w.dataDir.length)}/${file.name}`)
  return { ...rows, files: kept.sort() }
}

/** What there is when nothing runs any more and the folders of jobs are gone. */
async function settled(): Promise<Record<string, unknown>> {
  for (;;) {
    const running = await w.ask('GET', '/v1/jobs?state=running')
    const queued = await w.ask('GET', '/v1/jobs?state=queued')
    const before = await everything()
    await new Promise((resolve) => setTimeout(resolve, 20))
    if (running.items.length + queued.items.length === 0 && isDeepStrictEqual(before, await everything())) return before
  }
}

/** Waits a little for what is removed just after the answer. */
async function same(before: Record<string, unknown>): Promise<void> {
  for (let wait = 0; wait < 100; wait++) {
    if (isDeepStrictEqual(await everything(), before)) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  assert.deepEqual(await everything(), before)
}

interface Refused {
  status?: number
  code?: string
  message: RegExp
  facts?: Record<string, unknown>
}

/** One sentence that a person can act on, and no more than that. */
function says(reply: { status: number; json: any; text: string }, { status = 400, code, message, facts = {} }: Refused): void {
  assert.equal(reply.status, status, reply.text.slice(0, 1000))
  const { error } = reply.json
  assert.match(error.message, message)
  if (code) assert.equal(error.code, code)
  assert.ok(error.message.length < 500, error.message)
  assert.doesNotMatch(error.message, /\n|Traceback|\bat .*\.[tj]s:|undefined|\[object|atoll-world-/)
  for (const [key, value] of Object.entries(facts)) assert.deepEqual(error.facts[key], value, JSON.stringify(error.facts))
}

async function leavesNothing(work: () => Promise<void>): Promise<void> {
  const before = await settled()
  await work()
  await same(before)
}

const lines = (n: number, line: (at: number) => string) => `${Array.from({ length: n }, (_, at) => line(at)).join('\n')}\n`

describe('a file that is no table', () => {
  async function added(bytes: Buffer | string, more: object = {}) {
    const body = Buffer.from(bytes)
    const upload = await w.ask('POST', '/v1/uploads', { filename: 'bad.csv', sizeBytes: body.length })
    const sent = await fetch(`${w.server.url}/v1/uploads/${upload.id}?offset=0`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${w.token}`, 'content-type': 'application/octet-stream' },
      body,
    })
    assert.ok(sent.ok, await sent.text())
    const source = { upload: upload.id }
    const detected = await w.call('POST', '/v1/datasets/detect', { body: { source } })
    const reply = await w.call('POST', '/v1/datasets', { body: { name: 'bad', source, ...more } })
    if (reply.status !== 201) await w.ask('DELETE', `/v1/uploads/${upload.id}`)
    return { detected, reply }
  }

  const wide = (value: (at: number) => string) => Array.from({ length: 10_000 }, (_, at) => value(at)).join(',')
  const cases: [name: string, bytes: Buffer | string, said: Refused, more?: object][] = [
    [
      'ragged',
      lines(40, (at) => (at === 17 ? '1,2' : '1,2,3')),
      { message: /^Line 18 has 2 fields where 3 are expected/, facts: { line: 18 } },
    ],
    ['binary', Buffer.from(Array.from({ length: 3000 }, (_, at) => (at * 7919) % 256)), { status: 415, message: /not a table/ }],
    [
      '10,000 columns',
      `${wide((at) => `c${at}`)}\n${wide(String)}\n`,
      { message: /10000 columns; at most 2000/, facts: { columns: 10_000 } },
    ],
    ['all missing', `a,b\n${lines(30, () => ',')}`, { message: /every value is missing/ }],
    ['a huge cell', `a,b\n1,${'x'.repeat(9 * 2 ** 20)}\n`, { message: /longer than 8 MB/, facts: { line: 2 } }],
    [
      'another encoding than was said',
      Buffer.from('name,age\nJ\xfcrgen,3\nMia,4\n', 'latin1'),
      { message: /^Line 2 holds bytes that are not utf-8/, facts: { line: 2 } },
      { options: { encoding: 'utf-8' } },
    ],
    [
      'one class',
      `x,y\n${lines(30, (at) => `${at},same`)}`,
      { message: /one and the same value/, facts: { column: 'y' } },
      { target: 'y' },
    ],
  ]
  for (const [name, bytes, said, more] of cases)
    test(name, () => leavesNothing(async () => says((await added(bytes, more)).reply, said)))

  test('empty', () =>
    leavesNothing(async () => {
      const { status, json } = await w.call('POST', '/v1/uploads', { body: { filename: 'a.csv', sizeBytes: 0 } })
      assert.deepEqual([status, json.error.code], [400, 'invalid_input'])
      assert.match(json.error.message, /empty/)
    }))

  test('a header named twice is renamed, and that is said before anything is stored', async () => {
    const { detected, reply } = await added('a,a,b\n1,2,x\n3,4,y\n5,6,x\n')
    assert.equal(detected.status, 200)
    assert.match(JSON.stringify(detected.json), /a_2/)
    assert.equal(reply.status, 201)
    assert.equal((await w.ended(reply.json.job)).state, 'succeeded')
  })
})

describe('a question that the table cannot answer', () => {
  before(async () => {
    const word = (at: number) => `${['a', 'b', 'c'][at % 3]}`
    await w.addTable(
      'odd',
      `id,flat,hollow,note,when,number,label\n${lines(120, (at) => `k${at},1,,"The ${at * 7919}th remark, which says something at length",2024-01-${String(1 + (at % 28)).padStart(2, '0')},${at * 1.5},${word(at)}`)}`,
    )
  })

  const goal = { dataset: 'odd', metric: 'f1_macro', atLeast: 0.5 }
  const ridge = ['ridge']
  const cases: [name: string, path: string, body: object, said: Refused][] = [
    [
      'a target that is not there',
      '/v1/goals',
      { ...goal, target: 'lable' },
      { message: /no column "lable".*Did you mean "label"\?/, facts: { column: 'lable' } },
    ],
    [
      'a target that is missing everywhere',
      '/v1/goals',
      { ...goal, target: 'hollow' },
      { message: /"hollow" is missing in every one of the 120 rows/, facts: { column: 'hollow' } },
    ],
    [
      'a target that is constant',
      '/v1/goals',
      { ...goal, target: 'flat' },
      { message: /"flat" is "1" in every row/, facts: { column: 'flat' } },
    ],
    [
      'a target of free text',
      '/v1/goals',
      { ...goal, target: 'note' },
      { message: /"note".*free text/, facts: { column: 'note' } },
    ],
    [
      'a target that names rows',
      '/v1/goals',
      { ...goal, target: 'id' },
      { message: /"id" identifies rows/, facts: { column: 'id' } },
    ],
    ['a target of dates', '/v1/goals', { ...goal, target: 'when' }, { message: /"when"/, facts: { column: 'when' } }],
    [
      'a training on such a target',
      '/v1/training-jobs',
      { dataset: 'odd', target: 'note' },
      { message: /free text/, facts: { column: 'note' } },
    ],
    [
      'groups of a column that is not there',
      '/v1/splits',
      { dataset: 'odd', target: 'label', groupColumn: 'idd' },
      { message: /no column "idd". Did you mean "id"\?/, facts: { field: 'groupColumn', column: 'idd' } },
    ],
    [
      'time that is no time',
      '/v1/splits',
      { dataset: 'odd', target: 'label', kind: 'time', timeColumn: 'label' },
      { message: /"label" is category; a split by time needs dates or numbers/, facts: { column: 'label' } },
    ],
    [
      'groups that nobody named',
      '/v1/splits',
      { dataset: 'odd', target: 'label', kind: 'grouped' },
      { message: /needs groupColumn/ },
    ],
    [
      'classes of a number',
      '/v1/splits',
      { dataset: 'odd', target: 'number', kind: 'stratified' },
      { message: /"number" is a number, not classes/ },
    ],
    [
      'a recipe on a column that is not there',
      '/v1/recipes',
      { name: 'r', dataset: 'odd', steps: [{ step: 'impute', columns: ['numbre'] }] },
      {
        message: /^Step 1 \(impute\): there is no column "numbre".*Did you mean "number"\?/,
        facts: { column: 'numbre', step: 1 },
      },
    ],
    [
      'a preview of it',
      '/v1/recipes/preview',
      { dataset: 'odd', steps: [{ step: 'derive', name: 'x', expression: 'number / nmber' }] },
      { message: /^Step 1 \(derive\).*"nmber"/, facts: { column: 'nmber' } },
    ],
    [
      'a training with it',
      '/v1/training-jobs',
      { dataset: 'odd', target: 'number', algorithms: ridge, recipe: { steps: [{ step: 'one_hot', columns: ['labl'] }] } },
      { message: /^Step 1 \(one_hot\).*"labl"/, facts: { column: 'labl' } },
    ],
    [
      'a step that takes another type',
      '/v1/recipes/preview',
      { dataset: 'odd', steps: [{ step: 'standard_scale', columns: ['label'] }] },
      { message: /^Step 1 \(standard_scale\): column "label" is of type category/, facts: { column: 'label' } },
    ],
    [
      'a monitor of an endpoint that is not there',
      '/v1/monitors',
      { endpoint: 'none such' },
      { status: 404, message: /no endpoint "none such"/ },
    ],
    [
      'a model that is not there',
      '/v1/endpoints',
      { name: 'e', model: 'none such' },
      { status: 404, message: /no model "none such"/ },
    ],
  ]
  for (const [name, path, body, said] of cases)
    test(name, () => leavesNothing(async () => says(await w.call('POST', path, { body }), said)))
})

describe('a job that only the engine can refuse', () => {
  const failing: [name: string, recipe: object[], message: RegExp, facts: Record<string, unknown>][] = [
    [
      'no column is left',
      [
        { step: 'keep_columns', columns: ['town'] },
        { step: 'drop_columns', columns: ['town'] },
      ],
      /^Step 2 \(drop_columns\): no column is left/,
      { step: 2 },
    ],
    [
      'words that no step makes numbers of',
      [{ step: 'keep_columns', columns: ['plan', 'age'] }],
      /column "plan" is still of type category.*Add one_hot, ordinal or target_encode/,
      { column: 'plan' },
    ],
    [
      'a name that is taken',
      [
        { step: 'derive', name: 'age', expression: 'minutes + 1' },
        { step: 'drop_columns', columns: '*categories' },
      ],
      /"age"/,
      { step: 1 },
    ],
  ]
  for (const [name, steps, message, facts] of failing)
    test(`${name}: fails with the sentence, and leaves a run that says it and no version`, async () => {
      const before = await settled()
      const job = await w.train({
        dataset: 'customers',
        target: 'churn',
        algorithms: ['lightgbm'],
        search: { strategy: 'none' },
        recipe: { steps: steps as { step: string }[] },
        model: 'never',
      })
      assert.equal(job.state, 'failed')
      assert.match(job.failure!.message, message)
      for (const [key, value] of Object.entries(facts))
        assert.deepEqual(job.failure!.facts?.[key], value, JSON.stringify(job.failure))
      const run = await w.ask('GET', `/v1/runs/${job.run}`)
      assert.deepEqual([run.state, run.message], ['failed', job.failure!.message])
      assert.equal((await w.call('GET', '/v1/models/never')).status, 404)
      const now = await settled()
      for (const thing of ['models', 'model_versions', 'endpoints', 'dataset_versions'] as const)
        assert.equal(now[thing], before[thing], thing)
      assert.deepEqual(
        (now.files as string[]).filter((file) => !file.startsWith('/blobs/')),
        (before.files as string[]).filter((file) => !file.startsWith('/blobs/')),
        'no file of the job is left',
      )
    })
})

describe('rows that an endpoint cannot answer', () => {
  const row = { minutes: 120, calls: 3, plan: 'basic', town: 'Bern', age: 40 }
  before(async () => {
    const quick = { dataset: 'customers', search: { strategy: 'none' as const } }
    await w.trained({ ...quick, target: 'churn', algorithms: ['logistic_regression'], model: 'churn' })
    await w.deployed('churn', 'churn:1')
  })

  const text = (change: string) => `{"row":{"minutes":120,"calls":3,"plan":"basic","town":"Bern","age":40${change}}}`
  const cases: [name: string, body: unknown, said: Refused][] = [
    [
      'a text for a number',
      { row: { ...row, age: 'forty' } },
      { message: /^Row 0, column "age": expected a whole number, got the text "forty"/, facts: { row: 0, column: 'age' } },
    ],
    [
      'the second of three rows',
      { rows: [row, { ...row, minutes: 'x' }, row] },
      { message: /^Row 1, column "minutes"/, facts: { row: 1, column: 'minutes' } },
    ],
    [
      'a number for a category',
      { row: { ...row, plan: 7 } },
      { message: /column "plan": expected text \(send "7"\)/, facts: { column: 'plan' } },
    ],
    [
      'a part of a whole number',
      { row: { ...row, age: 40.5 } },
      { message: /expected a whole number/, facts: { column: 'age' } },
    ],
    [
      'an object in a cell',
      { row: { ...row, plan: { name: 'basic' } } },
      { message: /column "plan": expected text, got an object/, facts: { column: 'plan' } },
    ],
    [
      'a column that is absent',
      { row: { minutes: 1, plan: 'basic', town: 'Bern', age: 4 } },
      { message: /^Row 0 lacks the column "calls"/, facts: { column: 'calls' } },
    ],
    [
      'a column that nobody knows',
      { row: { ...row, Age: 40 } },
      { message: /has a field "Age" that the model does not use. Did you mean "age"\?/, facts: { column: 'Age' } },
    ],
    [
      'a number beyond all numbers',
      text(',"minutes":1e999'),
      { message: /"minutes": Infinity is not a finite number. Send null/, facts: { column: 'minutes' } },
    ],
    ['NaN', text(',"minutes":NaN'), { message: /not valid JSON/ }],
    [
      'the word NaN',
      { row: { ...row, minutes: 'NaN' } },
      { message: /expected a whole number, got the text "NaN"/, facts: { column: 'minutes' } },
    ],
    ['no rows', { rows: [] }, { message: /"rows" is empty/ }],
    ['a bare list', [row], { message: /The body does not hold rows/ }],
    [
      'a row that is a list',
      { rows: [[1, 2]] },
      { message: /^Row 0 must be an object of columns, not a list/, facts: { row: 0 } },
    ],
    ['too many rows', { rows: Array.from({ length: 10_001 }, () => row) }, { message: /at most 10000 rows, not 10001/ }],
  ]
  for (const [name, body, said] of cases)
    test(name, () =>
      leavesNothing(async () => {
        // What is wrong with a row is told by row and column; a body that holds none is refused before.
        const status = said.facts ? 422 : 400
        says(await w.call('POST', '/v1/endpoints/churn/predict', { body }), { status, ...said })
        const { items } = await w.ask('GET', '/v1/endpoints/churn/captures')
        assert.deepEqual(items, [])
      }),
    )

  test('values never seen, and missing ones, are answered with a warning', async () => {
    const { predictions, warnings } = await w.ask('POST', '/v1/endpoints/churn/predict', {
      rows: [
        { ...row, plan: 'gold', age: 140 },
        { minutes: null, calls: null, plan: null, town: null, age: null },
        { ...row, plan: '' },
      ],
    })
    assert.equal(predictions.length, 3)
    assert.match(warnings.join('\n'), /"plan": "gold" was never seen in training/)
    assert.match(warnings.join('\n'), /"age": 140 is outside what training saw/)
    assert.match(warnings.join('\n'), /"town": the value is missing; in training it never was/)
  })
})
