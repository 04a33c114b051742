import type { Dataset, DatasetVersion } from '@atoll/sdk'
import { useQuery } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { useMemo } from 'react'
import { atoll } from '../api.ts'
import { Button } from '../ui/Button.tsx'
import { cx } from '../ui/cx.ts'
import { count, whole } from '../ui/format.ts'
import { Empty, ErrorNote, Notice, Skeleton } from '../ui/State.tsx'
import { FilterBar } from './FilterBar.tsx'
import { Gallery } from './Gallery.tsx'
import { mediaColumns } from './media-columns.ts'
import { Recordings } from './Recordings.tsx'
import { type Condition, readConditions, writeConditions } from './row-filter.ts'
import { pageSize, usePages } from './use-pages.ts'
import { useProfile } from './use-profile.ts'

/** The images or recordings themselves, filtered by what is known of them. */
export function ItemsTab({ dataset, version }: { dataset: Dataset; version: DatasetVersion }) {
  const search = useSearch({ strict: false })
  const navigate = useNavigate()
  const media = mediaColumns(version, dataset.target)
  const conditions = readConditions(search.where)
  const query = useMemo(
    () => ({ version: version.id, sort: search.sort, where: search.where, columns: undefined }),
    [version, search.sort, search.where],
  )
  const first = useQuery({
    queryKey: ['rows', dataset.id, query, 0],
    queryFn: () => atoll.datasets.rows(dataset.id, { ...query, offset: 0, limit: pageSize }),
    staleTime: Number.POSITIVE_INFINITY,
  })
  const unreadable = useQuery({
    queryKey: ['items', dataset.id, version.id, 'unreadable'],
    queryFn: () => atoll.datasets.items(dataset.id, { version: version.id, unreadable: 'true', limit: 20 }),
    staleTime: Number.POSITIVE_INFINITY,
  })
  const pages = usePages(dataset.id, query, version.columns, first.data)
  const { profile } = useProfile(dataset, version)
  const top = profile.data?.columns.find(({ name }) => name === media?.label?.name)?.top ?? []
  // Words that hardly return are no classes to choose from.
  const labels = top.some((one) => one.count > 2) ? top.filter(({ value }) => value.length <= 40) : []
  const change = (list: Condition[]) =>
    void navigate({ to: '.', search: (old) => ({ ...old, where: writeConditions(list) }), replace: true, resetScroll: false })
  if (!media) return <Empty title="This version has no images or recordings" />
  const label = media.label?.name
  const chosen = conditions.find(({ column, op }) => column === label && op === '=')?.value
  const shown = { dataset, version, media, row: pages.row, onView: pages.view }
  return (
    <div>
      <div className="mb-2 flex flex-wrap items-center justify-between gap-2">
        <FilterBar columns={version.columns} conditions={conditions} onChange={change} />
        <p className="num text-sm text-soft" role="status">
          {first.data ? count(first.data.total, media.kind === 'image' ? 'image' : 'recording') : ''}
          {conditions.length > 0 && version.rows !== null && ` of ${whole(version.rows)}`}
        </p>
      </div>
      {label && labels.length > 1 && (
        <fieldset className="mb-2 flex flex-wrap gap-1">
          <legend className="sr-only">{label}</legend>
          {labels.slice(0, 24).map(({ value, count: many }) => (
            <button
              key={value}
              type="button"
              aria-pressed={chosen === value}
              className={cx(
                'h-6 rounded-full border px-2 text-xs',
                chosen === value ? 'border-accent bg-accent-soft text-accent' : 'text-soft hover:bg-hover',
              )}
              onClick={() =>
                change([
                  ...conditions.filter(({ column, op }) => column !== label || op !== '='),
                  ...(chosen === value ? [] : [{ column: label, op: '=' as const, value }]),
                ])
              }
            >
              {value} <span className="num text-faint">{whole(many)}</span>
            </button>
          ))}
        </fieldset>
      )}
      {unreadable.data && unreadable.data.total > 0 && (
        <div className="mb-2">
          <Notice severity="warning" word="Not readable">
            {count(unreadable.data.total, 'file')} of this version cannot be read and {unreadable.data.total === 1 ? 'is' : 'are'}{' '}
            in no row:{' '}
            {unreadable.data.items
              .slice(0, 3)
              .map(({ path, problem }) => `${path} ${problem}`)
              .join('; ')}
            {unreadable.data.total > 3 && ' …'}
          </Notice>
        </div>
      )}
      {first.error ? (
        <ErrorNote error={first.error} retry={() => void first.refetch()} />
      ) : !first.data ? (
        <Skeleton className="h-[70vh]" />
      ) : first.data.total === 0 ? (
        <Empty title="Nothing meets these conditions" action={<Button onClick={() => change([])}>Show all</Button>} />
      ) : media.kind === 'image' ? (
        <Gallery key={search.where ?? ''} {...shown} total={first.data.total} />
      ) : (
        <Recordings key={search.where ?? ''} {...shown} total={first.data.total} />
      )}
    </div>
  )
}
