import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { StreamReply } from '../../../kernel/route.ts'
import { localAppendLogs } from '../../../ports/logs/local.ts'
import { openSqlite } from '../../../ports/metadata/sqlite.ts'
import { EndpointInput, PredictOutput } from '../schema.ts'
import { servingMigrations, servingWorld } from '../testing.ts'
import { TruthInput } from '../truth/schema.ts'
import { LogExportQuery, LogQuery } from './schema.ts'

type World = Awaited<ReturnType<typeof servingWorld>>

const onSqlite = (name: string, work: (w: World) => Promise<void>) =>
  test(name, { timeout: 60_000 }, async () => {
    const metadata = openSqlite({ file: ':memory:' })
    await metadata.migrate(servingMigrations)
    const folder = await mkdtemp(join(tmpdir(), 'atoll-log-'))
    // Small files: a search has many to go through.
    const logs = localAppendLogs(folder, (error) => assert.fail(String(error)), { segmentBytes: 2000 })
    const w = await servingWorld(metadata, { logs })
    try {
      await work(w)
    } finally {
      await w.endpoints.close()
      await w.done()
      await metadata.close()
      await rm(folder, { recursive: true })
    }
  })

let requests = 0

async function predict(w: World, rows: object[]) {
  const body = { rows }
  const request = { body: () => body, text: JSON.stringify(body), requestId: `req_${String(++requests).padStart(4, '0')}` }
  return PredictOutput.parse(JSON.parse(await w.endpoints.predictText(w.by, 'live', request))).predictions
}

const search = (w: World, query: object = {}) => w.endpoints.log.search(w.by, 'live', LogQuery.parse(query))
const idsOf = async (w: World, query: object) => (await search(w, query)).items.map(({ id }) => id)

async function textOf(reply: StreamReply): Promise<string> {
  const pieces: Uint8Array[] = []
  for await (const piece of reply.body as AsyncIterable<Uint8Array>) pieces.push(piece)
  return Buffer.concat(pieces).toString('utf8')
}

async function filled(w: World) {
  await w.register('churn')
  const endpoint = await w.endpoints.create(
    w.by,
    EndpointInput.parse({ model: 'churn', name: 'live', capture: { key: 'customer' } }),
  )
  const given = [
    { a: 5, b: 5, state: 'OH', customer: 'Ann "the" Bäcker' },
    { a: -5, b: -5, state: 'AK', customer: 'Bob/2' },
    { a: 0, b: 0, state: 'NY' },
    { a: 0.5, b: 0, state: 'OH', customer: '=1+1' },
  ]
  const ids: string[] = []
  for (const row of given) {
    ids.push((await predict(w, [row]))[0]!.id)
    await w.endpoints.captureFiles(endpoint.id, 0, Date.now())
    await new Promise((resolve) => setTimeout(resolve, 3))
  }
  await w.endpoints.truth.give(
    w.by,
    'live',
    TruthInput.parse({
      items: [
        { id: ids[0], value: 'yes' },
        { key: 'Bob/2', value: 'yes' },
      ],
    }),
  )
  return ids as [string, string, string, string]
}

onSqlite('the log is searched by text, column, id, key, label, score, variant, time and truth', async (w) => {
  const [first, second, third, fourth] = await filled(w)
  const cases: [object, string[]][] = [
    [{}, [fourth, third, second, first]],
    [{ q: 'oh' }, [fourth, first]],
    [{ q: 'oh', column: 'customer' }, []],
    [{ q: 'bäck' }, [first]],
    [{ q: 'BOB/2' }, [second]],
    [{ q: '"the"' }, [first]],
    [{ q: 'state' }, []],
    [{ id: first }, [first]],
    [{ id: 'req_absent' }, []],
    [{ key: 'Bob/2' }, [second]],
    [{ label: 'yes' }, [fourth, first]],
    [{ above: 0.99 }, [first]],
    [{ below: 0.01 }, [second]],
    [{ above: 0.4, below: 0.6 }, [third]],
    [{ variant: 'main' }, [fourth, third, second, first]],
    [{ variant: 'other' }, []],
    [{ to: '2020-01-01T00:00:00Z' }, []],
    [{ from: '2020-01-01T00:00:00Z', q: 'ny' }, [third]],
    [{ truth: 'known' }, [second, first]],
    [{ truth: 'unknown' }, [fourth, third]],
    [{ truth: 'right' }, [first]],
    [{ truth: 'wrong' }, [second]],
    [{ q: "'; DROP TABLE x; --" }, []],
    [{ label: "no' OR '1'='1" }, []],
  ]
  for (const [query, wanted] of cases) assert.deepEqual(await idsOf(w, query), wanted, JSON.stringify(query))
  const { items } = await search(w, { id: second })
  const [one] = items
  assert.deepEqual([one!.truth?.value, one!.row.customer, one!.prediction.label, one!.variant], ['yes', 'Bob/2', 'no', 'main'])
  assert.ok(one!.score! < 0.01)
})

onSqlite('what cannot be asked is refused; who may not see the endpoint finds none', async (w) => {
  await filled(w)
  const refused = (query: object) =>
    search(w, query).then(
      () => assert.fail('it was accepted'),
      (error) => error,
    )
  assert.match((await refused({ column: 'a' })).message, /give both/)
  assert.match((await refused({ column: 'absent', q: 'x' })).message, /no column "absent"/)
  assert.equal((await refused({ cursor: 'nonsense' })).code, 'invalid_input')
  const stranger = await w.person('Sam', null)
  await assert.rejects(w.endpoints.log.search(stranger, 'live', LogQuery.parse({})), { code: 'not_found' })
  await assert.rejects(w.endpoints.log.exportLog(stranger, 'live', LogExportQuery.parse({})), { code: 'not_found' })
})

onSqlite('pages follow one another over many files, each row once', async (w) => {
  await w.register('churn')
  const endpoint = await w.endpoints.create(w.by, EndpointInput.parse({ model: 'churn', name: 'live' }))
  const all: string[] = []
  for (let i = 0; i < 12; i++) {
    const rows = Array.from({ length: 5 }, (_, k) => ({ a: i / 10, b: k, state: 'OH' }))
    all.push(...(await predict(w, rows)).map(({ id }) => id))
    await w.endpoints.captureFiles(endpoint.id, 0, Date.now())
  }
  const { paths } = await w.endpoints.captureFiles(endpoint.id, 0, Date.now())
  assert.ok(paths.length >= 3, `${paths.length} files`)
  const seen: string[] = []
  let cursor: string | null | undefined
  do {
    const page = await search(w, { limit: 7, ...(cursor && { cursor }) })
    assert.ok(page.items.length <= 7)
    seen.push(...page.items.map(({ id }) => id))
    cursor = page.nextCursor
  } while (cursor)
  assert.equal(new Set(seen).size, 60)
  assert.deepEqual([...seen].sort(), [...all].sort())
})

onSqlite('an export holds what the search finds, with truth, and no cell that a spreadsheet would run', async (w) => {
  await filled(w)
  const csv = await textOf(await w.endpoints.log.exportLog(w.by, 'live', LogExportQuery.parse({ q: 'oh' })))
  const [head, ...lines] = csv.trim().split('\n')
  assert.match(head!, /^__id,__at,__variant,__version,a,b,state,customer,__label,__score,__prediction,__truth$/)
  assert.equal(lines.length, 2)
  assert.match(lines[0]!, /"Ann ""the"" Bäcker",yes,0\.99.*,yes$/)
  assert.match(lines[1]!, /,'=1\+1,yes,0\.8.*,$/)
  const parquet = await w.endpoints.log.exportLog(w.by, 'live', LogExportQuery.parse({ format: 'parquet', truth: 'known' }))
  assert.match((await textOf(parquet)).slice(0, 4), /PAR1/)
})
