import type { Job } from '@atoll/sdk'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { atoll, usePagedList } from '../api.ts'
import { useProjectRef } from '../app/project.ts'
import { StateBadge } from '../ui/Badge.tsx'
import type { ColumnOf } from '../ui/DataTable.tsx'
import { Check, Segmented } from '../ui/Field.tsx'
import { bytes, duration } from '../ui/format.ts'
import { NounLink } from '../ui/NounLink.tsx'
import { Num } from '../ui/Num.tsx'
import { Page } from '../ui/Page.tsx'
import { PagedTable } from '../ui/PagedTable.tsx'
import { Bar, progressWords, shareOf } from '../ui/Progress.tsx'
import { Empty } from '../ui/State.tsx'
import { Ago } from '../ui/Time.tsx'

/** `dataset.import` → "dataset import". */
export const kindWords = (kind: string): string => kind.replaceAll('.', ' ').replaceAll('_', ' ')

const columns: readonly ColumnOf<Job>[] = [
  {
    id: 'name',
    title: 'Job',
    value: (row) => row.name,
    cell: (row) => (
      <NounLink noun="job" to={row.id} className="font-medium">
        {row.name}
      </NounLink>
    ),
  },
  {
    id: 'kind',
    title: 'Kind',
    hide: 'narrow',
    value: (row) => row.kind,
    cell: (row) => <span className="text-soft">{kindWords(row.kind)}</span>,
  },
  { id: 'state', title: 'State', value: (row) => row.state, cell: (row) => <StateBadge state={row.state} /> },
  {
    id: 'progress',
    title: 'Progress',
    hide: 'narrow',
    width: 180,
    cell: (row) =>
      row.state === 'running' ? (
        <span className="block">
          <Bar share={shareOf(row)} label={row.name} />
          <span className="num block truncate pt-0.5 text-xs text-faint">{progressWords(row)}</span>
        </span>
      ) : row.failure ? (
        <span className="text-sm text-soft">{row.failure.message}</span>
      ) : null,
  },
  {
    id: 'took',
    title: 'Took',
    right: true,
    value: (row) => row.cost?.wallSeconds,
    cell: (row) => <Num>{duration(row.cost?.wallSeconds)}</Num>,
  },
  {
    id: 'memory',
    title: 'Peak memory',
    right: true,
    hide: 'narrow',
    value: (row) => row.cost?.peakMemoryBytes,
    cell: (row) => <Num>{bytes(row.cost?.peakMemoryBytes)}</Num>,
  },
  {
    id: 'attempts',
    title: 'Attempts',
    right: true,
    hide: 'default',
    value: (row) => row.attempt,
    cell: (row) => <Num>{row.attempt}</Num>,
  },
  { id: 'owner', title: 'By', hide: 'default', value: (row) => row.ownerName, cell: (row) => row.ownerName },
  { id: 'at', title: 'Asked for', right: true, value: (row) => row.createdAt, cell: (row) => <Ago at={row.createdAt} /> },
]

const states = ['all', 'running', 'queued', 'failed', 'succeeded', 'cancelled'] as const

export function JobsPage() {
  const project = useProjectRef()
  const navigate = useNavigate()
  const { state: wanted, q } = useSearch({ strict: false })
  const withPreviews = q === 'previews'
  const state = states.find((one) => one === wanted) ?? 'all'
  const list = usePagedList(
    ['jobs', project, 'list', state, withPreviews],
    (page) =>
      atoll.jobs.list({
        project,
        state: state === 'all' ? undefined : state,
        lane: withPreviews ? undefined : 'batch',
        ...page,
      }),
    { refetchInterval: 4000 },
  )
  const filters = (
    <div className="flex flex-wrap items-center gap-x-4 gap-y-2">
      <Segmented
        label="State"
        size="sm"
        value={state}
        choices={states.map((one) => ({ value: one, label: one }))}
        onChange={(value) =>
          void navigate({ to: '.', search: (old) => ({ ...old, state: value === 'all' ? undefined : value }) })
        }
      />
      <Check
        label="Also previews of recipes"
        className="text-sm"
        checked={withPreviews}
        onChange={(on) => void navigate({ to: '.', search: (old) => ({ ...old, q: on ? 'previews' : undefined }) })}
      />
    </div>
  )
  return (
    <Page title="Jobs">
      <PagedTable
        label="Jobs"
        columns={columns}
        list={list}
        toolbar={filters}
        empty={
          <div>
            {filters}
            <div className="mt-2">
              <Empty title={state === 'all' ? 'No job has been asked for yet' : `No job is ${state}`}>
                Imports, profiles, splits, training and drift checks run as jobs.
              </Empty>
            </div>
          </div>
        }
      />
    </Page>
  )
}
