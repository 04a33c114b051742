import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { runById, stepsOf, toRun } from '../../src/domains/loops/store.ts'
import { byHand, loopTestMigrations, loopWorld } from '../../src/domains/loops/testing.ts'
import { openSqlite } from '../../src/ports/metadata/sqlite.ts'

const steps = ['gather', 'train', 'judge', 'approve', 'shadow', 'rollout', 'watch'] as const

/** Runs a driver in a process of its own until it dies or has nothing left to do; answers the signal that ended it. */
function drive(file: string, moment: string): Promise<string | null> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(import.meta.dirname, 'loop-run.ts'), file, moment], {
      stdio: ['ignore', 'inherit', 'inherit'],
      timeout: 30_000,
    })
    child.on('error', reject)
    child.on('exit', (_, signal) => resolve(signal))
  })
}

test('killed at every step, while it begins something, after it did, and between two steps, a run goes on and does nothing twice', {
  timeout: 120_000,
}, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'atoll-kill-'))
  const file = join(folder, 'loop.db')
  try {
    const metadata = openSqlite({ file })
    await metadata.migrate(loopTestMigrations)
    const w = await loopWorld(metadata)
    const { store } = w.driver({} as never)
    const id = await store.begin(w.by, w.loop, byHand)
    // One of the three moments at each step, so that all come up and the test stays short.
    const moments = steps.map((step, i) => `${['beginning', 'begun', 'running'][i % 3]} ${step}`)
    for (const moment of [...moments, 'ended watch']) assert.equal(await drive(file, moment), 'SIGKILL', moment)
    assert.equal(await drive(file, 'never'), null)
    const run = toRun((await runById(metadata.db, id))!, await stepsOf(metadata.db, id))
    assert.deepEqual([run.state, run.outcome, run.steps.length], ['ended', 'done', steps.length])
    const effects = await metadata.db.selectFrom('effects').select('step').execute()
    assert.deepEqual(effects.map(({ step }) => step).sort(), [...steps].sort(), 'each thing was begun once')
    const trail = await metadata.db.selectFrom('audit').select('action').where('action', 'like', 'loops.%').execute()
    assert.equal(trail.length, 1 + 6 + 1)
    await metadata.close()
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})
