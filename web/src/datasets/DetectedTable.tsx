import type { Detection } from '@atoll/sdk'
import { useMemo, useState } from 'react'
import { Badge } from '../ui/Badge.tsx'
import { cx } from '../ui/cx.ts'
import { cell } from '../ui/format.ts'
import { SearchBox } from '../ui/SearchBox.tsx'
import { type ColumnType, isNumeric, typesFor } from './column-type.tsx'

export interface ColumnChoice {
  type?: ColumnType
  action: 'keep' | 'drop' | 'pseudonymise'
}

const shownAtOnce = 60

/** The columns as read, one card each: type, what to do with it, first values. */
export function DetectedTable({
  detection,
  choices,
  onChange,
}: {
  detection: Detection
  choices: Record<string, ColumnChoice>
  onChange: (name: string, choice: ColumnChoice) => void
}) {
  const [text, setText] = useState('')
  const [limit, setLimit] = useState(shownAtOnce)
  const found = useMemo(
    () =>
      detection.columns
        .map((column, at) => ({ column, at }))
        .filter(({ column }) => column.name.toLowerCase().includes(text.toLowerCase())),
    [detection, text],
  )
  return (
    <div>
      {detection.columns.length > 12 && (
        <div className="mb-2">
          <SearchBox label="Find a column" value={text} onChange={setText} />
        </div>
      )}
      <div className="max-h-[60vh] overflow-auto rounded-lg border bg-surface">
        <table className="w-full border-separate border-spacing-0">
          <caption className="sr-only">Columns as detected</caption>
          <thead className="text-left text-sm text-soft">
            <tr>
              {['Column', 'Type', 'On the way in', 'First values'].map((title) => (
                <th key={title} scope="col" className="sticky top-0 z-10 border-b bg-surface px-3 py-2 font-medium">
                  {title}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {found.slice(0, limit).map(({ column, at }) => {
              const choice = choices[column.name] ?? { action: 'keep' }
              const type = choice.type ?? column.type
              return (
                <tr key={column.name} className={cx('h-10', choice.action === 'drop' && 'text-faint')}>
                  <th scope="row" className="max-w-56 border-b px-3 py-1 text-left font-medium">
                    <span className={cx('block truncate', choice.action === 'drop' && 'line-through')} title={column.name}>
                      {column.name}
                    </span>
                    {column.personalData && (
                      <Badge tone="warn" className="mt-0.5">
                        <span title={column.personalData.why}>
                          looks like personal data: {column.personalData.kind.replaceAll('_', ' ')}
                        </span>
                      </Badge>
                    )}
                  </th>
                  <td className="border-b px-3 py-1">
                    <select
                      aria-label={`Type of ${column.name}`}
                      className={cx('field h-7 w-28 px-1.5 text-sm', type !== column.type && 'border-accent!')}
                      value={type}
                      onChange={(event) => onChange(column.name, { ...choice, type: event.target.value as ColumnType })}
                    >
                      {typesFor(column.type).map((one) => (
                        <option key={one} value={one}>
                          {one}
                        </option>
                      ))}
                    </select>
                  </td>
                  <td className="border-b px-3 py-1">
                    <select
                      aria-label={`What to do with ${column.name}`}
                      className={cx('field h-7 w-36 px-1.5 text-sm', choice.action !== 'keep' && 'border-accent!')}
                      value={choice.action}
                      onChange={(event) =>
                        onChange(column.name, { ...choice, action: event.target.value as ColumnChoice['action'] })
                      }
                    >
                      <option value="keep">keep</option>
                      <option value="drop">drop</option>
                      <option value="pseudonymise">pseudonymise</option>
                    </select>
                  </td>
                  <td className="w-full border-b px-3 py-1">
                    <span className={cx('flex gap-1.5 overflow-hidden text-sm text-soft', isNumeric(type) && 'num')}>
                      {detection.preview.slice(0, 6).map((row, line) => {
                        const value = row[at]
                        return (
                          <span key={line} className="max-w-32 truncate rounded-sm bg-sunken px-1.5">
                            {value === null || value === '' ? <span className="text-faint italic">missing</span> : cell(value)}
                          </span>
                        )
                      })}
                    </span>
                  </td>
                </tr>
              )
            })}
          </tbody>
        </table>
      </div>
      {found.length > limit && (
        <button type="button" className="link mt-2 text-sm" onClick={() => setLimit(limit + 500)}>
          Show {Math.min(500, found.length - limit)} more of {found.length} columns
        </button>
      )}
    </div>
  )
}
