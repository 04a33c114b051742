import type { BinItem } from '@atoll/sdk'
import { useDeferredValue, useState } from 'react'
import { atoll, changed, usePagedList } from '../api.ts'
import { useProjectRef } from '../app/project.ts'
import { Button } from '../ui/Button.tsx'
import type { ColumnOf } from '../ui/DataTable.tsx'
import { PagedTable } from '../ui/PagedTable.tsx'
import { SearchBox } from '../ui/SearchBox.tsx'
import { Ago } from '../ui/Time.tsx'
import { say, sayError } from '../ui/toast.tsx'

/** What was deleted in this project, and a way back for each. */
export function BinTab() {
  const project = useProjectRef()
  const [text, setText] = useState('')
  const [busy, setBusy] = useState<string | null>(null)
  const q = useDeferredValue(text.trim())
  const list = usePagedList(['bin', project, q], (page) => atoll.bin.list({ project, q: q || undefined, ...page }), {
    limit: 100,
  })
  const restore = (item: BinItem) => {
    setBusy(item.id)
    atoll.bin
      .restore(item.id)
      .then(() => {
        changed('bin', 'projects', `${item.noun}s`, item.noun)
        say(`${item.name} is back.`)
      }, sayError)
      .finally(() => setBusy(null))
  }
  const columns: ColumnOf<BinItem>[] = [
    { id: 'name', title: 'Name', value: (row) => row.name, cell: (row) => row.name },
    { id: 'noun', title: 'What', value: (row) => row.noun, cell: (row) => (row.noun === 'dataset' ? 'data set' : row.noun) },
    { id: 'deleted', title: 'Deleted', value: (row) => row.deletedAt, cell: (row) => <Ago at={row.deletedAt} /> },
    {
      id: 'kept',
      title: 'Kept until',
      hide: 'narrow',
      value: (row) => row.keptUntil,
      cell: (row) => (row.keptUntil ? <Ago at={row.keptUntil} /> : <span className="text-soft">wanted back</span>),
    },
    { id: 'owner', title: 'Owner', hide: 'narrow', value: (row) => row.ownerName, cell: (row) => row.ownerName },
    {
      id: 'restore',
      title: '',
      value: () => null,
      cell: (row) => (
        <Button size="sm" busy={busy === row.id} onClick={() => restore(row)} aria-label={`Restore ${row.name}`}>
          Restore
        </Button>
      ),
    },
  ]
  return (
    <PagedTable
      label="Bin"
      columns={columns}
      list={list}
      toolbar={<SearchBox label="Name" value={text} onChange={setText} />}
      empty={
        q ? (
          <div>
            <SearchBox label="Name" value={text} onChange={setText} />
            <p className="mt-4 text-soft">Nothing in the bin has this name.</p>
          </div>
        ) : (
          <p className="text-soft">Nothing was deleted in this project.</p>
        )
      }
    />
  )
}
