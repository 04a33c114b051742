import { Ellipsis } from 'lucide-react'
import type { ReactNode } from 'react'
import { useId, useLayoutEffect, useRef, useState } from 'react'
import { IconButton } from '../ui/Button.tsx'
import { download, toCsv } from '../ui/csv.ts'
import { cx } from '../ui/cx.ts'
import { cell } from '../ui/format.ts'
import { Menu, MenuItem } from '../ui/Menu.tsx'
import { downloadPng, downloadSvg } from './export.ts'
import { colourOf, dashOf } from './series.ts'

export interface ChartData {
  header: readonly string[]
  rows: readonly (readonly unknown[])[]
}

interface ChartFrameProps {
  title: string
  /** What the picture says, for those who do not see it. */
  summary: string
  /** File name of exports. */
  name: string
  data: () => ChartData
  height: number
  /** The heading is shown unless the place around says it already. */
  showTitle?: boolean
  legend?: readonly { label: string; colour?: string; dash?: string; mark?: 'line' | 'box' }[]
  extra?: ReactNode
  /** Exports a drawing that is not one SVG inside the frame. */
  exporters?: { svg?: () => void; png?: () => void }
  children: (size: { width: number; height: number }) => ReactNode
  className?: string
}

/** Every chart sits in one: reserved size, text alternative, its data as a table and CSV, itself as SVG and PNG. */
export function ChartFrame({
  title,
  summary,
  name,
  data,
  height,
  showTitle = true,
  legend,
  extra,
  exporters,
  children,
  className,
}: ChartFrameProps) {
  const id = useId()
  const box = useRef<HTMLDivElement>(null)
  const [width, setWidth] = useState(0)
  const [asTable, setAsTable] = useState(false)
  useLayoutEffect(() => {
    const element = box.current
    if (!element) return
    const measure = () => setWidth(Math.floor(element.clientWidth))
    measure()
    const observer = new ResizeObserver(measure)
    observer.observe(element)
    return () => observer.disconnect()
  }, [])
  const svg = () => box.current?.querySelector<SVGSVGElement>('svg[data-chart]')
  const saveSvg = exporters?.svg ?? (() => svg() && downloadSvg(svg()!, name))
  const savePng = exporters?.png ?? (() => svg() && void downloadPng(svg()!, name))
  return (
    <figure
      aria-labelledby={`${id}-title`}
      aria-describedby={`${id}-summary`}
      className={cx('group/chart relative min-w-0', className)}
    >
      <figcaption className={cx('mb-1 flex min-h-7 items-center justify-between gap-2')}>
        <span id={`${id}-title`} className={showTitle ? 'text-sm font-medium text-soft' : 'sr-only'}>
          {title}
        </span>
        <span className="ml-auto flex items-center gap-2">
          {legend && (
            <span className="flex flex-wrap justify-end gap-x-3 text-xs text-soft">
              {legend.map((entry, at) => (
                <span key={entry.label} className="inline-flex items-center gap-1.5">
                  <svg aria-hidden="true" width="18" height="10">
                    {entry.mark === 'box' ? (
                      <rect x="3" y="0" width="10" height="10" rx="2" fill={entry.colour ?? colourOf(at)} />
                    ) : (
                      <line
                        x1="0"
                        x2="18"
                        y1="5"
                        y2="5"
                        stroke={entry.colour ?? colourOf(at)}
                        strokeWidth="2"
                        strokeDasharray={entry.dash ?? dashOf(at)}
                      />
                    )}
                  </svg>
                  {entry.label}
                </span>
              ))}
            </span>
          )}
          {extra}
          <Menu
            label={`${title}: export`}
            trigger={
              <IconButton
                label={`${title}: data and export`}
                className="size-6 opacity-60 group-hover/chart:opacity-100 focus-visible:opacity-100"
              >
                <Ellipsis aria-hidden="true" className="size-3.5" />
              </IconButton>
            }
          >
            <MenuItem onSelect={() => setAsTable(!asTable)}>{asTable ? 'Show the chart' : 'Show as a table'}</MenuItem>
            <MenuItem
              onSelect={() => {
                const table = data()
                download(`${name}.csv`, toCsv(table.header, table.rows))
              }}
            >
              Save data as CSV
            </MenuItem>
            <MenuItem onSelect={saveSvg} disabled={asTable}>
              Save as SVG
            </MenuItem>
            <MenuItem onSelect={savePng} disabled={asTable}>
              Save as PNG
            </MenuItem>
          </Menu>
        </span>
      </figcaption>
      <p id={`${id}-summary`} className="sr-only">
        {summary}
      </p>
      <div ref={box} style={{ height }} className="relative min-w-0">
        {asTable ? <DataOf table={data()} label={title} /> : width > 0 && children({ width, height })}
      </div>
    </figure>
  )
}

function DataOf({ table, label }: { table: ChartData; label: string }) {
  return (
    <div className="h-full overflow-auto rounded-md border" tabIndex={0} role="region" aria-label={`${label} as a table`}>
      <table className="w-full text-sm">
        <thead className="sticky top-0 bg-sunken">
          <tr>
            {table.header.map((name) => (
              <th key={name} scope="col" className="px-2 py-1 text-left font-medium">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {table.rows.slice(0, 2000).map((row, at) => (
            <tr key={at} className="odd:bg-sunken/40">
              {row.map((value, column) => (
                <td key={column} className="num px-2 py-0.5">
                  {cell(value)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
