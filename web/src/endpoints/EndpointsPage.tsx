import type { Endpoint } from '@atoll/sdk'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { Radio } from 'lucide-react'
import { useDeferredValue, useState } from 'react'
import { atoll, usePagedList } from '../api.ts'
import { useProjectRef } from '../app/project.ts'
import { StateBadge } from '../ui/Badge.tsx'
import type { ColumnOf } from '../ui/DataTable.tsx'
import { NewLink } from '../ui/ListPage.tsx'
import { NounLink } from '../ui/NounLink.tsx'
import { Page } from '../ui/Page.tsx'
import { PagedTable } from '../ui/PagedTable.tsx'
import { SearchBox } from '../ui/SearchBox.tsx'
import { Empty } from '../ui/State.tsx'
import { Ago } from '../ui/Time.tsx'
import { servedWords } from './served.ts'

const columns: readonly ColumnOf<Endpoint>[] = [
  {
    id: 'name',
    title: 'Endpoint',
    value: (row) => row.name,
    cell: (row) => (
      <NounLink noun="endpoint" to={row.name} className="font-medium">
        {row.name}
      </NounLink>
    ),
  },
  { id: 'state', title: 'State', value: (row) => row.state, cell: (row) => <StateBadge state={row.state} /> },
  {
    id: 'model',
    title: 'Serves',
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
    id: 'served',
    title: 'By',
    hide: 'narrow',
    value: (row) => row.served,
    cell: (row) => servedWords[row.served],
  },
  {
    id: 'message',
    title: 'Note',
    hide: 'default',
    value: (row) => row.message,
    cell: (row) => <span className="text-soft">{row.message}</span>,
  },
  { id: 'at', title: 'Changed', right: true, value: (row) => row.updatedAt, cell: (row) => <Ago at={row.updatedAt} /> },
]

export function EndpointsPage() {
  const project = useProjectRef()
  const navigate = useNavigate()
  const [text, setText] = useState(useSearch({ strict: false }).q ?? '')
  const q = useDeferredValue(text.trim())
  const list = usePagedList(['endpoints', project, 'list', q], (page) =>
    atoll.endpoints.list({ project, q: q || undefined, ...page }),
  )
  return (
    <Page title="Endpoints" actions={<NewLink to="/endpoints/new">Deploy</NewLink>}>
      <PagedTable
        label="Endpoints"
        columns={columns}
        list={list}
        filtered={q !== ''}
        toolbar={
          <SearchBox
            label="Find an endpoint"
            value={text}
            onChange={(value) => {
              setText(value)
              void navigate({ to: '.', search: (old) => ({ ...old, q: value || undefined }), replace: true })
            }}
          />
        }
        empty={
          q ? (
            <Empty title={`No endpoint is called “${q}”`} />
          ) : (
            <Empty icon={<Radio />} title="Nothing is deployed" action={<NewLink to="/endpoints/new">Deploy a model</NewLink>}>
              An endpoint answers rows over HTTP with the model version you choose, keeps what it was asked, and can be rolled
              back.
            </Empty>
          )
        }
      />
    </Page>
  )
}
