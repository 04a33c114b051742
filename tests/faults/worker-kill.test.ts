import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { EndpointInput } from '../../src/domains/endpoints/schema.ts'
import { servingMigrations, servingWorld } from '../../src/domains/endpoints/testing.ts'
import { isPlatformError } from '../../src/kernel/errors.ts'
import { openSqlite } from '../../src/ports/metadata/sqlite.ts'

const mostMs = 2000

test('kill -9 of a model’s process under load: callers see at most a retryable refusal, nothing captured is lost, and it is back within two seconds', {
  timeout: 60_000,
}, async (t) => {
  const metadata = openSqlite({ file: ':memory:' })
  await metadata.migrate(servingMigrations)
  const w = await servingWorld(metadata)
  try {
    const { id } = await w.register('outside', { parity: null })
    const { manifest } = (await metadata.db
      .selectFrom('model_versions')
      .select('manifest')
      .where('id', '=', id)
      .executeTakeFirstOrThrow()) as { manifest: string }
    await metadata.db
      .updateTable('model_versions')
      .set({ manifest: JSON.stringify({ ...JSON.parse(manifest), trust: 'imported' }), state: 'approved' })
      .where('id', '=', id)
      .execute()
    await w.endpoints.create(w.admin, EndpointInput.parse({ model: 'outside', name: 'live' }))

    const body = { row: { a: 1, b: 1, state: 'OH' } }
    const text = JSON.stringify(body)
    const answered = new Set<string>()
    const refused: { at: number; error: unknown }[] = []
    const successes: number[] = []
    let isOver = false
    const caller = async (n: number) => {
      for (let i = 0; !isOver; i++) {
        const requestId = `req_${n}_${i}`
        try {
          const answer = JSON.parse(await w.endpoints.predictText(w.by, 'live', { body: () => body, text, requestId }))
          answered.add(answer.predictions[0].id)
          successes.push(performance.now())
        } catch (error) {
          refused.push({ at: performance.now(), error })
          await sleep(20)
        }
      }
    }
    const callers = Array.from({ length: 16 }, (_, n) => caller(n))
    const backMs: number[] = []
    for (let kill = 0; kill < 2; kill++) {
      await sleep(500)
      const [victim] = workersOf(process.pid)
      assert.ok(victim, 'the model has a process of its own')
      process.kill(victim, 'SIGKILL')
      const at = performance.now()
      await sleep(mostMs + 200)
      const back = successes.find((moment) => moment > at + 50)
      assert.ok(back !== undefined && back - at < mostMs, `back after ${back === undefined ? 'never' : back - at} ms`)
      backMs.push(back - at)
    }
    isOver = true
    await Promise.all(callers)
    t.diagnostic(
      `${answered.size} answered, ${refused.length} refused; back after ${backMs.map((ms) => ms.toFixed(0)).join(' and ')} ms at most`,
    )
    for (const { error } of refused) {
      assert.ok(isPlatformError(error), String(error))
      assert.equal(error.code, 'unavailable')
    }
    assert.ok(refused.length <= 2 * 16 * 20, `${refused.length} refusals`)
    const kept = new Set<string>()
    for (let cursor: string | undefined; ; ) {
      const page = await w.endpoints.listCaptures(w.by, 'live', { limit: 200, ...(cursor && { cursor }) })
      for (const one of page.items) kept.add(one.id)
      if (page.nextCursor === null) break
      cursor = page.nextCursor
    }
    assert.deepEqual([...answered].filter((one) => !kept.has(one)).slice(0, 3), [])
    assert.equal(kept.size, answered.size)
  } finally {
    await w.endpoints.close()
    await w.done()
    await metadata.close()
  }
})

/** Children of a process that run a model. */
function workersOf(parent: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
        const isChild = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === parent
        return isChild && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('onnx-remote')
      } catch {
        return false
      }
    })
}
