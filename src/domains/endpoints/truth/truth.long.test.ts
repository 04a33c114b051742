import assert from 'node:assert/strict'
import { createWriteStream } from 'node:fs'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { openSqlite } from '../../../ports/metadata/sqlite.ts'
import { openDuckDb } from '../../../ports/tables/duckdb.ts'
import { EndpointInput } from '../schema.ts'
import { servingMigrations, servingWorld } from '../testing.ts'
import { TruthInput } from './schema.ts'

const million = 1_000_000
const mostSeconds = 40
const tables = openDuckDb()
after(() => tables.close())

test('a million captured rows join a million truths in seconds, and the server stays small', { timeout: 600_000 }, async (t) => {
  const place = await mkdtemp(join(tmpdir(), 'atoll-truth-'))
  t.after(() => rm(place, { recursive: true }))
  const uploads = {
    open: async () => ({ path: join(place, 'truth.parquet'), filename: 'truth.parquet' }),
    forget: async () => {},
  }
  const metadata = openSqlite({ file: join(place, 'atoll.db') })
  await metadata.migrate(servingMigrations)
  const w = await servingWorld(metadata, { uploads: uploads as never, tables })
  t.after(async () => {
    await w.endpoints.close()
    await w.done()
    await metadata.close()
  })
  await w.register('churn')
  const endpoint = await w.endpoints.create(w.by, EndpointInput.parse({ model: 'churn', name: 'live' }))
  const captures = join(w.folder, 'captures', endpoint.id)
  await mkdir(captures, { recursive: true })
  const start = Date.now() - 3_600_000
  for (let segment = 0; segment < 4; segment++) {
    const out = createWriteStream(join(captures, `${start + segment}-${process.pid}-9${segment}.jsonl`))
    for (let i = 0; i < million / 4; i += 100) {
      let lines = ''
      for (let k = 0; k < 100; k++) {
        const n = segment * (million / 4) + i + k
        const yes = (n % 1000) / 1000
        lines += `{"at":${start + n},"version":"${endpoint.version}","body":{"row":{"a":${yes},"b":${n},"state":"OH"}},"predictions":[{"id":"req_${n}","label":"${yes > 0.5 ? 'yes' : 'no'}","probabilities":{"no":${1 - yes},"yes":${yes}}}]}\n`
      }
      if (!out.write(lines)) await new Promise<void>((resolve) => void out.once('drain', resolve))
    }
    await new Promise<void>((resolve) => void out.end(resolve))
  }
  await tables.run({
    folders: [place],
    statements: [
      {
        sql: `COPY (SELECT 'req_' || range AS id, CASE WHEN range % 3 = 0 THEN 'yes' ELSE 'no' END AS value FROM range(${million})) TO '${place}/truth.parquet' (FORMAT parquet)`,
      },
    ],
  })

  let largest = 0
  const watch = setInterval(() => {
    largest = Math.max(largest, process.memoryUsage().rss)
  }, 50)
  t.after(() => clearInterval(watch))
  const before = process.memoryUsage().rss
  const timed = async <T>(what: string, work: () => Promise<T>): Promise<T> => {
    const began = performance.now()
    const result = await work()
    const seconds = (performance.now() - began) / 1000
    t.diagnostic(`${what}: ${seconds.toFixed(1)} s`)
    assert.ok(seconds < mostSeconds, `${what} took ${seconds.toFixed(1)} s`)
    return result
  }
  const told = await timed('a million truths from a file', () =>
    w.endpoints.truth.give(w.by, 'live', TruthInput.parse({ upload: 'x' })),
  )
  assert.deepEqual([told.stored, told.unmatched], [million, 0])
  const window = { endpointId: endpoint.id, fromMs: 0, toMs: Date.now() + 3_600_000 }
  assert.equal((await timed('labelled rows', () => w.endpoints.labelledRows(window, place))).rows, million)
  const summary = await timed('the summary', () => w.endpoints.truth.summary(w.by, 'live', { days: 1 }))
  assert.equal(summary.score?.rows, million)
  t.diagnostic(`the server grew by ${((largest - before) / 2 ** 20).toFixed(0)} MB`)
  assert.ok(largest - before < 400 * 2 ** 20, `the server grew by ${(largest - before) / 2 ** 20} MB`)
})
