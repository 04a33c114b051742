import type { Dataset } from '@atoll/sdk'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { Database } from 'lucide-react'
import { useDeferredValue, useState } from 'react'
import { atoll, usePagedList } from '../api.ts'
import { useProjectRef } from '../app/project.ts'
import { StateBadge } from '../ui/Badge.tsx'
import type { ColumnOf } from '../ui/DataTable.tsx'
import { bytes, whole } from '../ui/format.ts'
import { NewLink } from '../ui/ListPage.tsx'
import { NounLink } from '../ui/NounLink.tsx'
import { Num } from '../ui/Num.tsx'
import { Page } from '../ui/Page.tsx'
import { PagedTable } from '../ui/PagedTable.tsx'
import { SearchBox } from '../ui/SearchBox.tsx'
import { Empty } from '../ui/State.tsx'
import { Ago } from '../ui/Time.tsx'

const sizeOf = (dataset: Dataset) => dataset.latest?.files.reduce((sum, file) => sum + file.sizeBytes, 0) ?? null

const columns: readonly ColumnOf<Dataset>[] = [
  {
    id: 'name',
    title: 'Name',
    value: (row) => row.name,
    cell: (row) => (
      <NounLink noun="dataset" to={row.name} className="font-medium">
        {row.name}
      </NounLink>
    ),
  },
  {
    id: 'state',
    title: 'State',
    value: (row) => row.latest?.state,
    cell: (row) => (row.latest ? <StateBadge state={row.latest.state} /> : '–'),
  },
  {
    id: 'rows',
    title: 'Rows',
    right: true,
    value: (row) => row.latest?.rows,
    cell: (row) => <Num>{whole(row.latest?.rows)}</Num>,
  },
  {
    id: 'columns',
    title: 'Columns',
    right: true,
    value: (row) => row.latest?.columns.length,
    cell: (row) => <Num>{whole(row.latest?.columns.length)}</Num>,
  },
  { id: 'size', title: 'Size', right: true, hide: 'narrow', value: sizeOf, cell: (row) => <Num>{bytes(sizeOf(row))}</Num> },
  {
    id: 'target',
    title: 'Target',
    hide: 'narrow',
    value: (row) => row.target,
    cell: (row) => row.target ?? <span className="text-faint">–</span>,
  },
  {
    id: 'versions',
    title: 'Versions',
    right: true,
    hide: 'narrow',
    value: (row) => row.versions,
    cell: (row) => <Num>{row.versions}</Num>,
  },
  { id: 'owner', title: 'Owner', hide: 'narrow', value: (row) => row.ownerName, cell: (row) => row.ownerName },
  { id: 'tags', title: 'Tags', hide: 'default', value: (row) => row.tags.join(' '), cell: (row) => row.tags.join(', ') },
  { id: 'updated', title: 'Changed', right: true, value: (row) => row.updatedAt, cell: (row) => <Ago at={row.updatedAt} /> },
]

export function DatasetsPage() {
  const project = useProjectRef()
  const search = useSearch({ strict: false })
  const navigate = useNavigate()
  const [text, setText] = useState(search.q ?? '')
  const q = useDeferredValue(text.trim())
  const list = usePagedList(['datasets', project, 'list', q], (page) =>
    atoll.datasets.list({ project, q: q || undefined, ...page }),
  )
  return (
    <Page title="Data" actions={<NewLink to="/datasets/new">Add data</NewLink>}>
      <PagedTable
        label="Data sets"
        columns={columns}
        list={list}
        toolbar={
          <SearchBox
            label="Find data"
            value={text}
            onChange={(value) => {
              setText(value)
              void navigate({ to: '.', search: (old) => ({ ...old, q: value || undefined }), replace: true })
            }}
          />
        }
        empty={
          q ? (
            <Empty title={`No data set is called “${q}”`}>Names and descriptions are searched.</Empty>
          ) : (
            <Empty icon={<Database />} title="No data yet" action={<NewLink to="/datasets/new">Add data</NewLink>}>
              Drop a file anywhere on this page: CSV, Excel, Parquet or JSON lines.
            </Empty>
          )
        }
      />
    </Page>
  )
}
