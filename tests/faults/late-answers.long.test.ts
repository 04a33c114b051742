/** Batch transforms and invocations while their server is killed with -9: nothing that was accepted is lost, every row and request is answered once. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { modelWorld } from '../model-world.ts'
import { ask, kill, type Server, start } from './whole-server.ts'

const rows = 260_000
const requests = 60

test('a server that is killed again and again answers every row and every request once', { timeout: 150_000 }, async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'atoll-late-'))
  let server: Server | null = null
  try {
    const world = await modelWorld({ dataDir })
    await world.register('churn')
    await world.ask('POST', '/v1/endpoints', { name: 'live', model: 'churn' })
    const lines = Array.from({ length: rows }, (_, i) => `${i},${(i % 201) / 100 - 1},${(i % 7) / 3},${i % 3 ? 'OH' : 'AK'}`)
    await world.addTable('many', `id,a,b,state\n${lines.join('\n')}\n`)
    await world.close()

    server = await start({ dataDir })
    const made = await ask(server, 'POST', '/v1/transforms', {
      model: 'churn',
      input: { dataset: 'many' },
      keep: ['id'],
      output: { format: 'csv' },
    })
    const accepted: string[] = []
    for (let round = 0; round < 2; round++) {
      const now = server
      const sending = Array.from({ length: requests / 2 }, async (_, i) => {
        const body = { rows: [{ a: i / 10, b: round, state: 'OH' }] }
        const one = await ask(now, 'POST', '/v1/endpoints/live/invocations', body).catch(() => null)
        if (one) accepted.push(one.id)
      })
      // In the middle of it: some are accepted, others are on their way.
      while (accepted.length < (requests / 4) * (round + 1)) await sleep(5)
      await kill(server)
      await Promise.all(sending)
      server = await start({ dataDir })
    }
    const finished = async (path: string) => {
      for (;;) {
        const { state, failure } = await ask(server!, 'GET', path)
        if (failure) throw new Error(`${path}: ${JSON.stringify(failure)}`)
        if (state !== 'queued' && state !== 'running') return state
        await sleep(100)
      }
    }
    assert.equal(await finished(`/v1/transforms/${made.id}`), 'succeeded')
    const [head, ...answers] = (await ask(server, 'GET', `/v1/transforms/${made.id}/result`)).trim().split('\n') as string[]
    assert.equal(head, 'id,predicted_label,predicted_probability_no,predicted_probability_yes')
    assert.equal(answers.length, rows)
    assert.ok(answers.every((line, i) => line.startsWith(`${i},`)))
    assert.ok(accepted.length >= requests / 2, `${accepted.length} were accepted`)
    for (const id of accepted) assert.equal(await finished(`/v1/invocations/${id}`), 'succeeded')
    // The same rows give the same bytes, however often their work was broken off.
    const again = await ask(server, 'POST', '/v1/transforms', {
      model: 'churn',
      input: { dataset: 'many' },
      keep: ['id'],
      output: { format: 'csv' },
    })
    assert.equal(await finished(`/v1/transforms/${again.id}`), 'succeeded')
    const hash = (text: string) => createHash('sha256').update(text).digest('hex')
    const undisturbed = await ask(server, 'GET', `/v1/transforms/${again.id}/result`)
    assert.equal(hash(undisturbed), hash(`${[head, ...answers].join('\n')}\n`))
  } finally {
    if (server) await kill(server)
    await rm(dataDir, { recursive: true, force: true })
  }
})
