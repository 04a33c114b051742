import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useEffect, useRef } from 'react'
import { atoll, changed } from '../api.ts'
import { Bar, progressWords, shareOf } from '../ui/Progress.tsx'
import { useProject, useProjectRef } from './project.ts'

/** Jobs in progress in this project, with the time they still need. Always visible below the rail. */
export function RunningJobs() {
  const ref = useProjectRef()
  const project = useProject()
  const { data } = useQuery({
    queryKey: ['jobs', 'active', ref],
    queryFn: async () => {
      const [running, queued] = await Promise.all([
        atoll.jobs.list({ project: ref, state: 'running', limit: 20 }),
        atoll.jobs.list({ project: ref, state: 'queued', limit: 20 }),
      ])
      return [...running.items, ...queued.items]
    },
    refetchInterval: (query) => (query.state.data?.length ? 1500 : 5000),
    enabled: Boolean(project),
  })
  const jobs = data ?? []
  useEndOfJobs(jobs.map((job) => job.id))
  return (
    <section aria-label="Jobs in progress" className="shrink-0 border-t p-2">
      <div className="flex items-center justify-between px-2 pt-1 pb-1.5 text-xs">
        <h2 className="font-medium text-faint">{jobs.length ? `${jobs.length} in progress` : 'Nothing is running'}</h2>
        <Link to="/p/$project/jobs" params={{ project: ref }} className="link">
          Jobs
        </Link>
      </div>
      <ul className="max-h-52 space-y-1 overflow-y-auto">
        {jobs.slice(0, 6).map((job) => (
          <li key={job.id}>
            <Link
              to="/p/$project/jobs/$job"
              params={{ project: ref, job: job.id }}
              className="block rounded-md px-2 py-1.5 no-underline hover:bg-hover"
            >
              <span className="block truncate text-sm font-medium">{job.name}</span>
              <Bar share={job.state === 'queued' ? 0 : shareOf(job)} label={job.name} className="my-1" />
              <span className="block truncate text-xs text-faint">{progressWords(job)}</span>
            </Link>
          </li>
        ))}
      </ul>
      {jobs.length > 6 && <p className="px-2 text-xs text-faint">and {jobs.length - 6} more</p>}
    </section>
  )
}

/** A job that left the list has ended: what it made is now to be read again. */
function useEndOfJobs(ids: string[]) {
  const before = useRef<string[]>([])
  const key = ids.join()
  useEffect(() => {
    const now = key ? key.split(',') : []
    if (before.current.some((id) => !now.includes(id))) {
      changed(
        'jobs',
        'job',
        'datasets',
        'dataset',
        'splits',
        'goals',
        'goal',
        'models',
        'model',
        'runs',
        'run',
        'monitors',
        'monitor',
        'alerts',
        'home',
        'projects',
        'lineage',
      )
    }
    before.current = now
  }, [key])
}
