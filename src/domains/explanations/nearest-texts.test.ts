import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { openDuckDb } from '../../ports/tables/duckdb.ts'
import type { Signature } from '../registry/schema.ts'
import { nearestTextsSql, readsTexts, textOf } from './nearest-texts.ts'

const folder = await mkdtemp(join(tmpdir(), 'atoll-texts-'))
const tables = openDuckDb()
after(async () => {
  await tables.close()
  await rm(folder, { recursive: true, force: true })
})
const input = (name: string) => ({ name, type: 'text', tensor: 'tokens', index: 0, nullable: true })
const signature = { inputs: [input('title'), input('body')], target: 'label' } as unknown as Signature

test('the nearest training texts share the rarest words, and those that share none are not told', async () => {
  const path = join(folder, 'data.parquet')
  const rows = [
    ['Cats', 'the cat sat on the mat', 'pets'],
    ['Dogs', 'the dog sat on the log', 'pets'],
    [null, 'Schrödinger kept a cat in a box', 'physics'],
    ['Boats', 'sails and keels', 'sea'],
  ]
  const values = rows
    .map(([title, body, label], at) => `(${at}, ${title ? `'${title}'` : 'NULL'}, '${body}', '${label}')`)
    .join(', ')
  await tables.run({
    folders: [folder],
    statements: [{ sql: `COPY (SELECT * FROM (VALUES ${values}) t(__row, title, body, label)) TO '${path}' (FORMAT parquet)` }],
  })
  const near = async (row: Record<string, unknown>, limit = 10) => {
    const [found] = await tables.run({
      files: [path],
      statements: [{ sql: nearestTextsSql(path, signature, limit), params: [textOf(signature, row)] }],
    })
    return found!.rows.map(([number, actual, apart]) => [Number(number), actual, Number(apart)] as const)
  }
  const found = await near({ title: 'SCHRÖDINGER', body: "the cat's box" })
  assert.deepEqual(
    found.map(([number, actual]) => [number, actual]),
    [
      [2, 'physics'],
      [0, 'pets'],
      [1, 'pets'],
    ],
  )
  assert.ok(found.every(([, , apart], at) => apart >= 0 && apart < 1 && (at === 0 || apart >= found[at - 1]![2])))
  const [same] = await near({ title: 'Boats', body: 'sails and keels' }, 1)
  assert.ok(Math.abs(same![2]) < 1e-9)
  assert.deepEqual(await near({ title: null, body: 'zebra!' }), [])
})

test('only models that read nothing but texts are compared so', () => {
  assert.equal(readsTexts(signature), true)
  assert.equal(
    readsTexts({ inputs: [...signature.inputs, { ...input('n'), type: 'number', tensor: 'numbers' }] } as never),
    false,
  )
  assert.equal(readsTexts({ inputs: [] } as never), false)
})
