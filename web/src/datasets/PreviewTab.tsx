import type { Dataset, DatasetVersion } from '@atoll/sdk'
import { useQuery } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { useMemo, useState } from 'react'
import { atoll } from '../api.ts'
import { Button } from '../ui/Button.tsx'
import { cell, count, dateCell } from '../ui/format.ts'
import { Empty, ErrorNote, Skeleton } from '../ui/State.tsx'
import { VirtualGrid } from '../ui/VirtualGrid.tsx'
import { ColumnFinder } from './ColumnFinder.tsx'
import { isNumeric, TypeMark } from './column-type.tsx'
import { FilterBar } from './FilterBar.tsx'
import { readConditions, writeConditions } from './row-filter.ts'
import { pageSize, usePages } from './use-pages.ts'

/** More columns than this are chosen by name: a page of them all would be many megabytes. */
const mostColumns = 120

/** The rows themselves: any number of them, sorted and filtered by the server. */
export function PreviewTab({ dataset, version }: { dataset: Dataset; version: DatasetVersion }) {
  const search = useSearch({ strict: false })
  const navigate = useNavigate()
  const [chosen, setChosen] = useState<string[] | null>(null)
  const columns = useMemo(() => {
    const names = chosen ?? version.columns.slice(0, mostColumns).map((column) => column.name)
    return names.flatMap((name) => version.columns.find((column) => column.name === name) ?? [])
  }, [version, chosen])
  const conditions = readConditions(search.where)
  const query = useMemo(
    () => ({
      version: version.id,
      sort: search.sort,
      where: search.where,
      columns: columns.length === version.columns.length ? undefined : columns.map((column) => column.name).join(','),
    }),
    [version, search.sort, search.where, columns],
  )
  const first = useQuery({
    queryKey: ['rows', dataset.id, query, 0],
    queryFn: () => atoll.datasets.rows(dataset.id, { ...query, offset: 0, limit: pageSize }),
    staleTime: Number.POSITIVE_INFINITY,
  })
  const pages = usePages(dataset.id, query, columns, first.data)
  const change = (part: Record<string, string | undefined>) =>
    void navigate({ to: '.', search: (old) => ({ ...old, ...part }), replace: true, resetScroll: false })

  return (
    <div>
      <div className="mb-2 flex flex-wrap items-center justify-between gap-2">
        <FilterBar
          columns={version.columns}
          conditions={conditions}
          onChange={(list) => change({ where: writeConditions(list) })}
        />
        <div className="flex items-center gap-3">
          <p className="num text-sm text-soft" role="status">
            {first.data ? count(first.data.total, 'row') : ''}
            {conditions.length > 0 && version.rows !== null && ` of ${count(version.rows, 'row')}`}
          </p>
          <ColumnFinder columns={version.columns} chosen={columns.map((column) => column.name)} onChange={setChosen} />
        </div>
      </div>
      {version.columns.length > columns.length && (
        <p className="mb-2 text-sm text-soft">
          {columns.length} of {count(version.columns.length, 'column')} shown.
        </p>
      )}
      {first.error ? (
        <ErrorNote error={first.error} retry={() => void first.refetch()} />
      ) : !first.data ? (
        <Skeleton className="h-[68vh]" />
      ) : first.data.total === 0 ? (
        <Empty
          title="No row meets these conditions"
          action={<Button onClick={() => change({ where: undefined })}>Show all rows</Button>}
        />
      ) : (
        <VirtualGrid
          label={`Rows of ${dataset.name}`}
          columns={columns.map((column) => ({
            name: column.name,
            right: isNumeric(column.type),
            width: widthFor(column.name, column.type),
            title: (
              <>
                <TypeMark type={column.type} />
                <span className="truncate" title={column.description || column.name}>
                  {column.name}
                </span>
              </>
            ),
          }))}
          total={first.data.total}
          row={pages.row}
          rowName={pages.rowName}
          onView={pages.view}
          sort={search.sort}
          onSort={(name) => change({ sort: search.sort === name ? `-${name}` : search.sort === `-${name}` ? undefined : name })}
          cell={(value, at) =>
            value === null || value === undefined || value === '' ? (
              <span className="text-xs text-faint italic">missing</span>
            ) : columns[at]?.type === 'datetime' ? (
              dateCell(String(value))
            ) : (
              cell(value)
            )
          }
        />
      )}
    </div>
  )
}

const widthFor = (name: string, type: string) =>
  Math.min(
    260,
    Math.max(isNumeric(type as 'number') ? 96 : type === 'text' ? 200 : type === 'datetime' ? 168 : 116, name.length * 7.4 + 66),
  )
