import { useQuery } from '@tanstack/react-query'
import { atoll } from '../api.ts'
import { cell, percent } from '../ui/format.ts'

/** The training images that the network sees most like the one that was asked about, and what was true of them. */
export function NearestImages({
  model,
  version,
  ask,
  askedKey,
}: {
  model: string
  version: number
  /** The row as it is sent. */
  ask: () => Promise<Record<string, unknown>>
  askedKey: string
}) {
  const near = useQuery({
    queryKey: ['model', model, version, 'nearest-images', askedKey],
    queryFn: async () => {
      const [found, of] = await Promise.all([
        atoll.models.nearest(model, version, { row: await ask(), limit: 6 }),
        atoll.models.version(model, version),
      ])
      return { rows: found.rows, dataset: of.dataset, datasetVersion: of.datasetVersion }
    },
    retry: false,
    staleTime: Number.POSITIVE_INFINITY,
  })
  if (!near.data || near.data.rows.length === 0) return null
  const { rows, dataset, datasetVersion } = near.data
  return (
    <section className="mt-4" aria-label="The most alike training images">
      <h3 className="mb-1 text-sm font-medium text-soft">The most alike training images</h3>
      <ul className="grid grid-cols-3 gap-2 sm:grid-cols-6">
        {rows.map(({ number, actual, distance, row }) => {
          const item = String(Object.values(row)[0])
          return (
            <li key={number} className="min-w-0 text-center text-sm">
              <img
                src={atoll.datasets.thumbnailUrl(dataset, { path: item, version: datasetVersion, size: 128 })}
                alt={`${item}, ${cell(actual)}`}
                className="aspect-square w-full rounded-md border bg-sunken object-contain"
                style={{ imageRendering: 'pixelated' }}
              />
              <span className="block truncate font-medium">{cell(actual)}</span>
              <span className="num text-xs text-faint">{percent(1 - 2 * distance, 1)} alike</span>
            </li>
          )
        })}
      </ul>
    </section>
  )
}
