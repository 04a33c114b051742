import type { Model, ModelVersion } from '@atoll/sdk'
import { useQuery } from '@tanstack/react-query'
import { atoll } from '../api.ts'
import { cell, percent } from '../ui/format.ts'

/** Training rows most like a row, and what was true of them. */
export function NearestRows({ model, version, row }: { model: Model; version: ModelVersion; row: Record<string, unknown> }) {
  const near = useQuery({
    queryKey: ['model', model.id, version.number, 'nearest', JSON.stringify(row)],
    queryFn: () => atoll.models.nearest(model.id, version.number, { row, limit: 5 }),
    retry: false,
    staleTime: Number.POSITIVE_INFINITY,
  })
  const rows = near.data?.rows ?? []
  if (rows.length === 0) return null
  // What the rows are most alike in is not worth a column.
  const unlike = version.signature.inputs.filter(({ name }) => rows.some((one) => one.row[name] !== row[name])).slice(0, 6)
  return (
    <div className="mt-4">
      <h3 className="mb-1 text-sm font-medium text-soft">The most alike training rows</h3>
      <div tabIndex={0} role="region" aria-label="The most alike training rows" className="overflow-auto rounded-md border">
        <table className="w-full text-sm">
          <thead>
            <tr>
              {['row', 'alike', version.target ?? 'target', ...unlike.map(({ name }) => name)].map((name) => (
                <th key={name} scope="col" className="border-b bg-sunken px-2 py-1 text-left font-medium whitespace-nowrap">
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody className="num">
            {rows.map((one) => (
              <tr key={one.number} className="odd:bg-sunken/40">
                <td className="px-2 py-0.5">{one.number}</td>
                <td className="px-2 py-0.5">{percent(1 - one.distance, 1)}</td>
                <td className="px-2 py-0.5 font-medium">{cell(one.actual)}</td>
                {unlike.map(({ name }) => (
                  <td key={name} className="max-w-40 truncate px-2 py-0.5">
                    {cell(one.row[name])}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </div>
  )
}
