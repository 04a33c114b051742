import type { RecipePreview } from '@atoll/sdk'
import { useState } from 'react'
import { cx } from '../ui/cx.ts'
import { Segmented } from '../ui/Field.tsx'
import { count, short } from '../ui/format.ts'
import { Section } from '../ui/Page.tsx'
import { ErrorNote, Skeleton } from '../ui/State.tsx'

/** The first rows before and after the recipe. Columns that it made are marked. */
export function PreviewPane({
  preview,
  error,
  busy,
  retry,
}: {
  preview: RecipePreview | undefined
  error: Error | null
  busy: boolean
  retry: () => void
}) {
  const [side, setSide] = useState<'after' | 'before'>('after')
  const sample = preview?.[side]
  const old = new Set(preview?.before.columns)
  return (
    <Section
      title="First rows"
      note={
        preview ? `${count(preview.before.columns.length, 'column')} before, ${preview.after.columns.length} after` : undefined
      }
      actions={
        <Segmented
          label="Before or after"
          size="sm"
          value={side}
          choices={[
            { value: 'before', label: 'Before' },
            { value: 'after', label: 'After' },
          ]}
          onChange={setSide}
        />
      }
      bare
    >
      {error ? (
        <ErrorNote error={error} title="The recipe does not fit the data." retry={retry} />
      ) : !sample ? (
        <Skeleton className="h-96" />
      ) : (
        <div
          tabIndex={0}
          role="region"
          aria-label="First rows"
          className={cx('max-h-[70vh] overflow-auto rounded-lg border bg-surface', busy && 'opacity-60')}
        >
          <table className="border-separate border-spacing-0 text-sm">
            <thead>
              <tr>
                {sample.columns.slice(0, 200).map((column) => (
                  <th
                    key={column}
                    scope="col"
                    className={cx(
                      'sticky top-0 border-b bg-surface px-2.5 py-1.5 text-left font-medium whitespace-nowrap',
                      side === 'after' && !old.has(column) && 'bg-accent-soft! text-accent',
                    )}
                  >
                    {column}
                    {side === 'after' && !old.has(column) && <span className="sr-only"> (new)</span>}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {sample.rows.map((row, at) => (
                <tr key={at} className="odd:bg-sunken/50">
                  {row.slice(0, 200).map((value, column) => (
                    <td
                      key={column}
                      className={cx('max-w-48 truncate px-2.5 py-1', typeof value === 'number' && 'num text-right')}
                    >
                      {value === null || value === '' ? (
                        <span className="text-xs text-faint italic">missing</span>
                      ) : typeof value === 'number' ? (
                        short(value, 5)
                      ) : (
                        String(value)
                      )}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Section>
  )
}
