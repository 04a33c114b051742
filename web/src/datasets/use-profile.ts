import type { Dataset, DatasetVersion } from '@atoll/sdk'
import { useMutation, useQuery } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { atoll, changed } from '../api.ts'

/** The profile of a version; while none exists it can be asked for, and the job is followed to its end. */
export function useProfile(dataset: Dataset, version: DatasetVersion) {
  const [job, setJob] = useState<string | null>(null)
  const profile = useQuery({
    queryKey: ['dataset', dataset.id, 'profile', version.id, dataset.target],
    queryFn: () => atoll.datasets.profile(dataset.id, { version: version.id, target: dataset.target ?? undefined }),
    refetchInterval: (query) => (query.state.data === null && job ? 2000 : false),
    staleTime: 60_000,
  })
  const running = useQuery({
    queryKey: ['job', job],
    queryFn: () => atoll.jobs.get(job!),
    enabled: job !== null,
    refetchInterval: (query) => (query.state.data && ['queued', 'running'].includes(query.state.data.state) ? 700 : false),
  })
  const ended = running.data && !['queued', 'running'].includes(running.data.state)
  useEffect(() => {
    if (ended) changed('dataset')
  }, [ended])
  const make = useMutation({
    mutationFn: () => atoll.datasets.makeProfile(dataset.id, { version: version.id, target: dataset.target }),
    onSuccess: (made) => {
      setJob(made.job)
      changed('jobs')
    },
  })
  return { profile, make, job: running.data ?? null }
}
