import { Button } from '../ui/Button.tsx'
import { Bar, progressWords, shareOf } from '../ui/Progress.tsx'
import { Empty, ErrorNote, Skeleton } from '../ui/State.tsx'
import type { useProfile } from './use-profile.ts'

/** What stands in place of a profile while there is none. */
export function ProfileState({ state }: { state: ReturnType<typeof useProfile> }) {
  const { profile, make, job } = state
  if (profile.error) return <ErrorNote error={profile.error} retry={() => void profile.refetch()} />
  if (profile.isPending) return <Skeleton className="h-96" />
  if (job?.state === 'failed')
    return <ErrorNote title="The profile could not be made." error={job.failure?.message ?? ''} retry={() => make.mutate()} />
  if (job && job.state !== 'succeeded') {
    return (
      <div className="rounded-lg border bg-surface p-4">
        <p className="mb-2 font-medium">Looking at every column</p>
        <Bar share={shareOf(job)} label="Profile" />
        <p className="num mt-2 text-sm text-soft">{progressWords(job)}</p>
      </div>
    )
  }
  return (
    <Empty
      title="No profile yet"
      action={
        <Button look="primary" busy={make.isPending} onClick={() => make.mutate()}>
          Make the profile
        </Button>
      }
    >
      Types, missing values, distributions, duplicates, outliers and how each column relates to the target.
      {make.error && <span className="mt-2 block text-bad">{make.error.message}</span>}
    </Empty>
  )
}
