import type { Events } from '../../kernel/events.ts'
import type { Family } from '../../kernel/exposition.ts'
import type { Metadata } from '../../ports/metadata/metadata.ts'
import { jobTables } from './tables.ts'

const finalStates = new Set(['succeeded', 'failed', 'cancelled'])

/** Figures of jobs: those that wait and run, wherever, and those that ended here since this process began. */
export function jobFamilies({ metadata, events }: { metadata: Metadata; events: Events }): () => Promise<Family[]> {
  const ended = new Map<string, { kind: string; state: string; count: number }>()
  events.on('job.changed', ({ kind, state }) => {
    if (!finalStates.has(state)) return
    const known = ended.get(`${kind} ${state}`) ?? { kind, state, count: 0 }
    known.count++
    ended.set(`${kind} ${state}`, known)
  })
  return async () => {
    const open = await jobTables(metadata.db)
      .selectFrom('jobs')
      .select((eb) => ['kind', 'state', eb.fn.countAll().as('count')])
      .where('state', 'in', ['queued', 'running'])
      .where('deleted_at', 'is', null)
      .groupBy(['kind', 'state'])
      .execute()
    const total = (state: string) => open.filter((row) => row.state === state).reduce((sum, { count }) => sum + Number(count), 0)
    return [
      {
        name: 'atoll_jobs',
        type: 'gauge',
        help: 'Jobs that wait or run, on all servers of this database.',
        samples: (['queued', 'running'] as const).map((state) => ({ labels: { state }, value: total(state) })),
      },
      {
        name: 'atoll_jobs_by_kind',
        type: 'gauge',
        help: 'The same by kind.',
        samples: open.map(({ kind, state, count }) => ({ labels: { kind, state }, value: Number(count) })),
      },
      {
        name: 'atoll_jobs_ended',
        type: 'counter',
        help: 'Jobs that ended in this process, by how.',
        samples: [...ended.values()].map(({ kind, state, count }) => ({ labels: { kind, state }, value: count })),
      },
    ]
  }
}
