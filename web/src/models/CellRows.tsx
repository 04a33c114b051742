import type { Model, ModelVersion } from '@atoll/sdk'
import { useQuery } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { atoll } from '../api.ts'
import { cell, count } from '../ui/format.ts'
import { SidePanel } from '../ui/SidePanel.tsx'
import { ErrorNote, SkeletonLines } from '../ui/State.tsx'

/** The sealed rows behind a cell of the confusion matrix, named in the address. */
export function CellRows({ model, version }: { model: Model; version: ModelVersion }) {
  const navigate = useNavigate()
  const wanted = useSearch({ strict: false }).cell
  const [actual = '', predicted = ''] = wanted?.split('|') ?? []
  const rows = useQuery({
    queryKey: ['model', model.id, version.number, 'rows', wanted],
    queryFn: () => atoll.models.rows(model.id, version.number, { actual, predicted }),
    enabled: wanted !== undefined,
  })
  if (wanted === undefined) return null
  return (
    <SidePanel
      open
      wide
      onClose={() => void navigate({ to: '.', search: (old) => ({ ...old, cell: undefined }), resetScroll: false })}
      title={`Actual ${actual}, predicted ${predicted}`}
    >
      {rows.error ? (
        <ErrorNote error={rows.error} />
      ) : rows.isPending ? (
        <SkeletonLines lines={8} />
      ) : (
        <>
          <p className="mb-2 text-soft">
            {count(rows.data.total, 'row')}
            {rows.data.total > rows.data.rows.length && `, the first ${rows.data.rows.length} shown`}
          </p>
          <div tabIndex={0} role="region" aria-label="Rows of the cell" className="overflow-auto rounded-md border">
            <table className="text-sm">
              <thead>
                <tr>
                  {rows.data.columns.map((column) => (
                    <th
                      key={column}
                      scope="col"
                      className="border-b bg-sunken px-2.5 py-1.5 text-left font-medium whitespace-nowrap"
                    >
                      {column === '__row' ? 'row' : column}
                    </th>
                  ))}
                </tr>
              </thead>
              <tbody>
                {rows.data.rows.map((row, at) => (
                  <tr key={at} className="odd:bg-sunken/40">
                    {row.map((value, column) => (
                      <td key={column} className="num max-w-56 truncate px-2.5 py-1">
                        {value === null ? <span className="text-faint italic">missing</span> : cell(value)}
                      </td>
                    ))}
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        </>
      )}
    </SidePanel>
  )
}
