import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { collectUnused, unusedForMs } from '../../../ports/blobs/collect-unused.ts'
import { openLocalExecutor } from '../../../ports/executors/local.ts'
import { picture, zipOf } from '../../../ports/media/testing.ts'
import { onEachDatabase } from '../../../ports/metadata/testing.ts'
import { openDuckDb } from '../../../ports/tables/duckdb.ts'
import { RowsQuery } from '../schema.ts'
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
