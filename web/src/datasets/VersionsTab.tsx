import type { Dataset, DatasetVersion } from '@atoll/sdk'
import { Link } from '@tanstack/react-router'
import { atoll, usePagedList } from '../api.ts'
import { StateBadge } from '../ui/Badge.tsx'
import { Copyable } from '../ui/CopyButton.tsx'
import type { ColumnOf } from '../ui/DataTable.tsx'
import { bytes, whole } from '../ui/format.ts'
import { NewLink } from '../ui/ListPage.tsx'
import { Num } from '../ui/Num.tsx'
import { PagedTable } from '../ui/PagedTable.tsx'
import { Ago } from '../ui/Time.tsx'

const columns: readonly ColumnOf<DatasetVersion>[] = [
  {
    id: 'number',
    title: 'Version',
    right: true,
    value: (row) => row.number,
    cell: (row) => (
      <Link to="." search={{ version: row.id }} className="link num">
        {row.number}
      </Link>
    ),
  },
  { id: 'state', title: 'State', value: (row) => row.state, cell: (row) => <StateBadge state={row.state} /> },
  { id: 'rows', title: 'Rows', right: true, value: (row) => row.rows, cell: (row) => <Num>{whole(row.rows)}</Num> },
  {
    id: 'columns',
    title: 'Columns',
    right: true,
    value: (row) => row.columns.length,
    cell: (row) => <Num>{row.columns.length}</Num>,
  },
  { id: 'size', title: 'Size', right: true, hide: 'narrow', value: sizeOf, cell: (row) => <Num>{bytes(sizeOf(row))}</Num> },
  { id: 'from', title: 'Made from', hide: 'narrow', value: fromOf, cell: (row) => fromOf(row) },
  {
    id: 'sha',
    title: 'Content',
    hide: 'narrow',
    value: (row) => row.files[0]?.sha256,
    cell: (row) => (row.files[0] ? <Copyable text={row.files[0].sha256} shown={row.files[0].sha256.slice(0, 12)} /> : '–'),
  },
  { id: 'note', title: 'Note', hide: 'narrow', value: (row) => row.note, cell: (row) => row.note },
  { id: 'at', title: 'Made', right: true, value: (row) => row.createdAt, cell: (row) => <Ago at={row.createdAt} /> },
]

function sizeOf(row: DatasetVersion): number {
  return row.files.reduce((sum, file) => sum + file.sizeBytes, 0)
}
function fromOf(row: DatasetVersion): string {
  return row.derivedFrom ? row.derivedFrom.how : (row.original?.filename ?? '–')
}

export function VersionsTab({ dataset }: { dataset: Dataset }) {
  const list = usePagedList(['dataset', dataset.id, 'versions-list'], () => atoll.datasets.versions(dataset.id))
  return (
    <PagedTable
      label="Versions"
      columns={columns}
      list={list}
      toolbar={<p className="text-sm text-soft">Versions never change. The same bytes are stored once.</p>}
      empty={
        <NewLink to="/datasets/new" search={{ dataset: dataset.name }}>
          Add a version
        </NewLink>
      }
    />
  )
}
