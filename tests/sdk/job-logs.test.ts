import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { openWorld } from '../platform-world.ts'

const atoll = join(import.meta.dirname, '..', '..', 'scripts', 'atoll.mjs')

test('the log of a job is printed whole, page after page, and then ends', async () => {
  const world = await openWorld('sqlite')
  try {
    const { db } = world.platform.metadata
    const { user } = (await world.call('GET', '/v1/session')).json
    const now = Date.now()
    const job = 'job_00000000000000000000000000'
    await db
      .insertInto('jobs')
      .values({
        ...{
          id: job,
          project_id: world.project.id,
          owner_id: user.id,
          name: 'x',
          visibility: 'team',
          description: '',
          tags: '[]',
        },
        ...{ created_at: now, updated_at: now, queued_at: now, kind: 'none', lane: 'x', state: 'succeeded', spec: '{}' },
        ...{ cancel_requested: 0, attempt: 1, max_attempts: 3, crashes: 0, event_seq: 1200, finished_at: now },
      })
      .execute()
    for (let seq = 1; seq <= 1200; seq++)
      await db
        .insertInto('job_events')
        .values({
          job_id: job,
          seq,
          attempt: 1,
          at: now,
          type: 'log',
          data: JSON.stringify({ level: 'info', message: `line ${seq}` }),
        })
        .execute()
    const child = spawn(process.execPath, [atoll, 'jobs', 'logs', job, '--json'], {
      env: { PATH: process.env.PATH, ATOLL_URL: world.server.url, ATOLL_TOKEN: world.token },
      stdio: ['ignore', 'pipe', 'inherit'],
      timeout: 30_000,
    })
    const ended = new Promise((resolve) => child.once('exit', resolve))
    const printed = JSON.parse(await text(child.stdout!)) as { seq: number }[]
    assert.equal(await ended, 0)
    assert.deepEqual([printed.length, printed.at(-1)?.seq], [1200, 1200])
  } finally {
    await world.close()
  }
})
