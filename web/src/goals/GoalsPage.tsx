import type { Goal } from '@atoll/sdk'
import { Flag } from 'lucide-react'
import { atoll, usePagedList } from '../api.ts'
import { useProjectRef } from '../app/project.ts'
import type { ColumnOf } from '../ui/DataTable.tsx'
import { metricName } from '../ui/format.ts'
import { NewLink } from '../ui/ListPage.tsx'
import { NounLink } from '../ui/NounLink.tsx'
import { Page } from '../ui/Page.tsx'
import { PagedTable } from '../ui/PagedTable.tsx'
import { Empty } from '../ui/State.tsx'
import { Ago } from '../ui/Time.tsx'
import { wantedWords } from './GoalStrip.tsx'

const columns: readonly ColumnOf<Goal>[] = [
  {
    id: 'name',
    title: 'Goal',
    value: (row) => row.name,
    cell: (row) => (
      <NounLink noun="goal" to={row.name} className="font-medium">
        {row.name}
      </NounLink>
    ),
  },
  { id: 'wanted', title: 'Wanted', value: wantedWords, cell: (row) => `${metricName(row.metric)} ${wantedWords(row)}` },
  {
    id: 'target',
    title: 'Predicts',
    value: (row) => row.target,
    cell: (row) => (row.positive ? `${row.target} = ${row.positive}` : row.target),
  },
  {
    id: 'dataset',
    title: 'Data',
    hide: 'narrow',
    value: (row) => row.datasetName,
    cell: (row) => (
      <NounLink noun="dataset" to={row.dataset}>
        {row.datasetName}
      </NounLink>
    ),
  },
  { id: 'task', title: 'Task', hide: 'narrow', value: (row) => row.task, cell: (row) => row.task },
  { id: 'at', title: 'Stated', right: true, value: (row) => row.createdAt, cell: (row) => <Ago at={row.createdAt} /> },
]

export function GoalsPage() {
  const project = useProjectRef()
  const list = usePagedList(['goals', project, 'list'], (page) => atoll.goals.list({ project, ...page }))
  return (
    <Page title="Goals" actions={<NewLink to="/goals/new">State a goal</NewLink>}>
      <PagedTable
        label="Goals"
        columns={columns}
        list={list}
        empty={
          <Empty icon={<Flag />} title="No goal yet" action={<NewLink to="/goals/new">State a goal</NewLink>}>
            A goal is what training optimises, evaluation reports with an interval, and promotion enforces.
          </Empty>
        }
      />
    </Page>
  )
}
