import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { openDuckDb } from '../../../ports/tables/duckdb.ts'
import { copyToParquet, parquet } from '../../../ports/tables/sql.ts'
import type { Column } from '../../datasets/schema.ts'
import { type GatherInput, writeGathered } from './gathered-table.ts'

const tables = openDuckDb()
let folder: string
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'atoll-gather-'))
  await tables.run({
    folders: [folder],
    statements: [
      {
        sql: copyToParquet(
          `SELECT range AS __row, range::DOUBLE AS n, 'town ' || (range % 7) AS part, CASE WHEN range % 4 = 0 THEN 'yes' ELSE 'no' END AS churn FROM range(400)`,
          `${folder}/learnt.parquet`,
          4,
        ),
      },
      // 300 predictions, one a second, ten of them of rows that the champion knows, three of a class that it does not.
      {
        sql: copyToParquet(
          `SELECT CASE WHEN range BETWEEN 280 AND 289 THEN (range - 280)::DOUBLE ELSE 1000.5 + range END AS n, 'town ' || (CASE WHEN range BETWEEN 280 AND 289 THEN range - 280 ELSE range END % 7) AS part,
            'req_' || range AS __id, TIMESTAMP '2026-01-01' + INTERVAL (range) SECOND AS __at,
            CASE WHEN range < 3 THEN 'perhaps' WHEN (CASE WHEN range BETWEEN 280 AND 289 THEN range - 280 ELSE range END) % 4 = 0 THEN 'yes' ELSE 'no' END AS __truth FROM range(300)`,
          `${folder}/labelled.parquet`,
          5,
        ),
      },
    ],
  })
})
after(async () => {
  await tables.close()
  await rm(folder, { recursive: true, force: true })
})

// Names that our own columns could clash with.
const columns = [
  ['n', 'number'],
  ['part', 'category'],
  ['churn', 'category'],
].map(
  ([name, type]): Column => ({
    name: name!,
    type: type as 'number',
    nullable: true,
    personalData: null,
    description: '',
    unit: null,
  }),
)

const gather = (changes: Partial<GatherInput> = {}) =>
  writeGathered(tables, {
    labelled: `${folder}/labelled.parquet`,
    learnt: [`${folder}/learnt.parquet`],
    original: true,
    columns,
    target: 'churn',
    classes: ['no', 'yes'],
    mostRows: null,
    sealedShare: 0.3,
    knownUntilMs: 0,
    media: null,
    folder,
    path: `${folder}/out.parquet`,
    ...changes,
  })
const read = async (sql: string) =>
  (
    await tables.run({
      files: [`${folder}/out.parquet`],
      statements: [{ sql: `${sql} FROM ${parquet(`${folder}/out.parquet`)}` }],
    })
  )[0]!.rows

describe('gathering the rows of a run', () => {
  test('original rows first, then live ones in time; the newest are marked as test, and what the champion knows is in none', async () => {
    const found = await gather()
    assert.deepEqual(
      [found.labelled, found.unknownTruth, found.original, found.live, found.sealed, found.seenByChampion.alike],
      [300, 3, 400, 208, 79, 10],
    )
    assert.equal(found.seenByChampion.alikeIsUsual, false)
    assert.deepEqual(
      (
        await read(
          'SELECT DISTINCT gathered_part, min(__row) OVER (PARTITION BY gathered_part), max(__row) OVER (PARTITION BY gathered_part)',
        )
      ).sort(),
      [
        ['test/live', 608, 686],
        ['train/live', 400, 607],
        ['train/original', 0, 399],
      ],
    )
    assert.deepEqual(
      found.classes.map(({ value }) => value),
      ['no', 'yes'],
    )
    const summed = (name: 'original' | 'live' | 'sealed') => found.classes.reduce((sum, one) => sum + one[name], 0)
    assert.deepEqual([summed('original'), summed('live'), summed('sealed')], [400, 208, 79])
    assert.equal(
      found.timeline.reduce((sum, { live, sealed }) => sum + live + sealed, 0),
      287,
    )
  })

  test('what was gathered when the champion was made is not judged on, and does not join twice', async () => {
    const until = Date.parse('2026-01-01T00:04:20Z')
    // The champion learnt from the first two hundred live rows too.
    await tables.run({
      folders: [folder],
      statements: [
        {
          sql: copyToParquet(
            `SELECT (1000 + row_number() OVER (ORDER BY __at))::BIGINT AS __row, n, part, __truth AS churn FROM ${parquet(`${folder}/labelled.parquet`)} WHERE __at < TIMESTAMP '2026-01-01 00:03:20'`,
            `${folder}/before.parquet`,
            4,
          ),
        },
      ],
    })
    const found = await gather({ knownUntilMs: until, learnt: [`${folder}/learnt.parquet`, `${folder}/before.parquet`] })
    assert.deepEqual([found.seenByChampion.before, found.original, found.sealed], [258, 600, 10])
    // Of 297 usable rows 197 are among those already, 12 are the newest three tenths of what is fresh, two of these are known to the champion.
    assert.equal(found.live, 297 - 197 - 12)
    assert.ok(found.sealedFromMs! > until)
  })

  test('where rows repeat themselves anyway, likeness says nothing', async () => {
    await tables.run({
      folders: [folder],
      statements: [
        {
          sql: copyToParquet(
            `SELECT * REPLACE (n % 9 AS n) FROM ${parquet(`${folder}/learnt.parquet`)}`,
            `${folder}/dull.parquet`,
            4,
          ),
        },
      ],
    })
    const found = await gather({ learnt: [`${folder}/dull.parquet`] })
    assert.deepEqual([found.seenByChampion.alikeIsUsual, found.seenByChampion.alike], [true, 0])
  })

  test('only the newest so many, without the rows that the champion learnt from', async () => {
    const found = await gather({ mostRows: 100, original: false })
    assert.deepEqual([found.original, found.live + found.sealed + found.seenByChampion.alike], [0, 100])
    assert.deepEqual(await read('SELECT count(*)'), [[found.live + found.sealed]])
  })

  test('pictures are told apart by what is in them, and a row whose picture was not kept joins nothing', async () => {
    const items = (of: [path: string, content: string][]) =>
      of.map(([path, sha256]) => `${JSON.stringify({ path, sha256, sizeBytes: 10, contentType: 'image/png' })}\n`).join('')
    // Two names of one picture; the first live one is the same again, the second is new, of the third no bytes were kept.
    await writeFile(`${folder}/known.jsonl`, items([...Array(40).keys()].map((n) => [`cats/${n}.png`, `old${Math.max(1, n)}`])))
    await writeFile(
      `${folder}/live.jsonl`,
      items([...Array(30).keys()].map((n) => [`live/new${n}.png`, n === 20 ? 'old0' : `new${n}`])),
    )
    await tables.run({
      folders: [folder],
      statements: [
        {
          sql: copyToParquet(
            `SELECT range AS __row, 'cats/' || range || '.png' AS image, CASE WHEN range % 2 = 0 THEN 'yes' ELSE 'no' END AS churn FROM range(40)`,
            `${folder}/pictures.parquet`,
            3,
          ),
        },
        {
          sql: copyToParquet(
            `SELECT '{"sha256":"' || CASE WHEN range = 29 THEN 'old3' ELSE 'new' || range END || '","bytes":10}' AS image, 'req_' || range AS __id,
              TIMESTAMP '2026-01-01' + INTERVAL (range) SECOND AS __at, CASE WHEN range % 2 = 0 THEN 'yes' ELSE 'no' END AS __truth FROM range(30)`,
            `${folder}/asked.parquet`,
            4,
          ),
        },
      ],
    })
    const image = { ...columns[0]!, name: 'image', type: 'image' as const }
    const found = await gather({
      labelled: `${folder}/asked.parquet`,
      learnt: [`${folder}/pictures.parquet`],
      columns: [image, columns[2]!],
      media: { columns: ['image'], known: `${folder}/known.jsonl`, live: `${folder}/live.jsonl` },
    })
    assert.deepEqual([found.withoutFile, found.original, found.live, found.sealed], [1, 40, 20, 8])
    assert.equal(found.seenByChampion.alike, 1, 'a picture that it learnt from, sent again')
    const names = found.items.map(({ path }) => path)
    assert.deepEqual(
      [names.length, names.includes('cats/1.png'), names.includes('live/new5.png'), names.includes('live/new20.png')],
      [39 + 28, false, true, false],
    )
    assert.deepEqual(await read(`SELECT count(*) FILTER (image IS NULL), count(*)`), [[0, 68]])
  })
})
