import { ArrowDown, ArrowUp } from 'lucide-react'
import type { ReactNode } from 'react'
import { useEffect, useRef, useState } from 'react'
import { cx } from './cx.ts'

export interface GridColumn {
  name: string
  title?: ReactNode
  width: number
  right?: boolean
}

interface VirtualGridProps {
  label: string
  columns: readonly GridColumn[]
  total: number
  /** The cells of a row, or null while they are on their way. */
  row: (index: number) => readonly unknown[] | null
  /** What stands in front of a row; its place in the list when absent. */
  rowName?: (index: number) => string | null
  /** Told which rows are in view, so that they can be fetched. */
  onView: (from: number, to: number) => void
  cell: (value: unknown, column: number) => ReactNode
  sort?: string
  onSort?: (column: string) => void
  onHeader?: (column: string) => void
  maxHeight?: string
}

const rowHeight = 28
const headerHeight = 32
const numberWidth = 72
/** Browsers stop at about 33 million pixels; beyond this the scroll bar stands for a share of the rows. */
const tallest = 12_000_000

/** Any number of rows and columns, of which only those in view exist. */
export function VirtualGrid(props: VirtualGridProps) {
  const { columns, total } = props
  const box = useRef<HTMLDivElement>(null)
  const [view, setView] = useState({ top: 0, left: 0, height: 400, width: 800 })
  useEffect(() => {
    const element = box.current
    if (!element) return
    let frame = 0
    const measure = () => {
      frame = 0
      setView({ top: element.scrollTop, left: element.scrollLeft, height: element.clientHeight, width: element.clientWidth })
    }
    const later = () => {
      frame ||= requestAnimationFrame(measure)
    }
    measure()
    element.addEventListener('scroll', later, { passive: true })
    const observer = new ResizeObserver(later)
    observer.observe(element)
    return () => {
      cancelAnimationFrame(frame)
      element.removeEventListener('scroll', later)
      observer.disconnect()
    }
  }, [])

  const body = view.height - headerHeight
  const full = total * rowHeight
  const height = Math.min(full, tallest)
  const scaled = full > tallest
  const share = height > body ? Math.min(1, view.top / (height - body)) : 0
  const exact = scaled ? share * (full - body) : view.top
  const from = Math.max(0, Math.floor(exact / rowHeight) - 4)
  const to = Math.min(total, Math.ceil((exact + body) / rowHeight) + 4)
  const lefts: number[] = []
  let width = numberWidth
  for (const column of columns) {
    lefts.push(width)
    width += column.width
  }
  let first = 0
  while (first < columns.length && (lefts[first] ?? 0) + (columns[first]?.width ?? 0) < view.left) first++
  let last = first
  while (last < columns.length && (lefts[last] ?? 0) < view.left + view.width) last++
  const { onView } = props
  useEffect(() => onView(from, to), [from, to, onView])

  const inView = columns.slice(first, last).map((column, at) => ({ column, at: first + at, left: lefts[first + at] ?? 0 }))
  return (
    <div
      ref={box}
      tabIndex={0}
      role="table"
      aria-label={props.label}
      aria-rowcount={total + 1}
      aria-colcount={columns.length + 1}
      className="relative overflow-auto rounded-lg border bg-surface"
      style={{ height: `min(${full + headerHeight + 16}px, ${props.maxHeight ?? '68vh'})` }}
    >
      <div
        role="rowgroup"
        className="sticky top-0 z-10 border-b bg-surface"
        style={{ height: headerHeight, width: Math.max(width, view.width) }}
      >
        <div role="row" aria-rowindex={1}>
          <span
            role="columnheader"
            aria-colindex={1}
            className="sticky left-0 z-10 inline-block border-r bg-surface px-2 text-right text-xs leading-8 text-faint"
            style={{ width: numberWidth }}
          >
            row
          </span>
          {inView.map(({ column, at, left }) => {
            const sorted = props.sort === column.name ? 'ascending' : props.sort === `-${column.name}` ? 'descending' : undefined
            return (
              <span
                key={column.name}
                role="columnheader"
                aria-colindex={at + 2}
                aria-sort={sorted}
                className={cx(
                  'absolute inset-y-0 flex items-center gap-1 truncate border-r border-line/60 px-2 text-sm font-medium',
                  column.right && 'justify-end',
                )}
                style={{ left, width: column.width }}
              >
                <button
                  type="button"
                  className="flex min-w-0 items-center gap-1.5 font-medium hover:text-accent"
                  title={`Sort by ${column.name}`}
                  onClick={() => props.onSort?.(column.name)}
                >
                  {column.title ?? <span className="truncate">{column.name}</span>}
                  {sorted &&
                    (sorted === 'ascending' ? (
                      <ArrowUp aria-hidden="true" className="size-3 shrink-0" />
                    ) : (
                      <ArrowDown aria-hidden="true" className="size-3 shrink-0" />
                    ))}
                </button>
              </span>
            )
          })}
        </div>
      </div>
      <div role="rowgroup" className="relative" style={{ height, width: Math.max(width, view.width) }}>
        {Array.from({ length: Math.max(0, to - from) }, (_, at) => {
          const index = from + at
          const cells = props.row(index)
          return (
            <div
              key={index}
              role="row"
              aria-rowindex={index + 2}
              className="absolute left-0 w-full border-b border-line/50 leading-7 hover:bg-hover"
              style={{
                transform: `translateY(${scaled ? view.top + index * rowHeight - exact : index * rowHeight}px)`,
                height: rowHeight,
              }}
            >
              <span
                role="rowheader"
                className="num sticky left-0 z-1 inline-block h-full border-r bg-surface px-2 text-right text-faint"
                style={{ width: numberWidth }}
              >
                {props.rowName?.(index) ?? (index + 1).toLocaleString('en')}
              </span>
              {inView.map(({ column, at: place, left }) => (
                <span
                  key={column.name}
                  role="cell"
                  aria-colindex={place + 2}
                  className={cx('absolute inset-y-0 truncate px-2', column.right && 'num text-right')}
                  style={{ left, width: column.width }}
                >
                  {cells === null ? (
                    <span aria-hidden="true" className="skeleton mt-2 block h-3 w-2/3" />
                  ) : (
                    props.cell(cells[place], place)
                  )}
                </span>
              ))}
            </div>
          )
        })}
      </div>
    </div>
  )
}
