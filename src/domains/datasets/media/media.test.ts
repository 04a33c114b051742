import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { after, test } from 'node:test'
import sharp from 'sharp'
import { collectUnused, unusedForMs } from '../../../ports/blobs/collect-unused.ts'
import { openLocalExecutor } from '../../../ports/executors/local.ts'
import { picture, tone, zipOf } from '../../../ports/media/testing.ts'
import { openSqlite } from '../../../ports/metadata/sqlite.ts'
import { onEachDatabase } from '../../../ports/metadata/testing.ts'
import { openDuckDb } from '../../../ports/tables/duckdb.ts'
import { ItemsQuery, RowsQuery, Transform } from '../schema.ts'
import { type DatasetsWorld, datasetsTestMigrations, datasetsWorld } from '../testing.ts'

const folder = mkdtempSync(join(tmpdir(), 'atoll-media-'))
const executor = await openLocalExecutor({ python: 'python3' })
const tables = openDuckDb()
after(async () => {
  await tables.close()
  await executor.close()
  rmSync(folder, { recursive: true, force: true })
})

const onMedia = (name: string, work: (world: DatasetsWorld & { root: string }) => Promise<void>) =>
  onEachDatabase(name, datasetsTestMigrations, async (metadata) => {
    const root = mkdtempSync(join(folder, 'world-'))
    const world = await datasetsWorld(metadata, { executor, tables, folder: root })
    try {
      await work({ ...world, root })
    } finally {
      await world.close()
    }
  })

/** What asks the database nothing of its own is tried on one of them. */
const onSqlite = (name: string, work: (world: DatasetsWorld & { root: string }) => Promise<void>) =>
  test(name, async () => {
    const metadata = openSqlite({ file: ':memory:' })
    await metadata.migrate(datasetsTestMigrations)
    const root = mkdtempSync(join(folder, 'world-'))
    const world = await datasetsWorld(metadata, { executor, tables, folder: root })
    try {
      await work({ ...world, root })
    } finally {
      await world.close()
      await metadata.close()
    }
  })

const pets = async (each = 20) =>
  zipOf(
    await Promise.all(
      ['cats', 'dogs'].flatMap((label, at) =>
        Array.from({ length: each }, async (_, n) => ({
          name: `pets/${label}/${n}.png`,
          content: await picture(1 + at * 1000 + n),
        })),
      ),
    ),
  )

const filesBelow = (path: string) =>
  readdirSync(path, { recursive: true, encoding: 'utf8' })
    .filter((name) => statSync(join(path, name)).isFile())
    .sort()

onMedia('an archive of folders becomes a table of items, and a part is laid with its items alone', async (world) => {
  const { datasets, admin } = world
  const archive = await pets()
  const detection = await datasets.detect(admin, { source: { upload: await world.upload(admin, 'pets.zip', archive) } })
  assert.deepEqual([detection.media?.layout, detection.media?.items, detection.media?.target], ['folders', 40, 'label'])
  assert.match(detection.media!.sentence, /40 images in 2 folders named after their class \("cats", "dogs"\)/)

  const { dataset, version } = await world.add('pets', archive, { target: 'label' })
  assert.equal(dataset.kind, 'images')
  assert.deepEqual(
    version.columns.map(({ name, type }) => [name, type]),
    [
      ['image', 'image'],
      ['label', 'category'],
      ['width', 'integer'],
      ['height', 'integer'],
      ['bytes', 'integer'],
    ],
  )
  assert.deepEqual(
    version.files.map(({ path, rows }) => [path, rows]),
    [
      ['data.parquet', 40],
      ['manifest.jsonl', 40],
    ],
  )
  const { rows } = await datasets.rows(admin, 'pets', RowsQuery.parse({ limit: 1, columns: 'image,label,width,height' }))
  assert.deepEqual(rows[0], [0, 'cats/0.png', 'cats', 24, 16])

  const split = await world.split({ dataset: 'pets', target: 'label', test: 0.25 })
  await datasets.layPart(split.id, 'train', join(world.root, 'laid'))
  const laid = filesBelow(join(world.root, 'laid'))
  assert.equal(laid.filter((path) => path.startsWith('media/')).length, 30, 'the sealed items are not there')
  assert.deepEqual(
    readFileSync(join(world.root, 'laid', laid.find((path) => path.startsWith('media/cats/'))!))
      .subarray(1, 4)
      .toString(),
    'PNG',
  )
  await datasets.openSealed(null, admin, split.id, { version: 'mv_1', reason: 'evaluation' }, join(world.root, 'sealed'))
  const sealed = filesBelow(join(world.root, 'sealed')).filter((path) => path.startsWith('media/'))
  assert.equal(sealed.length, 10)
  assert.deepEqual(
    sealed.filter((path) => laid.includes(path)),
    [],
  )
})

onMedia('the bytes of items stay as long as a version names them', async (world) => {
  await world.add('pets', await pets(5))
  await world.settled()
  const count = async () => {
    let n = 0
    for await (const _ of world.blobs.list()) n++
    return n
  }
  const before = await count()
  const later = { now: Date.now() + 2 * unusedForMs }
  await collectUnused({ blobs: world.blobs, inUse: [world.datasets.blobsInUse] }, later)
  assert.ok(before >= 12)
  assert.equal(await count(), before)
})

onSqlite('items come by path, in ranges and as thumbnails; nothing that a browser would run', async (world) => {
  const { datasets, admin } = world
  const large = await picture(7, { width: 900, height: 300, format: 'jpeg' })
  await world.add(
    'mixed',
    zipOf([
      { name: 'x/a/1.jpg', content: large },
      { name: 'x/b/ü 2.png', content: await picture(8) },
      { name: 'x/b/cut.png', content: (await picture(9)).subarray(0, 60) },
    ]),
  )
  const ask = (path: string, range?: string) => datasets.items.item(admin, 'mixed', { path }, range)
  const whole = await ask('a/1.jpg')
  assert.deepEqual([whole.contentType, whole.sizeBytes, whole.status], ['image/jpeg', large.length, undefined])
  assert.deepEqual(await bytesOf(whole), large)
  const part = await ask('a/1.jpg', 'bytes=10-19')
  assert.deepEqual([part.status, part.sizeBytes, part.headers?.['content-range']], [206, 10, `bytes 10-19/${large.length}`])
  assert.deepEqual(await bytesOf(part), large.subarray(10, 20))
  assert.deepEqual(await bytesOf(await ask('a/1.jpg', 'bytes=-5')), large.subarray(-5))
  assert.deepEqual(await bytesOf(await ask('a/1.jpg', 'bytes=9999999-')), large)
  assert.deepEqual(await bytesOf(await ask('b/ü 2.png')), await picture(8))
  await assert.rejects(ask('../../etc/passwd'), { code: 'not_found' })
  await assert.rejects(ask('b/absent.png'), { code: 'not_found' })
  const thumbnail = await datasets.items.thumbnail(admin, 'mixed', { path: 'a/1.jpg', size: 90 })
  const small = await bytesOf(thumbnail)
  assert.equal(thumbnail.contentType, 'image/webp')
  assert.equal(small.toString('latin1', 8, 12), 'WEBP')
  assert.deepEqual(await bytesOf(await datasets.items.thumbnail(admin, 'mixed', { path: 'a/1.jpg', size: 90 })), small)
  await assert.rejects(datasets.items.thumbnail(admin, 'mixed', { path: 'b/cut.png', size: 90 }), { code: 'unsupported_type' })
  const listed = await datasets.items.list(admin, 'mixed', ItemsQuery.parse({ unreadable: 'true' }))
  assert.deepEqual([listed.total, listed.unreadable, listed.items[0]?.path], [1, 1, 'b/cut.png'])
  await assert.rejects(datasets.items.list(await world.person('stranger', null), 'mixed', ItemsQuery.parse({})), {
    code: 'not_found',
  })
})

onSqlite('copies are found by content and by look, and a split keeps them together', async (world) => {
  const base = await picture(2, { width: 200, height: 120 })
  const smaller = await sharp(base).resize(150, 90).jpeg({ quality: 85 }).toBuffer()
  const entries = await Promise.all(
    Array.from({ length: 30 }, async (_, n) => ({
      name: `s/${n % 2 ? 'odd' : 'even'}/${n}.png`,
      content: await picture(100 + n),
    })),
  )
  entries.push(
    { name: 's/even/again.png', content: entries[0]!.content },
    { name: 's/odd/base.png', content: base },
    { name: 's/even/small.jpg', content: smaller },
  )
  const { version } = await world.add('copies', zipOf(entries), { target: 'label' })
  const { rows } = await world.datasets.rows(
    world.admin,
    'copies',
    RowsQuery.parse({
      columns: 'image,copy_group',
      where: JSON.stringify([{ column: 'copy_group', op: 'is_missing', value: false }]),
    }),
  )
  assert.deepEqual(
    rows.map(([, image, group]) => [image, group]),
    [
      ['even/0.png', 'even/0.png'],
      ['even/again.png', 'even/0.png'],
      ['odd/base.png', 'odd/base.png'],
      ['even/small.jpg', 'odd/base.png'],
    ],
  )
  assert.match(
    version.warnings.map(({ message }) => message).join(),
    /1 pair of items that are alike have different values of "label"/,
  )
  const split = await world.split({ dataset: 'copies', target: 'label' })
  assert.deepEqual([split.kind, split.groupColumn], ['grouped', 'copy_group'])
  const apart = await world.split({ dataset: 'copies', target: 'label', kind: 'stratified', seed: 3, test: 0.5 })
  assert.ok(
    apart.leaks.every(({ column }) => column !== 'image'),
    'a path is no leak',
  )
})

onSqlite('recordings are divided by speaker unless the speaker is what is to be told', async (world) => {
  const lines = Array.from({ length: 24 }, (_, n) => `clips/${n}.wav,s${n % 6},${n % 3 ? 'yes' : 'no'}`)
  const archive = zipOf([
    ...lines.map((line, n) => ({ name: line.split(',')[0]!, content: tone(0.1 + n / 100, { hertz: 200 + 10 * n }) })),
    { name: 'clips.csv', content: ['path,speaker,word', ...lines].join('\n') },
  ])
  const { dataset, version } = await world.add('clips', archive, { target: 'word' })
  assert.equal(dataset.kind, 'audio')
  assert.deepEqual(
    version.columns.map(({ name, type }) => `${name} ${type}`),
    [
      'audio audio',
      'speaker category',
      'word category',
      'seconds number',
      'sample_rate integer',
      'channels integer',
      'bytes integer',
    ],
  )
  const split = await world.split({ dataset: 'clips' })
  assert.deepEqual([split.kind, split.groupColumn], ['grouped', 'speaker'])
  assert.equal((await world.split({ dataset: 'clips', target: 'speaker' })).kind, 'stratified')
  // A conversation takes two: of six speakers the sealed part would hear one alone.
  assert.equal((await world.split({ dataset: 'clips', task: 'diarisation' })).kind, 'random')
  const profile = await world.datasets.profile(world.admin, 'clips', {})
  assert.equal(profile.columns.find(({ name }) => name === 'seconds')?.numeric?.max, 0.33)
})

onSqlite('data that came divided stays so; an export comes back as it was', async (world) => {
  const names = ['train/a', 'train/b', 'test/a', 'test/b'].flatMap((folder) => [1, 2, 3].map((n) => `${folder}/${n}.png`))
  const archive = zipOf(await Promise.all(names.map(async (name, n) => ({ name, content: await picture(n + 40) }))))
  const { version } = await world.add('given', archive, { target: 'label' })
  const split = await world.split({ dataset: 'given' })
  assert.deepEqual(
    [split.kind, split.parts.map(({ part, rows }) => [part, rows])],
    [
      'given',
      [
        ['train', 6],
        ['test', 6],
      ],
    ],
  )
  const exported = await bytesOf(await world.datasets.exportRows(world.admin, 'given', { format: 'archive' }))
  const again = await world.add('again', exported, { target: 'label' })
  assert.deepEqual(
    again.version.columns.map(({ name, type }) => [name, type]),
    version.columns.map(({ name, type }) => [name, type]),
  )
  const manifestOf = (files: typeof version.files) => files.find(({ path }) => path === 'manifest.jsonl')?.sha256
  assert.equal(manifestOf(again.version.files), manifestOf(version.files))
})

onSqlite('a version made from another keeps its items; a table has none to name', async (world) => {
  await world.add('pets', await pets(6), { target: 'label' })
  await assert.rejects(world.add('plain', 'a,b\n1,2\n3,4\n', { columns: [{ name: 'a', type: 'image' }] }), {
    code: 'invalid_input',
    message: /no files came with it/,
  })
  const made = await world.datasets.transform(
    world.admin,
    'pets',
    Transform.parse({
      columns: [
        { name: 'width', action: 'drop' },
        { name: 'image', rename: 'photo' },
      ],
    }),
  )
  await world.jobs.ended(made.job, AbortSignal.timeout(60_000))
  const { version } = await world.datasets.pin(world.admin, 'pets')
  assert.deepEqual(
    version.files.map(({ path }) => path),
    ['data.parquet', 'manifest.jsonl'],
  )
  await world.datasets.layVersion(version.id, join(world.root, 'second'))
  assert.equal(filesBelow(join(world.root, 'second', 'media')).length, 12)
  await assert.rejects(world.add('bad', await pets(6), { columns: [{ name: 'image', action: 'drop' }] }), {
    code: 'invalid_input',
    message: /names the items themselves/,
  })
})

const bytesOf = async ({ body }: { body: unknown }): Promise<Buffer> =>
  body instanceof Uint8Array ? Buffer.from(body) : buffer(body as Readable)
