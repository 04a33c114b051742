import type { Dataset, DatasetVersion } from '@atoll/sdk'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { atoll } from '../api.ts'
import { useProjectRef } from '../app/project.ts'
import { buttonClass } from '../ui/Button.tsx'
import { NounLink } from '../ui/NounLink.tsx'
import { Bar, progressWords, shareOf } from '../ui/Progress.tsx'
import { ErrorNote } from '../ui/State.tsx'

/** A version that is not there yet, or that could not be read. */
export function ImportState({ dataset, version }: { dataset: Dataset; version: DatasetVersion }) {
  const project = useProjectRef()
  const job = useQuery({
    queryKey: ['job', version.job],
    queryFn: () => atoll.jobs.get(version.job!),
    enabled: version.job !== null,
    refetchInterval: version.state === 'importing' ? 1000 : false,
  })
  if (version.state === 'failed') {
    return (
      <div className="space-y-4">
        <ErrorNote
          title={`Version ${version.number} could not be read.`}
          error={
            job.data?.failure?.message ??
            version.warnings.map((warning) => warning.message).join(' ') ??
            'The job gave no reason.'
          }
        />
        <div className="flex gap-2">
          <Link
            to="/p/$project/datasets/new"
            params={{ project }}
            search={{ dataset: dataset.name }}
            className={buttonClass('primary')}
          >
            Add another file
          </Link>
          {version.job && (
            <NounLink noun="job" to={version.job} className="self-center">
              What happened
            </NounLink>
          )}
        </div>
      </div>
    )
  }
  return (
    <div className="rounded-lg border bg-surface p-4">
      <p className="mb-2 font-medium">Reading {version.original?.filename ?? dataset.name}</p>
      <Bar share={job.data ? shareOf(job.data) : null} label="Import" />
      <p className="num mt-2 min-h-5 text-sm text-soft">{job.data ? progressWords(job.data) : ''}</p>
    </div>
  )
}
