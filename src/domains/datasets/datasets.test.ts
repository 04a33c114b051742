import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { collectUnused, unusedForMs } from '../../ports/blobs/collect-unused.ts'
import { openLocalExecutor } from '../../ports/executors/local.ts'
import { onEachDatabase } from '../../ports/metadata/testing.ts'
import { openDuckDb } from '../../ports/tables/duckdb.ts'
import { parquet } from '../../ports/tables/sql.ts'
import { authTables } from '../auth/tables.ts'
import { daysInBin } from './bin.ts'
import { pseudonym } from './import/pseudonym.ts'
import { RowsQuery } from './schema.ts'
import { datasetTables } from './tables.ts'
import { type DatasetsWorld, datasetsTestMigrations, datasetsWorld } from './testing.ts'

const folder = mkdtempSync(join(tmpdir(), 'atoll-datasets-'))
const executor = await openLocalExecutor({ python: 'python3' })
const tables = openDuckDb()
after(async () => {
  await tables.close()
  await executor.close()
  rmSync(folder, { recursive: true, force: true })
})

const onDatasets = (name: string, work: (world: DatasetsWorld & { root: string }) => Promise<void>) =>
  onEachDatabase(name, datasetsTestMigrations, async (metadata) => {
    const root = mkdtempSync(join(folder, 'world-'))
    const world = await datasetsWorld(metadata, { executor, tables, folder: root })
    try {
      await work({ ...world, root })
    } finally {
      await world.close()
    }
  })

const people = [
  'customer_id,e-mail,city,age,joined,active,spent,churn',
  ...Array.from({ length: 200 }, (_, at) =>
    [
      `C${1000 + at}x`,
      `user${at}@example.org`,
      ['Oslo', 'Rom', 'Wien', ''][at % 4],
      at % 50 === 7 ? '' : 20 + (at % 50),
      `2024-0${1 + (at % 9)}-15`,
      at % 2 ? 'true' : 'false',
      (at * 1.25).toFixed(2),
      at % 5 === 0 ? 'yes' : 'no',
    ].join(','),
  ),
].join('\n')

onDatasets('a file becomes a version: types, order, missing values, personal data, audit', async (world) => {
  const { datasets, admin } = world
  const { dataset, version } = await world.add('people', people, { target: 'churn' })
  assert.equal(version.rows, 200)
  assert.deepEqual(
    version.columns.map(({ name, type, nullable, personalData }) => [name, type, nullable, personalData?.kind ?? null]),
    [
      ['customer_id', 'id', false, 'identifier'],
      ['e-mail', 'id', false, 'email'],
      ['city', 'category', true, null],
      ['age', 'integer', true, null],
      ['joined', 'datetime', false, null],
      ['active', 'boolean', false, null],
      ['spent', 'number', false, null],
      ['churn', 'category', false, null],
    ],
  )
  const { rows } = await datasets.rows(admin, 'people', RowsQuery.parse({ limit: 2 }))
  assert.deepEqual(rows[0], [0, 'C1000x', 'user0@example.org', 'Oslo', 20, '2024-01-15T00:00:00.000Z', false, 0, 'yes'])
  assert.equal(version.original?.filename, 'people.csv')
  assert.deepEqual([dataset.versions, dataset.latest?.number, dataset.target], [1, 1, 'churn'])
  const actions = (await authTables(world.auth.metadata.db).selectFrom('audit').select('action').execute()).map(
    ({ action }) => action,
  )
  assert.ok(actions.includes('datasets.create'))
  await world.settled()
  assert.deepEqual(readdirSync(join(world.root, 'incoming')), [], 'the upload is gone once it is a version')
  assert.deepEqual(readdirSync(join(world.root, 'scratch')), [])
})

onDatasets('rows are sorted, filtered and paged on the server', async (world) => {
  const { datasets, admin } = world
  await world.add('people', people)
  const ask = (query: Record<string, unknown>) => datasets.rows(admin, 'people', RowsQuery.parse(query))
  const sorted = await ask({ sort: '-spent', limit: 1, columns: 'spent,churn' })
  assert.deepEqual([sorted.columns, sorted.rows, sorted.total], [['__row', 'spent', 'churn'], [[199, 248.75, 'no']], 200])
  const where = (filters: unknown) => ask({ where: JSON.stringify(filters), limit: 500 })
  assert.equal((await where([{ column: 'churn', op: '=', value: 'yes' }])).total, 40)
  assert.equal((await where([{ column: 'age', op: 'is_missing' }])).total, 4)
  assert.equal((await where([{ column: 'joined', op: '>=', value: '2024-09-01' }])).total, 22)
  assert.equal(
    (
      await where([
        { column: 'active', op: '=', value: true },
        { column: 'spent', op: '<', value: 10 },
      ])
    ).total,
    4,
  )
  assert.equal((await where([{ column: 'e-mail', op: 'contains', value: 'USER19' }])).total, 11)
  const numbers = async (query: Record<string, unknown>) => (await ask(query)).rows.map(([row]) => row)
  assert.deepEqual(await numbers({ offset: 197, limit: 5 }), [197, 198, 199])
  assert.deepEqual(await numbers({ offset: 200 }), [])
  assert.deepEqual(await numbers({ offset: 2, limit: 3, sort: '-spent' }), [197, 196, 195])
  const leaving = { where: JSON.stringify([{ column: 'churn', op: '=', value: 'yes' }]) }
  assert.deepEqual(await numbers({ offset: 38, limit: 5, ...leaving }), [190, 195])
  assert.deepEqual(await numbers({ offset: 1, limit: 2, sort: '-spent', ...leaving }), [190, 185])
  await assert.rejects(ask({ columns: 'absent' }), { code: 'invalid_input', facts: { field: 'columns', column: 'absent' } })
  await assert.rejects(ask({ where: '[{"column": "age", "op": "=", "value": "old"}]' }), {
    code: 'invalid_input',
    message: /holds numbers/,
  })
  await assert.rejects(ask({ where: 'age > 3' }), { code: 'invalid_input', message: /not JSON/ })
})

onDatasets('SQL in names and values stays text', async (world) => {
  const { datasets, admin } = world
  const evil = `x"; COPY (SELECT 1) TO '/tmp/evil`
  await world.add(
    'evil',
    `"${evil.replaceAll('"', '""')}",b\n${Array.from({ length: 30 }, (_, at) => `'; ATTACH '/etc/passwd,${at}`).join('\n')}\n`,
  )
  const { version } = await datasets.pin(admin, 'evil')
  assert.equal(version.columns[0]?.name, evil)
  const ask = (query: Record<string, unknown>) => datasets.rows(admin, 'evil', RowsQuery.parse(query))
  assert.equal((await ask({ where: JSON.stringify([{ column: evil, op: 'contains', value: "'; ATTACH" }]) })).total, 30)
  assert.equal((await ask({ sort: evil, limit: 1 })).rows.length, 1)
  for (const attack of [
    `(SELECT content FROM read_blob('/etc/passwd'))`,
    `b; INSTALL httpfs`,
    `b" UNION SELECT * FROM read_text('/etc/passwd') --`,
    `COPY b TO '/tmp/x'`,
  ]) {
    await assert.rejects(ask({ sort: attack }), { code: 'invalid_input' })
    await assert.rejects(ask({ columns: attack.replaceAll(',', ' ') }), { code: 'invalid_input' })
    await assert.rejects(ask({ where: JSON.stringify([{ column: attack, op: '=', value: 1 }]) }), { code: 'invalid_input' })
    assert.equal((await ask({ where: JSON.stringify([{ column: evil, op: '=', value: attack }]) })).total, 0)
  }
  const profile = await datasets.profile(admin, 'evil', { target: 'b' })
  assert.equal(profile.columns.length, 2)
})

onDatasets('the same bytes are stored once, and a version never changes', async (world) => {
  const first = await world.add('first', people)
  const second = await world.add('second', people)
  assert.equal(first.version.files[0]?.sha256, second.version.files[0]?.sha256)
  const stored: string[] = []
  for await (const { sha256 } of world.blobs.list()) stored.push(sha256)
  assert.equal(stored.length, 1)
  const upload = await world.upload(world.admin, 'more.csv', `${people}\nC9999x,last@example.org,Oslo,44,2024-05-05,true,9.99,no`)
  const added = await world.datasets.addVersion(world.admin, 'first', { source: { upload }, note: 'one more' })
  await world.jobs.ended(added.job, AbortSignal.timeout(60_000))
  const versions = await world.datasets.versions(world.admin, 'first')
  assert.deepEqual(
    versions.map(({ number, rows, note }) => [number, rows, note]),
    [
      [2, 201, 'one more'],
      [1, 200, ''],
    ],
  )
  assert.equal((await world.datasets.pin(world.admin, 'first', '1')).version.files[0]?.sha256, first.version.files[0]?.sha256)
})

onDatasets('columns are dropped, renamed, retyped and made pseudonyms on the way in and later', async (world) => {
  const { datasets, admin } = world
  const { version } = await world.add('people', people, {
    columns: [
      { name: 'e-mail', action: 'pseudonymise' },
      { name: 'city', rename: 'town' },
      { name: 'age', type: 'number' },
      { name: 'joined', action: 'drop' },
    ],
  })
  assert.deepEqual(
    version.columns.map(({ name, type }) => `${name} ${type}`),
    ['customer_id id', 'e-mail id', 'town category', 'age number', 'active boolean', 'spent number', 'churn category'],
  )
  const { key } = await datasetTables(world.auth.metadata.db).selectFrom('pseudonym_keys').select('key').executeTakeFirstOrThrow()
  const { rows } = await datasets.rows(admin, 'people', RowsQuery.parse({ limit: 1, columns: 'e-mail' }))
  assert.equal(rows[0]![1], pseudonym('user0@example.org', key))
  assert.match(String(rows[0]![1]), /^[0-9a-f]{32}$/)
  const made = await datasets.transform(admin, 'people', {
    columns: [
      { name: 'customer_id', action: 'pseudonymise' },
      { name: 'spent', type: 'category', action: 'keep' },
    ],
    note: '',
  })
  await world.jobs.ended(made.job, AbortSignal.timeout(60_000))
  const next = (await datasets.pin(admin, 'people')).version
  assert.deepEqual(next.derivedFrom, { version: version.id, how: 'pseudonymise customer_id; retype spent' })
  assert.equal(next.columns.find(({ name }) => name === 'spent')?.type, 'category')
  assert.equal(
    (await datasets.rows(admin, 'people', RowsQuery.parse({ limit: 1, columns: 'customer_id' }))).rows[0]![1],
    pseudonym('C1000x', key),
  )
  await assert.rejects(datasets.transform(admin, 'people', { columns: [{ name: 'absent', action: 'drop' }], note: '' }), {
    code: 'invalid_input',
    facts: { field: 'columns', column: 'absent' },
  })
  const { nodes, edges } = await datasets.lineage.around(admin, next.id)
  assert.ok(nodes.some(({ id }) => id === version.id))
  assert.ok(edges.some(({ from, to }) => from === version.id && to === next.id))
})

onDatasets('a split is made once, and its test rows are sealed', async (world) => {
  const { datasets, admin } = world
  const { version } = await world.add('people', people, { target: 'churn' })
  const split = await world.split({ dataset: 'people' })
  assert.deepEqual([split.kind, split.state, split.target], ['stratified', 'ready', 'churn'])
  assert.deepEqual(split.parts, [
    { part: 'train', rows: 160, sealed: false },
    { part: 'test', rows: 40, sealed: true },
  ])
  assert.equal((await datasets.ensureSplit(admin, { dataset: 'people' })).id, split.id)
  assert.notEqual((await datasets.ensureSplit(admin, { dataset: 'people', seed: 8 })).id, split.id)

  const laid = join(world.root, 'channel')
  await datasets.layPart(split.id, 'train', laid)
  assert.deepEqual(JSON.parse(readFileSync(join(laid, 'schema.json'), 'utf8')), {
    columns: version.columns.map(({ name, type, nullable }) => ({ name, type, nullable })),
    rows: 160,
    rowId: '__row',
  })
  await assert.rejects(datasets.layPart(split.id, 'test' as 'train', join(world.root, 'no')), { code: 'not_found' })

  const shown = JSON.stringify(await datasets.split(admin, split.id))
  const sealed = await datasetTables(world.auth.metadata.db).selectFrom('sealed_parts').selectAll().executeTakeFirstOrThrow()
  assert.ok(!shown.includes(sealed.sha256), 'nobody is told where the sealed rows are')

  const test = join(world.root, 'test')
  await datasets.openSealed(null, admin, split.id, { version: 'mdv_1', reason: 'evaluation', job: 'job_1' }, test)
  const rows = await tables.run({
    folders: [test, laid],
    statements: [
      {
        sql: `SELECT count(*) FROM ${parquet(join(test, 'data.parquet'))} t JOIN ${parquet(join(laid, 'data.parquet'))} l USING (__row)`,
      },
    ],
  })
  assert.deepEqual(rows[0]!.rows, [[0]])
  await datasets.openSealed(
    null,
    admin,
    split.id,
    { version: 'mdv_1', reason: 'evaluation', job: 'job_1' },
    join(world.root, 'again'),
  )
  await assert.rejects(
    datasets.openSealed(
      null,
      admin,
      split.id,
      { version: 'mdv_1', reason: 'evaluation', job: 'job_2' },
      join(world.root, 'twice'),
    ),
    { code: 'precondition_failed' },
  )
  const opened = await authTables(world.auth.metadata.db)
    .selectFrom('audit')
    .select('facts')
    .where('action', '=', 'datasets.open-sealed')
    .execute()
  assert.equal(opened.length, 2)
  assert.equal(JSON.parse(opened[0]!.facts).version, 'mdv_1')
})

onDatasets('says at once why a split cannot be made', async (world) => {
  await world.add('people', people)
  const refuse = (input: Record<string, unknown>, facts: Record<string, unknown>) =>
    assert.rejects(world.datasets.ensureSplit(world.admin, { dataset: 'people', ...input }), (error: any) => {
      assert.equal(error.code, 'invalid_input')
      for (const [key, value] of Object.entries(facts)) assert.equal(error.facts[key], value)
      return true
    })
  await refuse({ target: 'absent' }, { field: 'target', column: 'absent' })
  await refuse({ target: 'customer_id' }, { field: 'target', column: 'customer_id' })
  await refuse({ kind: 'stratified', target: 'spent' }, { field: 'kind' })
  await refuse({ kind: 'grouped' }, { field: 'groupColumn' })
  await refuse({ kind: 'time', timeColumn: 'city' }, { field: 'timeColumn' })
})

onDatasets('who may not see a data set does not learn that it exists', async (world) => {
  const { datasets } = world
  const { dataset } = await world.add('secret', people, { visibility: 'private' })
  const split = await world.split({ dataset: dataset.id, target: 'churn' })
  const outsider = await world.person('Otto', null)
  const viewer = await world.person('Vera', 'viewer')
  for (const by of [outsider, viewer]) {
    await assert.rejects(datasets.get(by, dataset.id), { code: 'not_found' })
    await assert.rejects(datasets.rows(by, dataset.id, RowsQuery.parse({})), { code: 'not_found' })
    await assert.rejects(datasets.profile(by, dataset.id, {}), { code: 'not_found' })
    await assert.rejects(datasets.exportRows(by, dataset.id, { format: 'csv' }), { code: 'not_found' })
    await assert.rejects(datasets.split(by, split.id), { code: 'not_found' })
    await assert.rejects(datasets.lineage.around(by, dataset.latest!.id), { code: 'not_found' })
    assert.deepEqual((await datasets.list(by, { limit: 50 })).items, [])
  }
  const open = await world.add('open', people)
  assert.equal((await datasets.get(viewer, open.dataset.id)).name, 'open')
  await assert.rejects(datasets.remove(viewer, open.dataset.id), { code: 'forbidden' })
  await assert.rejects(datasets.ensureSplit(viewer, { dataset: 'open', target: 'churn' }), { code: 'forbidden' })
  const upload = await world.upload(world.admin, 'a.csv', people)
  await assert.rejects(datasets.uploads.read(viewer, upload), { code: 'not_found' })
  await assert.rejects(datasets.detect(await world.person('Edda', 'editor'), { source: { upload } }), { code: 'not_found' })
})

onDatasets('a deleted data set waits in the bin, then goes with its bytes', async (world) => {
  const { datasets, admin } = world
  const db = datasetTables(world.auth.metadata.db)
  const { dataset } = await world.add('people', people)
  await datasets.remove(admin, 'people')
  await assert.rejects(datasets.get(admin, 'people'), { code: 'not_found' })
  assert.deepEqual(
    (await datasets.list(admin, { limit: 50, bin: true })).items.map(({ id }) => id),
    [dataset.id],
  )
  assert.equal((await datasets.restore(admin, dataset.id)).id, dataset.id)
  await datasets.remove(admin, 'people')
  await datasets.tidy()
  const kept = await collectUnused({ blobs: world.blobs, inUse: [datasets.blobsInUse] }, { now: Date.now() + 2 * unusedForMs })
  assert.equal(kept.blobs, 0)
  assert.equal((await db.selectFrom('datasets').select('id').execute()).length, 1)
  await db
    .updateTable('datasets')
    .set({ deleted_at: Date.now() - (daysInBin + 1) * 86_400_000 })
    .execute()
  await datasets.tidy()
  assert.equal((await db.selectFrom('datasets').select('id').execute()).length, 0)
  const stored = []
  for await (const blob of world.blobs.list()) stored.push(blob)
  const later = Date.now() + 2 * unusedForMs
  const freed = await collectUnused({ blobs: world.blobs, inUse: [datasets.blobsInUse] }, { now: later })
  assert.deepEqual([freed.blobs, stored.length > 0], [stored.length, true])
})

onDatasets('a file in a folder of the server is read when an administrator allowed the folder', async (world) => {
  const { datasets, admin, root } = world
  const file = join(root, 'people.csv')
  writeFileSync(file, people)
  await assert.rejects(datasets.detect(admin, { source: { serverPath: file } }), { code: 'precondition_failed' })
  await world.auth.settings.change(admin, { importFolders: [root] })
  const detection = await datasets.detect(admin, { source: { serverPath: file } })
  assert.equal(detection.rowsEstimate, 200)
  await assert.rejects(datasets.detect(admin, { source: { serverPath: '/etc/passwd' } }), { code: 'not_found' })
  await assert.rejects(datasets.detect(admin, { source: { serverPath: join(root, '..', 'x.csv') } }), { code: 'not_found' })
})
