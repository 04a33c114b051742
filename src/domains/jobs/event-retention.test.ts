import assert from 'node:assert/strict'
import { days } from '../../kernel/time.ts'
import { onEachDatabase } from '../../ports/metadata/testing.ts'
import { authWorld } from '../auth/testing.ts'
import { daysOfLogs, daysOfProgress, trimEvents } from './event-retention.ts'
import { jobStore } from './store.ts'
import { jobTables } from './tables.ts'
import { jobsTestMigrations } from './testing.ts'

const told = ['log', 'progress', 'metric', 'progress', 'warning', 'trial', 'checkpoint', 'artifact', 'result', 'log'] as const

onEachDatabase(
  'a job that is over keeps its log for a while, and what became of it for good',
  jobsTestMigrations,
  async (metadata) => {
    const { admin, project } = await authWorld(metadata)
    const store = jobStore(metadata)
    const now = Date.now()
    const ages = { running: null, fresh: 0.5, yesterday: daysOfProgress + 0.5, old: daysOfLogs + 1 }
    for (const [name, age] of Object.entries(ages)) {
      const at = age === null ? null : now - days(age)
      await jobTables(metadata.db)
        .insertInto('jobs')
        .values({
          id: `job_${name}`,
          project_id: project.id,
          owner_id: admin.userId!,
          name,
          visibility: 'team',
          description: '',
          tags: '[]',
          created_at: now,
          updated_at: now,
          deleted_at: null,
          kind: 'x',
          lane: 'batch',
          state: age === null ? 'running' : 'succeeded',
          spec: '{}',
          cancel_requested: 0,
          attempt: 1,
          max_attempts: 3,
          crashes: 0,
          event_seq: 0,
          queued_at: now,
          finished_at: at,
        } as never)
        .execute()
      await metadata.transaction((tx) =>
        store.appendEvents(tx, { id: `job_${name}`, attempt: 1 }, [
          { type: 'state', data: { state: 'running' } },
          ...told.map((type) => ({ type, data: {} })),
        ]),
      )
    }
    const typesOf = async (name: string) => (await store.eventsAfter(`job_${name}`, 0, 100)).map(({ type }) => type)
    assert.equal(await trimEvents(metadata, now), 2 + 8)
    assert.deepEqual(await typesOf('running'), ['state', ...told])
    assert.deepEqual(await typesOf('fresh'), ['state', ...told])
    assert.deepEqual(await typesOf('yesterday'), ['state', ...told.filter((type) => type !== 'progress')])
    assert.deepEqual(await typesOf('old'), ['state', 'warning', 'result'])
    assert.deepEqual(
      (await store.eventsAfter('job_old', 6, 100)).map(({ seq }) => seq),
      [10],
      'a reader that comes back goes on behind the number it has',
    )
    assert.equal(await trimEvents(metadata, now), 0)
  },
)
