import type { Monitor } from '@atoll/sdk'
import { Activity } from 'lucide-react'
import { atoll, usePagedList } from '../api.ts'
import { useProjectRef } from '../app/project.ts'
import { StateBadge } from '../ui/Badge.tsx'
import type { ColumnOf } from '../ui/DataTable.tsx'
import { NewLink } from '../ui/ListPage.tsx'
import { NounLink } from '../ui/NounLink.tsx'
import { Page, Section } from '../ui/Page.tsx'
import { PagedTable } from '../ui/PagedTable.tsx'
import { Empty } from '../ui/State.tsx'
import { Ago } from '../ui/Time.tsx'
import { AlertsList } from './AlertsList.tsx'
import { scheduleWords } from './schedules.ts'

const columns: readonly ColumnOf<Monitor>[] = [
  {
    id: 'name',
    title: 'Monitor',
    value: (row) => row.name,
    cell: (row) => (
      <NounLink noun="monitor" to={row.name} className="font-medium">
        {row.name}
      </NounLink>
    ),
  },
  {
    id: 'state',
    title: 'Last found',
    value: (row) => row.lastState,
    cell: (row) => (row.lastState ? <StateBadge state={row.lastState} /> : <span className="text-faint">not run yet</span>),
  },
  {
    id: 'endpoint',
    title: 'Watches',
    value: (row) => row.endpointName,
    cell: (row) => (
      <NounLink noun="endpoint" to={row.endpoint}>
        {row.endpointName}
      </NounLink>
    ),
  },
  {
    id: 'schedule',
    title: 'Schedule',
    hide: 'narrow',
    value: (row) => row.schedule,
    cell: (row) =>
      row.schedule ? (
        <span title={row.schedule}>{scheduleWords(row.schedule)}</span>
      ) : (
        <span className="text-faint">on demand</span>
      ),
  },
  { id: 'next', title: 'Next', right: true, value: (row) => row.nextRunAt, cell: (row) => <Ago at={row.nextRunAt} /> },
]

export function MonitorsPage() {
  const project = useProjectRef()
  const list = usePagedList(['monitors', project, 'list'], (page) => atoll.monitors.list({ project, ...page }))
  return (
    <Page
      title="Monitors"
      lead="Is what comes in still what was learned from?"
      actions={<NewLink to="/monitors/new">Watch an endpoint</NewLink>}
    >
      <div className="space-y-8">
        <PagedTable
          label="Monitors"
          columns={columns}
          list={list}
          empty={
            <Empty
              icon={<Activity />}
              title="Nothing is watched"
              action={<NewLink to="/monitors/new">Watch an endpoint</NewLink>}
            >
              A monitor looks at captured requests, at what turned out and at how the endpoint answers, and says in a sentence
              what has changed.
            </Empty>
          }
        />
        <Section title="Alerts" bare>
          <AlertsList />
        </Section>
      </div>
    </Page>
  )
}
