/** What is deleted can be had back by those who could delete it, and is seen by those who saw it. */
import assert from 'node:assert/strict'
import { onEachPlatform } from '../platform-world.ts'
import { resourceTables, rowMaker } from './rows.ts'

onEachPlatform('every noun comes back from the bin, for those who may', async (world) => {
  const { call, platform, person, project } = world
  const { db } = platform.metadata
  const tables = await resourceTables(platform.metadata)
  const makeRow = await rowMaker(world, tables)
  const [editor, viewer, outsider] = [await person('Edda', 'editor'), await person('Vera', 'viewer'), await person('Otto', null)]
  const listed = async (token: string, query = '') =>
    (await call('GET', `/v1/bin?limit=100&project=${project.id}${query}`, { token })).json.items?.map((item: any) => item.id)
  for (const table of tables.filter(({ name }) => name !== 'jobs')) {
    const id = await makeRow(table, editor.id, 'team')
    const hidden = await makeRow(table, editor.id, 'private')
    await db.updateTable(table.name).set({ deleted_at: Date.now() }).where('id', 'in', [id, hidden]).execute()
    assert.deepEqual((await listed(editor.token)).sort(), [id, hidden].sort(), table.name)
    assert.deepEqual(await listed(viewer.token), [id], table.name)
    const restore = (token: string, which = id) => call('POST', `/v1/bin/${which}/restore`, { token })
    assert.equal((await restore(viewer.token)).status, 403, table.name)
    assert.equal((await restore(viewer.token, hidden)).status, 404, table.name)
    assert.equal((await restore(outsider.token)).status, 404, table.name)
    const back = await restore(editor.token)
    assert.equal(back.status, 200, `${table.name}: ${back.text}`)
    assert.equal((await call('GET', `/v1/${table.name}/${id}`, { token: viewer.token })).status, 200, table.name)
    assert.equal((await restore(editor.token)).status, 404, `${table.name} is in the bin no more`)
    assert.equal((await restore(editor.token, hidden)).status, 200, table.name)
    const audited = (await call('GET', `/v1/audit?target=${id}&limit=10`)).json.items
    assert.deepEqual(
      audited.map((entry: any) => entry.action),
      [`${table.name}.restore`],
    )
  }
})

onEachPlatform(
  'a name that was taken meanwhile is said, an experiment comes back with its runs, pages go on',
  async ({ call }) => {
    const make = async (path: string, body: unknown) => {
      const reply = await call('POST', path, { body })
      assert.equal(reply.status, 201, reply.text)
      return reply.json
    }
    const experiment = await make('/v1/experiments', { name: 'birds' })
    const runs = []
    for (let i = 0; i < 5; i++) runs.push(await make('/v1/runs', { experiment: 'birds', name: `run ${i}` }))
    await call('DELETE', `/v1/runs/${runs[0].id}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
    await call('DELETE', '/v1/experiments/birds')
    const alone = await call('POST', `/v1/bin/${runs[1].id}/restore`)
    assert.deepEqual([alone.status, alone.json.error.code], [409, 'conflict'])
    assert.match(alone.json.error.message, /of the experiment "birds", which is in the bin too/)

    const seen: string[] = []
    for (let cursor: string | null = ''; cursor !== null; ) {
      const { json } = await call('GET', `/v1/bin?limit=2${cursor && `&cursor=${cursor}`}`)
      seen.push(...json.items.map((item: any) => item.id))
      cursor = json.nextCursor
    }
    assert.deepEqual(seen.toSorted(), [experiment.id, ...runs.map((run) => run.id)].toSorted())
    assert.equal((await call('GET', '/v1/bin?q=BIRDS')).json.items.length, 1)
    assert.equal((await call('GET', '/v1/bin?cursor=made-up')).status, 400)

    await make('/v1/experiments', { name: 'birds' })
    const taken = await call('POST', `/v1/bin/${experiment.id}/restore`)
    assert.equal(taken.status, 409)
    assert.match(taken.json.error.message, /Another experiment is called "birds" now/)
    await call('PATCH', '/v1/experiments/birds', { body: { name: 'new birds' } })
    assert.equal((await call('POST', `/v1/bin/${experiment.id}/restore`)).status, 200)
    const back = await call('GET', `/v1/runs?experiment=${experiment.id}`)
    assert.equal(back.json.items.length, 4, 'those that went with it, not the one deleted before')
    assert.equal((await call('POST', `/v1/bin/${runs[0].id}/restore`)).status, 200)
  },
)
