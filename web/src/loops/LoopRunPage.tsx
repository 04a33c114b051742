import type { LoopRun, LoopStep } from '@atoll/sdk'
import { useMutation, useQuery } from '@tanstack/react-query'
import { useParams } from '@tanstack/react-router'
import { useState } from 'react'
import { atoll, changed } from '../api.ts'
import { useProjectRef, useRefusal } from '../app/project.ts'
import { Badge, type Tone } from '../ui/Badge.tsx'
import { Button } from '../ui/Button.tsx'
import { TextareaField } from '../ui/Field.tsx'
import { NounLink } from '../ui/NounLink.tsx'
import { Page, Section } from '../ui/Page.tsx'
import { ErrorNote, Notice, SkeletonLines } from '../ui/State.tsx'
import { Ago } from '../ui/Time.tsx'
import { sayError } from '../ui/toast.tsx'
import { GatherView } from './GatherView.tsx'
import { JudgeView } from './JudgeView.tsx'
import { RunBadge } from './RunBadge.tsx'
import { ApprovalView, RestoreView, RolloutView, ShadowView, TrainView } from './StepViews.tsx'
import { WatchView } from './WatchView.tsx'
import { stepTitles, usualSteps } from './words.ts'

/** One run: every step with its evidence, and the decision that a person may have to make. */
export function LoopRunPage() {
  const project = useProjectRef()
  const { loop = '', run: number = '' } = useParams({ strict: false })
  const run = useQuery({
    queryKey: ['loop', project, loop, 'run', number],
    queryFn: () => atoll.loops.readRun(loop, number, { project }),
    refetchInterval: (query) => (query.state.data?.state === 'ended' ? false : 2000),
  })
  if (!run.data)
    return (
      <Page title={`Run ${number}`}>
        {run.error ? <ErrorNote error={run.error} retry={() => void run.refetch()} /> : <SkeletonLines lines={10} />}
      </Page>
    )
  const data = run.data
  const done = new Set(data.steps.map(({ step }) => step))
  const ahead = data.state === 'ended' ? [] : usualSteps.filter((step) => !done.has(step))
  return (
    <Page
      title={`Run ${data.number} of ${data.loopName}`}
      kicker={<RunBadge run={data} />}
      lead={
        <>
          on{' '}
          <NounLink noun="endpoint" to={data.endpoint}>
            {data.endpointName}
          </NounLink>
          , began <Ago at={data.startedAt} />
          {data.endedAt && (
            <>
              , ended <Ago at={data.endedAt} />
            </>
          )}
        </>
      }
      actions={data.state !== 'ended' && <CancelButton run={data} />}
    >
      <div className="space-y-6">
        <Section>
          <p className="max-w-prose text-lg">{data.sentence}</p>
          <dl className="mt-3 grid gap-x-6 gap-y-1 sm:grid-cols-[8rem_1fr]">
            <dt className="text-soft">Because</dt>
            <dd className="max-w-prose">
              {data.trigger.sentence}{' '}
              {typeof data.trigger.facts.monitor === 'string' && (
                <NounLink
                  noun="monitor"
                  to={data.trigger.facts.monitor}
                  search={{ report: data.trigger.facts.report as string | undefined }}
                >
                  Open the report
                </NounLink>
              )}
            </dd>
            <dt className="text-soft">Champion</dt>
            <dd>
              <VersionLink name={data.champion.name} />
            </dd>
            <dt className="text-soft">Challenger</dt>
            <dd>
              {data.challenger ? <VersionLink name={data.challenger.name} /> : <span className="text-faint">none yet</span>}
            </dd>
          </dl>
        </Section>
        {data.state === 'waiting' && <Decision run={data} />}
        <ol className="space-y-4" aria-label="Steps">
          {data.steps.map((step) => (
            <li key={step.step}>
              <StepCard step={step} />
            </li>
          ))}
          {ahead.length > 0 && (
            <li className="text-sm text-faint">
              Still to come: {ahead.map((step) => stepTitles[step].toLowerCase()).join(', ')}
            </li>
          )}
        </ol>
      </div>
    </Page>
  )
}

function VersionLink({ name }: { name: string }) {
  const colon = name.lastIndexOf(':')
  return (
    <NounLink noun="model" to={name.slice(0, colon)} search={{ version: name.slice(colon + 1) }}>
      {name}
    </NounLink>
  )
}

const tones: Record<LoopStep['state'], Tone> = {
  running: 'accent',
  waiting: 'warn',
  done: 'good',
  skipped: 'grey',
  failed: 'bad',
}

function StepCard({ step }: { step: LoopStep }) {
  return (
    <Section
      title={
        <span className="flex flex-wrap items-center gap-2">
          {stepTitles[step.step]}
          <Badge tone={tones[step.state]}>{step.state}</Badge>
        </span>
      }
      note={<Ago at={step.endedAt ?? step.startedAt} />}
    >
      {step.sentence && <p className="max-w-prose">{step.sentence}</p>}
      {step.state !== 'skipped' && Object.keys(step.evidence).length > 0 && (
        <div className="mt-3">
          <Evidence step={step} />
        </div>
      )}
    </Section>
  )
}

function Evidence({ step: { step, evidence } }: { step: LoopStep }) {
  switch (step) {
    case 'gather':
      return <GatherView evidence={evidence as never} />
    case 'train':
      return <TrainView evidence={evidence} />
    case 'judge':
      return <JudgeView evidence={evidence as never} />
    case 'approve':
      return <ApprovalView evidence={evidence} />
    case 'shadow':
      return <ShadowView evidence={evidence} />
    case 'rollout':
      return <RolloutView evidence={evidence} />
    case 'watch':
      return <WatchView evidence={evidence as never} />
    case 'restore':
      return <RestoreView evidence={evidence} />
  }
}

function Decision({ run }: { run: LoopRun }) {
  const refused = useRefusal('admin')
  const [note, setNote] = useState('')
  const decide = useMutation({
    mutationFn: (approved: boolean) =>
      approved ? atoll.loops.approve(run.loop, run.number, note) : atoll.loops.reject(run.loop, run.number, note),
    onSuccess: () => changed('loop', 'loops'),
    onError: sayError,
  })
  return (
    <Notice severity="warning" word="Decide">
      <p className="mb-3">
        {run.challenger?.name} waits for a person to let it meet traffic. The evidence is below. What you say stays with the run
        and in the audit trail.
      </p>
      <TextareaField label="Why" rows={2} value={note} onChange={(event) => setNote(event.target.value)} />
      <div className="mt-3 flex flex-wrap gap-2">
        <Button look="primary" why={refused} busy={decide.isPending} onClick={() => decide.mutate(true)}>
          Approve
        </Button>
        <Button
          why={refused ?? (note.trim() === '' ? 'Say why first.' : null)}
          busy={decide.isPending}
          onClick={() => decide.mutate(false)}
        >
          Reject
        </Button>
      </div>
    </Notice>
  )
}

function CancelButton({ run }: { run: LoopRun }) {
  const refused = useRefusal()
  const cancel = useMutation({
    mutationFn: () => atoll.loops.cancel(run.loop, run.number),
    onSuccess: () => changed('loop', 'loops'),
    onError: sayError,
  })
  return (
    <Button why={refused} busy={cancel.isPending} onClick={() => cancel.mutate()}>
      Cancel
    </Button>
  )
}
