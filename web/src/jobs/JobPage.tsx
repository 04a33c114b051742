import type { ComparisonResult, Job } from '@atoll/sdk'
import { useMutation } from '@tanstack/react-query'
import { useParams } from '@tanstack/react-router'
import { lazy, Suspense } from 'react'
import { atoll, changed } from '../api.ts'
import { useProjectRef, useRefusal } from '../app/project.ts'
import { TrainingProgress } from '../training/TrainingProgress.tsx'
import { StateBadge } from '../ui/Badge.tsx'
import { Button } from '../ui/Button.tsx'
import { Copyable } from '../ui/CopyButton.tsx'
import { bytes, duration, short } from '../ui/format.ts'
import { NounLink } from '../ui/NounLink.tsx'
import { Num } from '../ui/Num.tsx'
import { Details, Page, Section } from '../ui/Page.tsx'
import { Bar, progressWords, shareOf } from '../ui/Progress.tsx'
import { ErrorNote, SkeletonLines } from '../ui/State.tsx'
import { Ago } from '../ui/Time.tsx'
import { sayError } from '../ui/toast.tsx'
import { kindWords } from './JobsPage.tsx'
import { LogView, logLines } from './LogView.tsx'
import { isActive, useJob, useJobEvents } from './use-job.ts'

const ComparisonView = lazy(() => import('../comparisons/ComparisonView.tsx'))

/** One job: how far, what it says, what it takes; a training job also shows its curves and trials as they come. */
export function JobPage() {
  const project = useProjectRef()
  const id = useParams({ strict: false }).job ?? ''
  const refused = useRefusal()
  const job = useJob(id)
  const { events, error } = useJobEvents(id)
  const cancel = useMutation({
    mutationFn: () => atoll.jobs.cancel(id),
    onSuccess: () => changed('job', 'jobs'),
    onError: sayError,
  })
  const retry = useMutation({
    mutationFn: () => atoll.jobs.retry(id),
    onSuccess: () => changed('job', 'jobs'),
    onError: sayError,
  })
  if (job.error) {
    return (
      <Page title="Job">
        <ErrorNote error={job.error} retry={() => void job.refetch()} />
      </Page>
    )
  }
  if (!job.data) {
    return (
      <Page title="Job">
        <SkeletonLines lines={8} />
      </Page>
    )
  }
  const data = job.data
  const active = isActive(data)
  return (
    <Page
      title={data.name}
      kicker={<StateBadge state={data.state} />}
      lead={
        <>
          {kindWords(data.kind)}, asked for by {data.ownerName} <Ago at={data.createdAt} />
        </>
      }
      actions={
        active ? (
          <Button look="danger" why={refused} busy={cancel.isPending || data.cancelRequested} onClick={() => cancel.mutate()}>
            {data.cancelRequested ? 'Stopping' : 'Cancel'}
          </Button>
        ) : data.state !== 'succeeded' ? (
          <Button why={refused} busy={retry.isPending} onClick={() => retry.mutate()}>
            Try again
          </Button>
        ) : undefined
      }
    >
      <div className="space-y-6">
        {active && (
          <Section>
            <Bar share={data.state === 'queued' ? 0 : shareOf(data)} label="Progress" className="h-2" />
            <p className="num mt-2 text-soft" role="status">
              {progressWords(data)}
            </p>
          </Section>
        )}
        {data.failure && (
          <ErrorNote title={data.state === 'cancelled' ? 'It was cancelled.' : 'It failed.'} error={data.failure.message} />
        )}
        {data.kind === 'training' && <TrainingProgress job={data} events={events} />}
        {data.kind === 'comparison' && data.result && (
          <Suspense fallback={<SkeletonLines lines={6} />}>
            <ComparisonView result={data.result as unknown as ComparisonResult} />
          </Suspense>
        )}
        <div className="grid gap-6 lg:grid-cols-[minmax(0,1fr)_20rem]">
          <Section title="Log">
            {error ? (
              <ErrorNote error={error} />
            ) : (
              <LogView lines={logLines(events)} name={`${data.kind}-${data.id}`} live={active} />
            )}
          </Section>
          <Section title="What it takes">
            <Details
              rows={[
                data.estimate?.seconds && [
                  'Estimated',
                  <Num key="e">{`${duration(data.estimate.seconds.low)} to ${duration(data.estimate.seconds.high)}`}</Num>,
                ],
                data.estimate?.memoryBytes != null && [
                  'Estimated memory',
                  <Num key="em">{bytes(data.estimate.memoryBytes)}</Num>,
                ],
                data.estimate && [
                  'Because',
                  <span key="b" className="text-sm text-soft">
                    {data.estimate.basis}
                  </span>,
                ],
                ['Started', <Ago key="s" at={data.startedAt} />],
                ['Ended', <Ago key="f" at={data.finishedAt} />],
                data.cost && ['Took', <Num key="w">{duration(data.cost.wallSeconds)}</Num>],
                data.cost && ['Processor time', <Num key="c">{duration(data.cost.cpuSeconds)}</Num>],
                data.cost && ['Peak memory', <Num key="m">{bytes(data.cost.peakMemoryBytes)}</Num>],
                data.cost?.energyWh != null && ['Energy', <Num key="en">{`${short(data.cost.energyWh, 2)} Wh`}</Num>],
                ['Attempt', <Num key="a">{`${data.attempt} of ${data.maxAttempts}`}</Num>],
                data.sandbox !== null && ['Sandbox', data.sandbox],
                ['Id', <Copyable key="i" text={data.id} />],
              ]}
            />
            <Made job={data} project={project} />
          </Section>
        </div>
      </div>
    </Page>
  )
}

/** What the job made or worked on, as links. */
function Made({ job }: { job: Job; project: string }) {
  const facts = { ...job.spec, ...job.result }
  const links = (['dataset', 'goal', 'model', 'endpoint', 'monitor', 'run', 'report'] as const).flatMap((noun) => {
    const id = facts[noun === 'model' ? 'modelId' : noun] ?? facts[`${noun}Id`]
    if (typeof id !== 'string' || !/^[a-z]{2,4}_/.test(id) || noun === 'report') return []
    return [{ noun, id }]
  })
  if (links.length === 0) return null
  return (
    <div className="mt-4 border-t pt-3">
      <p className="mb-1 text-sm text-faint">See</p>
      <ul className="flex flex-wrap gap-x-4 gap-y-1">
        {links.map(({ noun, id }) => (
          <li key={noun}>
            <NounLink noun={noun as 'run'} to={id}>
              the {noun}
            </NounLink>
          </li>
        ))}
      </ul>
    </div>
  )
}
