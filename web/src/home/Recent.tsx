import { useQuery } from '@tanstack/react-query'
import { atoll } from '../api.ts'
import { useProjectRef } from '../app/project.ts'
import { StateBadge } from '../ui/Badge.tsx'
import { NounLink } from '../ui/NounLink.tsx'
import { Section } from '../ui/Page.tsx'
import { SkeletonLines } from '../ui/State.tsx'
import { Ago } from '../ui/Time.tsx'

/** What was done last in this project. */
export function Recent() {
  const project = useProjectRef()
  const jobs = useQuery({
    queryKey: ['jobs', project, 'recent'],
    queryFn: () => atoll.jobs.list({ project, limit: 40 }),
    refetchInterval: 15_000,
  })
  // Trying a recipe is a job too, but not one that anybody looks for here.
  const shown = jobs.data?.items.filter((job) => !job.kind.startsWith('recipe')).slice(0, 8) ?? []
  if (jobs.error || (jobs.data && shown.length === 0)) return null
  return (
    <Section title="Lately">
      {jobs.isPending ? (
        <SkeletonLines lines={4} />
      ) : (
        <ul className="-my-2 divide-y">
          {shown.map((job) => (
            <li
              key={job.id}
              className="grid grid-cols-[minmax(0,1fr)_auto] items-center gap-x-3 gap-y-0.5 py-2 sm:grid-cols-[minmax(0,1fr)_8rem_6rem_6.5rem]"
            >
              <span className="truncate">
                <NounLink noun="job" to={job.id}>
                  {job.name}
                </NounLink>
              </span>
              <span className="truncate text-sm text-faint max-sm:hidden">{job.ownerName}</span>
              <span className="text-right text-sm text-faint">
                <Ago at={job.createdAt} />
              </span>
              <span className="text-right max-sm:col-span-2 max-sm:row-start-2 max-sm:text-left">
                <StateBadge state={job.state} />
              </span>
            </li>
          ))}
        </ul>
      )}
    </Section>
  )
}
