import { ArrowDown, ArrowUp } from 'lucide-react'
import type { KeyboardEvent, ReactNode } from 'react'
import { useMemo, useRef, useState } from 'react'
import { Button } from './Button.tsx'
import { ColumnMenu } from './ColumnMenu.tsx'
import { download, toCsv } from './csv.ts'
import { cx } from './cx.ts'
import { ErrorNote, Skeleton } from './State.tsx'
import { useStored } from './stored.ts'
import { useNearView, useRowWindow } from './window.ts'

export interface ColumnOf<T> {
  id: string
  title: ReactNode
  /** The title as text, when `title` is more than that. */
  name?: string
  cell: (row: T) => ReactNode
  /** Value for sorting and export; a column without it can do neither. */
  value?: (row: T) => string | number | null | undefined
  right?: boolean
  width?: number
  hide?: 'narrow' | 'default'
}

export interface Sort {
  by: string
  down: boolean
}

export interface DataTableProps<T> {
  label: string
  columns: readonly ColumnOf<T>[]
  rows: readonly T[]
  keyOf: (row: T) => string
  loading?: boolean
  error?: Error | null
  retry?: () => void
  hasMore?: boolean
  loadMore?: () => void
  loadingMore?: boolean
  empty?: ReactNode
  /** The rows are those of a search: when there are none, the search stays to be changed. */
  filtered?: boolean
  /** When given, the server sorts; else the loaded rows are sorted once all are here. */
  sort?: Sort | null
  onSort?: (sort: Sort) => void
  selected?: ReadonlySet<string>
  onSelect?: (selected: Set<string>) => void
  toolbar?: ReactNode
  skeletonRows?: number
}

const rowHeight = 37

/** A list of nouns: sort, choose and resize columns, select many, export; more rows come as one scrolls. */
export function DataTable<T>(props: DataTableProps<T>) {
  const { label, rows, keyOf, loading, error, selected, onSelect } = props
  const [choices, setChoices] = useStored<Record<string, boolean>>(`columns.${label}`, {})
  const [widths, setWidths] = useStored<Record<string, number>>(`widths.${label}`, {})
  const [ownSort, setOwnSort] = useState<Sort | null>(null)
  const isShown = (column: ColumnOf<T>) => choices[column.id] ?? column.hide !== 'default'
  const columns = props.columns.filter(isShown)
  const sort = props.onSort ? (props.sort ?? null) : ownSort
  const canSort = Boolean(props.onSort) || !props.hasMore
  const shown = useMemo(() => {
    if (props.onSort || !ownSort || props.hasMore) return rows
    const by = props.columns.find((column) => column.id === ownSort.by)?.value
    return by ? [...rows].sort((a, b) => compare(by(a), by(b)) * (ownSort.down ? -1 : 1)) : rows
  }, [rows, ownSort, props.onSort, props.hasMore, props.columns])

  const box = useRef<HTMLDivElement>(null)
  const end = useRef<HTMLDivElement>(null)
  const long = shown.length > 120
  const range = useRowWindow(box, shown.length, rowHeight, 36)
  const view = long ? shown.slice(range.from, range.to) : shown
  useNearView(end, Boolean(props.hasMore && !props.loadingMore && !error), () => props.loadMore?.())

  if (error && rows.length === 0) return <ErrorNote error={error} retry={props.retry} />
  if (!loading && rows.length === 0 && props.empty)
    return (
      <>
        {props.filtered && <div className="mb-1.5 flex min-h-7 flex-wrap items-center gap-2">{props.toolbar}</div>}
        {props.empty}
      </>
    )

  const press = (column: ColumnOf<T>) => {
    const next = { by: column.id, down: sort?.by === column.id ? !sort.down : Boolean(column.right) }
    if (props.onSort) props.onSort(next)
    else setOwnSort(next)
  }
  const span = columns.length + (selected ? 1 : 0)

  return (
    <div>
      <div className="mb-1.5 flex min-h-7 flex-wrap items-center justify-between gap-2">
        <div className="flex flex-wrap items-center gap-2">{props.toolbar}</div>
        <ColumnMenu
          columns={props.columns.map((column) => ({ id: column.id, name: nameOf(column), shown: isShown(column) }))}
          onChange={(id, shown) => setChoices({ ...choices, [id]: shown })}
          onExport={() =>
            download(
              `${label.toLowerCase().replaceAll(' ', '-')}.csv`,
              toCsv(
                columns.filter((column) => column.value).map(nameOf),
                shown.map((row) => columns.filter((column) => column.value).map((column) => column.value?.(row))),
              ),
            )
          }
        />
      </div>
      <div ref={box} className={cx('overflow-auto rounded-lg border bg-surface', long && 'max-h-[72vh]')}>
        <table className="w-full border-separate border-spacing-0 text-base" onKeyDown={moveFocus}>
          <caption className="sr-only">{label}</caption>
          <thead>
            <tr>
              {selected && (
                <th className="sticky top-0 z-10 w-9 border-b bg-surface px-2.5">
                  <input
                    type="checkbox"
                    aria-label="Select all shown"
                    className="size-4 align-middle"
                    checked={shown.length > 0 && shown.every((row) => selected.has(keyOf(row)))}
                    onChange={(event) => onSelect?.(new Set(event.target.checked ? shown.map(keyOf) : []))}
                  />
                </th>
              )}
              {columns.map((column) => (
                <HeaderCell
                  key={column.id}
                  column={column}
                  width={widths[column.id] ?? column.width}
                  sort={sort?.by === column.id ? sort : null}
                  onPress={column.value && canSort ? () => press(column) : undefined}
                  onResize={(width) => setWidths({ ...widths, [column.id]: width })}
                />
              ))}
            </tr>
          </thead>
          <tbody>
            {loading &&
              rows.length === 0 &&
              Array.from({ length: props.skeletonRows ?? 6 }, (_, at) => (
                <tr key={at} style={{ height: rowHeight }}>
                  <td colSpan={span} className="border-b px-3">
                    <Skeleton className="h-4" />
                  </td>
                </tr>
              ))}
            {long && range.from > 0 && <tr aria-hidden="true" style={{ height: range.from * rowHeight }} />}
            {view.map((row) => {
              const key = keyOf(row)
              return (
                <tr
                  key={key}
                  className={cx('group hover:bg-hover', selected?.has(key) && 'bg-accent-soft')}
                  style={{ height: rowHeight }}
                >
                  {selected && (
                    <td className="border-b border-line/70 px-2.5 group-last:border-0">
                      <input
                        type="checkbox"
                        aria-label="Select this row"
                        className="size-4 align-middle"
                        checked={selected.has(key)}
                        onChange={() => {
                          const next = new Set(selected)
                          if (!next.delete(key)) next.add(key)
                          onSelect?.(next)
                        }}
                      />
                    </td>
                  )}
                  {columns.map((column) => (
                    <td
                      key={column.id}
                      title={hoverOf(column, row)}
                      className={cx(
                        'max-w-80 truncate border-b max-sm:max-w-44 border-line/70 px-3 py-1 group-last:border-0',
                        column.right && 'text-right',
                        column.hide === 'narrow' && 'hidden md:table-cell',
                      )}
                    >
                      {column.cell(row)}
                    </td>
                  ))}
                </tr>
              )
            })}
            {long && range.to < shown.length && (
              <tr aria-hidden="true" style={{ height: (shown.length - range.to) * rowHeight }} />
            )}
          </tbody>
        </table>
        <div ref={end} />
      </div>
      {props.hasMore && (
        <div className="mt-2 text-center">
          <Button size="sm" busy={props.loadingMore} onClick={props.loadMore}>
            {props.loadingMore ? 'Loading more' : `Load more after these ${rows.length}`}
          </Button>
        </div>
      )}
      {error && rows.length > 0 && (
        <div className="mt-2">
          <ErrorNote error={error} retry={props.retry} />
        </div>
      )}
    </div>
  )
}

/** What may be cut off, in full. */
function hoverOf<T>(column: ColumnOf<T>, row: T): string | undefined {
  const value = column.value?.(row)
  return typeof value === 'string' && value.length > 24 && !/^\d{4}-\d\d-\d\dT/.test(value) ? value : undefined
}

const nameOf = (column: { title: ReactNode; name?: string; id: string }) =>
  column.name ?? (typeof column.title === 'string' ? column.title : column.id)

function HeaderCell<T>({
  column,
  width,
  sort,
  onPress,
  onResize,
}: {
  column: ColumnOf<T>
  width?: number
  sort: Sort | null
  onPress?: () => void
  onResize: (width: number) => void
}) {
  const cell = useRef<HTMLTableCellElement>(null)
  const name = nameOf(column)
  return (
    <th
      ref={cell}
      scope="col"
      style={width ? { width, minWidth: width } : undefined}
      aria-sort={sort ? (sort.down ? 'descending' : 'ascending') : undefined}
      className={cx(
        'sticky top-0 z-10 h-9 border-b bg-surface px-3 text-sm font-medium whitespace-nowrap text-soft',
        column.right ? 'text-right' : 'text-left',
        column.hide === 'narrow' && 'hidden md:table-cell',
      )}
    >
      {onPress ? (
        <button type="button" onClick={onPress} className="inline-flex items-center gap-1 font-medium hover:text-ink">
          {column.title}
          {sort &&
            (sort.down ? <ArrowDown aria-hidden="true" className="size-3" /> : <ArrowUp aria-hidden="true" className="size-3" />)}
        </button>
      ) : (
        column.title
      )}
      {name && (
        <span
          aria-hidden="true"
          className="absolute inset-y-1.5 right-0 w-1.5 cursor-col-resize border-r border-line hover:border-accent"
          onPointerDown={(event) => {
            const start = event.clientX
            const from = cell.current?.offsetWidth ?? 100
            const handle = event.currentTarget
            handle.setPointerCapture(event.pointerId)
            const move = (next: PointerEvent) => onResize(Math.max(48, from + next.clientX - start))
            handle.addEventListener('pointermove', move)
            handle.addEventListener('pointerup', () => handle.removeEventListener('pointermove', move), { once: true })
          }}
        />
      )}
    </th>
  )
}

function compare(a: string | number | null | undefined, b: string | number | null | undefined): number {
  if (a == null || b == null) return a == null ? (b == null ? 0 : 1) : -1
  return typeof a === 'number' && typeof b === 'number' ? a - b : String(a).localeCompare(String(b), 'en', { numeric: true })
}

/** Up and down move between the rows' links. */
function moveFocus(event: KeyboardEvent<HTMLTableElement>) {
  if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') return
  const row = (event.target as HTMLElement).closest('tr')
  const next = event.key === 'ArrowDown' ? row?.nextElementSibling : row?.previousElementSibling
  const target = next?.querySelector<HTMLElement>('a, button')
  if (!target || (event.target as HTMLElement).matches('input, select, textarea')) return
  event.preventDefault()
  target.focus()
}
