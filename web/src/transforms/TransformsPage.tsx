import type { BatchTransform } from '@atoll/sdk'
import { Rows3 } from 'lucide-react'
import { atoll, usePagedList } from '../api.ts'
import { useProjectRef } from '../app/project.ts'
import { StateBadge } from '../ui/Badge.tsx'
import type { ColumnOf } from '../ui/DataTable.tsx'
import { whole } from '../ui/format.ts'
import { NewLink } from '../ui/ListPage.tsx'
import { NounLink } from '../ui/NounLink.tsx'
import { Page } from '../ui/Page.tsx'
import { PagedTable } from '../ui/PagedTable.tsx'
import { Empty } from '../ui/State.tsx'
import { Ago } from '../ui/Time.tsx'

const columns: readonly ColumnOf<BatchTransform>[] = [
  {
    id: 'name',
    title: 'Transform',
    value: (row) => row.name,
    cell: (row) => (
      <NounLink noun="transform" to={row.id} className="font-medium">
        {row.name}
      </NounLink>
    ),
  },
  { id: 'state', title: 'State', value: (row) => row.state, cell: (row) => <StateBadge state={row.state} /> },
  {
    id: 'model',
    title: 'Model',
    hide: 'narrow',
    value: (row) => row.modelName,
    cell: (row) => (
      <>
        <NounLink noun="model" to={row.model} search={{ version: String(row.versionNumber) }}>
          {row.modelName}
        </NounLink>{' '}
        <span className="num text-faint">v{row.versionNumber}</span>
      </>
    ),
  },
  {
    id: 'from',
    title: 'Rows of',
    hide: 'narrow',
    value: (row) => row.rows,
    cell: (row) => row.rows,
  },
  {
    id: 'rows',
    title: 'Rows',
    right: true,
    value: (row) => row.result?.rows,
    cell: (row) => <span className="num">{whole(row.result?.rows)}</span>,
  },
  { id: 'at', title: 'Asked', right: true, value: (row) => row.createdAt, cell: (row) => <Ago at={row.createdAt} /> },
]

/** Batch transforms: a model over every row of a table. */
export function TransformsPage() {
  const project = useProjectRef()
  const list = usePagedList(['transforms', project, 'list'], (page) => atoll.transforms.list({ project, ...page }), {
    refetchInterval: 5000,
  })
  return (
    <Page title="Transforms" actions={<NewLink to="/transforms/new">Predict a table</NewLink>}>
      <PagedTable
        label="Transforms"
        columns={columns}
        list={list}
        empty={
          <Empty
            icon={<Rows3 />}
            title="No table was predicted yet"
            action={<NewLink to="/transforms/new">Predict a table</NewLink>}
          >
            A transform lets a model answer every row of a data set, a file or a folder of images, and gives you the rows with
            their predictions.
          </Empty>
        }
      />
    </Page>
  )
}
