import type { Loop, LoopRun } from '@atoll/sdk'
import { useMutation, useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useParams } from '@tanstack/react-router'
import { Ellipsis } from 'lucide-react'
import { useState } from 'react'
import { atoll, changed, usePagedList } from '../api.ts'
import { sayDeleted } from '../app/deleted.ts'
import { useProjectRef, useRefusal } from '../app/project.ts'
import { Badge } from '../ui/Badge.tsx'
import { Button } from '../ui/Button.tsx'
import { Confirm } from '../ui/Confirm.tsx'
import type { ColumnOf } from '../ui/DataTable.tsx'
import { FormPanel } from '../ui/FormPanel.tsx'
import { Menu, MenuItem, MenuLine } from '../ui/Menu.tsx'
import { NounLink } from '../ui/NounLink.tsx'
import { Page, Section } from '../ui/Page.tsx'
import { PagedTable } from '../ui/PagedTable.tsx'
import { Empty, ErrorNote, SkeletonLines } from '../ui/State.tsx'
import { Ago } from '../ui/Time.tsx'
import { sayError } from '../ui/toast.tsx'
import { LoopForm, type LoopSettings } from './LoopForm.tsx'
import { RunBadge } from './RunBadge.tsx'
import { policyLines } from './words.ts'

/** A loop: its policy in words, and its runs. */
export function LoopPage() {
  const project = useProjectRef()
  const navigate = useNavigate()
  const refused = useRefusal()
  const ref = useParams({ strict: false }).loop ?? ''
  const [panel, setPanel] = useState(false)
  const [deleting, setDeleting] = useState(false)
  const loop = useQuery({
    queryKey: ['loop', project, ref],
    queryFn: () => atoll.loops.get(ref, { project }),
    refetchInterval: 10_000,
  })
  const runs = usePagedList(['loop', project, ref, 'runs'], (page) => atoll.loops.runs(ref, { project, ...page }), {
    refetchInterval: 5000,
  })
  const run = useMutation({
    mutationFn: () => atoll.loops.run(loop.data!.id, '', {}),
    onSuccess: (made) => {
      changed('loop', 'loops')
      void navigate({ to: '/p/$project/loops/$loop/runs/$run', params: { project, loop: ref, run: String(made.number) } })
    },
    onError: sayError,
  })
  const toggle = useMutation({
    mutationFn: (enabled: boolean) => atoll.loops.update(loop.data!.id, { enabled }),
    onSuccess: () => changed('loop', 'loops'),
    onError: sayError,
  })
  if (!loop.data)
    return (
      <Page title={ref}>
        {loop.error ? <ErrorNote error={loop.error} retry={() => void loop.refetch()} /> : <SkeletonLines lines={8} />}
      </Page>
    )
  const data = loop.data
  const columns: readonly ColumnOf<LoopRun>[] = [
    {
      id: 'number',
      title: 'Run',
      value: (row) => row.number,
      cell: (row) => (
        <Link
          to="/p/$project/loops/$loop/runs/$run"
          params={{ project, loop: ref, run: String(row.number) }}
          className="link num font-medium"
        >
          Run {row.number}
        </Link>
      ),
    },
    { id: 'state', title: 'How it stands', value: (row) => row.outcome ?? row.state, cell: (row) => <RunBadge run={row} /> },
    {
      id: 'why',
      title: 'In words',
      value: (row) => row.sentence,
      cell: (row) => (
        <span className="block max-w-md truncate" title={row.sentence}>
          {row.sentence}
        </span>
      ),
    },
    {
      id: 'trigger',
      title: 'Because of',
      hide: 'narrow',
      value: (row) => row.trigger.kind,
      cell: (row) => row.trigger.kind.replaceAll('_', ' '),
    },
    { id: 'began', title: 'Began', right: true, value: (row) => row.startedAt, cell: (row) => <Ago at={row.startedAt} /> },
  ]
  return (
    <Page
      title={data.name}
      kicker={!data.enabled && <Badge>off</Badge>}
      lead={
        <>
          looks after{' '}
          <NounLink noun="endpoint" to={data.endpoint}>
            {data.endpointName}
          </NounLink>{' '}
          by the goal{' '}
          <NounLink noun="goal" to={data.goal}>
            {data.goalName}
          </NounLink>
        </>
      }
      actions={
        <>
          <Button look="primary" why={refused} busy={run.isPending} onClick={() => run.mutate()}>
            Run now
          </Button>
          <Menu
            label="More about this loop"
            trigger={
              <Button aria-label="More" className="w-8 px-0!">
                <Ellipsis aria-hidden="true" className="size-4" />
              </Button>
            }
          >
            <MenuItem disabled={Boolean(refused)} onSelect={() => setPanel(true)}>
              Policy
            </MenuItem>
            <MenuItem disabled={Boolean(refused)} onSelect={() => toggle.mutate(!data.enabled)}>
              {data.enabled ? 'Switch off' : 'Switch on'}
            </MenuItem>
            <MenuLine />
            <MenuItem tone="bad" disabled={Boolean(refused)} onSelect={() => setDeleting(true)}>
              Delete
            </MenuItem>
          </Menu>
        </>
      }
    >
      <div className="space-y-6">
        <Section title="Policy">
          <dl className="grid gap-x-6 gap-y-1.5 sm:grid-cols-[8rem_1fr]">
            {policyLines(data).map(([what, how]) => (
              <div key={what} className="contents">
                <dt className="text-soft">{what}</dt>
                <dd className="max-w-prose">{how}</dd>
              </div>
            ))}
          </dl>
        </Section>
        <Section title="Runs" bare>
          <PagedTable
            label="Runs of the loop"
            columns={columns}
            list={runs}
            empty={
              <Empty
                title="It has not run yet"
                action={
                  <Button look="primary" why={refused} onClick={() => run.mutate()}>
                    Run now
                  </Button>
                }
              >
                It starts by itself when one of its triggers comes. It needs {data.window.minimumRows} captured rows whose truth
                is known.
              </Empty>
            }
          />
        </Section>
      </div>
      {deleting && (
        <Confirm
          open
          onClose={() => setDeleting(false)}
          title={`Delete the loop “${data.name}”?`}
          action="Delete it"
          onConfirm={() =>
            void atoll.loops.delete(data.id).then(() => {
              void navigate({ to: '/p/$project/loops', params: { project } }).then(() => sayDeleted(data, 'loops', 'loop'))
            }, sayError)
          }
        >
          The endpoint goes on serving what it serves. The evidence of its runs goes with it into the bin.
        </Confirm>
      )}
      {panel && <PolicyPanel loop={data} onClose={() => setPanel(false)} />}
    </Page>
  )
}

function PolicyPanel({ loop, onClose }: { loop: Loop; onClose: () => void }) {
  const { triggers, window, training, judge, shadow, rollout, watch, approval, cooldownMinutes } = loop
  const [value, setValue] = useState<LoopSettings>({
    triggers,
    window,
    training,
    judge,
    shadow,
    rollout,
    watch,
    approval,
    cooldownMinutes,
  })
  return (
    <FormPanel title="Policy" onClose={onClose} save={() => atoll.loops.update(loop.id, value)} changes={['loop', 'loops']}>
      {(errorFor) => <LoopForm value={value} onChange={setValue} errorFor={errorFor} />}
    </FormPanel>
  )
}
