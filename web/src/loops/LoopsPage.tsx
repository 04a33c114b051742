import type { Loop } from '@atoll/sdk'
import { RefreshCw } from 'lucide-react'
import { atoll, usePagedList } from '../api.ts'
import { useProjectRef } from '../app/project.ts'
import { Badge } from '../ui/Badge.tsx'
import type { ColumnOf } from '../ui/DataTable.tsx'
import { NewLink } from '../ui/ListPage.tsx'
import { NounLink } from '../ui/NounLink.tsx'
import { Page } from '../ui/Page.tsx'
import { PagedTable } from '../ui/PagedTable.tsx'
import { Empty } from '../ui/State.tsx'
import { Ago } from '../ui/Time.tsx'
import { RunBadge } from './RunBadge.tsx'
import { triggerWords } from './words.ts'

const columns: readonly ColumnOf<Loop>[] = [
  {
    id: 'name',
    title: 'Loop',
    value: (row) => row.name,
    cell: (row) => (
      <NounLink noun="loop" to={row.name} className="font-medium">
        {row.name}
      </NounLink>
    ),
  },
  {
    id: 'last',
    title: 'Last run',
    value: (row) => row.lastRun?.outcome ?? row.lastRun?.state ?? '',
    cell: (row) => (row.lastRun ? <RunBadge run={row.lastRun} /> : <span className="text-faint">none yet</span>),
  },
  {
    id: 'endpoint',
    title: 'Looks after',
    value: (row) => row.endpointName,
    cell: (row) => (
      <NounLink noun="endpoint" to={row.endpoint}>
        {row.endpointName}
      </NounLink>
    ),
  },
  {
    id: 'starts',
    title: 'Starts by',
    hide: 'narrow',
    value: triggerWords,
    cell: (row) => (row.enabled ? triggerWords(row) : <Badge>off</Badge>),
  },
  {
    id: 'when',
    title: 'When',
    right: true,
    value: (row) => row.lastRun?.startedAt ?? null,
    cell: (row) => <Ago at={row.lastRun?.startedAt} />,
  },
]

export function LoopsPage() {
  const project = useProjectRef()
  const list = usePagedList(['loops', project, 'list'], (page) => atoll.loops.list({ project, ...page }), {
    refetchInterval: 10_000,
  })
  return (
    <Page
      title="Loops"
      lead="Endpoints that heal themselves: retrain, judge, exchange, watch, with evidence at each step."
      actions={<NewLink to="/loops/new">New loop</NewLink>}
    >
      <PagedTable
        label="Loops"
        columns={columns}
        list={list}
        empty={
          <Empty icon={<RefreshCw />} title="No endpoint heals itself yet" action={<NewLink to="/loops/new">New loop</NewLink>}>
            A loop retrains when the world moves, judges the new model against the old on sealed recent rows, and exchanges them
            only with evidence.
          </Empty>
        }
      />
    </Page>
  )
}
