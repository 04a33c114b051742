import type { Goal } from '@atoll/sdk'
import { useMutation, useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useParams } from '@tanstack/react-router'
import { useState } from 'react'
import { atoll, changed } from '../api.ts'
import { sayDeleted } from '../app/deleted.ts'
import { useProjectRef, useRefusal } from '../app/project.ts'
import { Badge } from '../ui/Badge.tsx'
import { Button, buttonClass } from '../ui/Button.tsx'
import { Confirm } from '../ui/Confirm.tsx'
import { Copyable } from '../ui/CopyButton.tsx'
import { NumberField } from '../ui/Field.tsx'
import { metricName, short } from '../ui/format.ts'
import { NounLink } from '../ui/NounLink.tsx'
import { Details, Page, Section } from '../ui/Page.tsx'
import { SidePanel } from '../ui/SidePanel.tsx'
import { Empty, ErrorNote, Skeleton, SkeletonLines } from '../ui/State.tsx'
import { sayError } from '../ui/toast.tsx'
import { GoalStrip, wantedWords } from './GoalStrip.tsx'
import { lessIsBetter } from './metrics.ts'

/** The contract, and how far each model is from it. */
export function GoalPage() {
  const project = useProjectRef()
  const navigate = useNavigate()
  const refused = useRefusal()
  const ref = useParams({ strict: false }).goal ?? ''
  const [editing, setEditing] = useState(false)
  const goal = useQuery({ queryKey: ['goal', project, ref], queryFn: () => atoll.goals.get(ref, { project }) })
  const progress = useQuery({
    queryKey: ['goal', goal.data?.id, 'progress'],
    queryFn: () => atoll.goals.progress(goal.data!.id),
    enabled: goal.data !== undefined,
  })
  if (goal.error) {
    return (
      <Page title={ref}>
        <ErrorNote error={goal.error} retry={() => void goal.refetch()} />
      </Page>
    )
  }
  if (!goal.data) {
    return (
      <Page title={ref}>
        <SkeletonLines lines={6} />
      </Page>
    )
  }
  const data = goal.data
  const met = progress.data?.versions.some((version) => version.goalOutcome?.met)
  return (
    <Page
      title={data.name}
      kicker={
        progress.data &&
        progress.data.versions.length > 0 && <Badge tone={met ? 'good' : 'warn'}>{met ? 'met' : 'not met yet'}</Badge>
      }
      lead={data.sentence}
      actions={
        <>
          <Button why={refused} onClick={() => setEditing(true)}>
            Change what is wanted
          </Button>
          {!refused && (
            <Link
              to="/p/$project/training/new"
              params={{ project }}
              search={{ goal: data.name }}
              className={buttonClass('primary')}
            >
              Train for it
            </Link>
          )}
        </>
      }
    >
      <div className="grid gap-6 lg:grid-cols-[minmax(0,1fr)_20rem]">
        <Section title="How far each model is">
          {progress.error ? (
            <ErrorNote error={progress.error} />
          ) : progress.isPending ? (
            <Skeleton className="h-40" />
          ) : progress.data.versions.length ? (
            <GoalStrip goal={data} versions={progress.data.versions} />
          ) : (
            <Empty title="No model yet">
              Each model trained for this goal is measured on the same sealed rows and shown here.
            </Empty>
          )}
        </Section>
        <Section title="The contract">
          <Details
            rows={[
              [
                'Data',
                <NounLink key="d" noun="dataset" to={data.dataset}>
                  {data.datasetName}
                </NounLink>,
              ],
              data.target !== null && ['Predicts', data.target],
              data.positive !== null && ['Class that matters', data.positive],
              ['Task', data.task],
              ['Measure', metricName(data.metric)],
              ['Wanted', wantedWords(data)],
              data.costFalsePositive !== null && [
                'A false alarm costs',
                <span key="fp" className="num">
                  {short(data.costFalsePositive)}
                </span>,
              ],
              data.costFalseNegative !== null && [
                'A miss costs',
                <span key="fn" className="num">
                  {short(data.costFalseNegative)}
                </span>,
              ],
              data.split && [
                'Judged on',
                <Link
                  key="s"
                  to="/p/$project/datasets/$dataset"
                  params={{ project, dataset: data.dataset }}
                  search={{ tab: 'splits' }}
                  className="link"
                >
                  the sealed test rows
                </Link>,
              ],
              ['Id', <Copyable key="i" text={data.id} />],
            ]}
          />
          {!refused && (
            <div className="mt-4 border-t pt-3">
              <Confirm
                trigger={
                  <Button size="sm" look="danger">
                    Delete this goal
                  </Button>
                }
                title={`Delete the goal “${data.name}”?`}
                action="Delete it"
                onConfirm={() =>
                  void atoll.goals.delete(data.id).then(() => {
                    // Away first: what is gone is not to be read again by this page.
                    void navigate({ to: '/p/$project/goals', params: { project } }).then(() =>
                      sayDeleted(data, 'goals', 'goal', 'projects'),
                    )
                  }, sayError)
                }
              >
                Models keep the numbers they reached, but no longer have a goal to be measured against.
              </Confirm>
            </div>
          )}
        </Section>
      </div>
      {editing && <GoalEditor goal={data} onClose={() => setEditing(false)} />}
    </Page>
  )
}

function GoalEditor({ goal, onClose }: { goal: Goal; onClose: () => void }) {
  const less = lessIsBetter.has(goal.metric)
  const [bound, setBound] = useState(less ? goal.atMost : goal.atLeast)
  const [fp, setFp] = useState(goal.costFalsePositive)
  const [fn, setFn] = useState(goal.costFalseNegative)
  const save = useMutation({
    mutationFn: () =>
      atoll.goals.update(goal.id, { [less ? 'atMost' : 'atLeast']: bound, costFalsePositive: fp, costFalseNegative: fn }),
    onSuccess: () => {
      changed('goals', 'goal')
      onClose()
    },
  })
  return (
    <SidePanel open onClose={onClose} title="What is wanted">
      <form
        className="space-y-4"
        onSubmit={(event) => {
          event.preventDefault()
          save.mutate()
        }}
      >
        <NumberField label={`${metricName(goal.metric)} ${less ? 'at most' : 'at least'}`} value={bound} onChange={setBound} />
        {goal.task === 'binary' && (
          <>
            <NumberField label="A false alarm costs" min={0} value={fp} onChange={setFp} />
            <NumberField label="A miss costs" min={0} value={fn} onChange={setFn} />
          </>
        )}
        <p className="text-sm text-faint">Another column or data set is another goal: state a new one for it.</p>
        {save.error && <ErrorNote error={save.error} />}
        <Button look="primary" type="submit" busy={save.isPending}>
          Save
        </Button>
      </form>
    </SidePanel>
  )
}
