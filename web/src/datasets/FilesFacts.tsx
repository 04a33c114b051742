import type { Dataset, DatasetVersion } from '@atoll/sdk'
import { useQuery } from '@tanstack/react-query'
import { atoll } from '../api.ts'
import { bytes, whole } from '../ui/format.ts'
import { Num } from '../ui/Num.tsx'
import { Fact, Facts } from '../ui/Page.tsx'

/** The files of a media version: how many, how large, in which formats, and how many cannot be read. */
export function FilesFacts({ dataset, version }: { dataset: Dataset; version: DatasetVersion }) {
  const items = useQuery({
    queryKey: ['items', dataset.id, version.id, 'formats'],
    queryFn: () => atoll.datasets.items(dataset.id, { version: version.id, limit: 1 }),
    staleTime: Number.POSITIVE_INFINITY,
  })
  const found = items.data
  const formats = found?.formats ?? []
  return (
    <Facts>
      <Fact label="Files" note={found ? bytes(found.sizeBytes) : ''}>
        <Num>{whole(found?.total)}</Num>
      </Fact>
      <Fact
        label="Formats"
        note={formats
          .slice(0, 4)
          .map(({ contentType, count }) => `${contentType.split('/')[1]} ${whole(count)}`)
          .join(', ')}
      >
        <Num>{found ? whole(formats.length) : '–'}</Num>
      </Fact>
      <Fact label="Cannot be read" note="in no row">
        <Num>{whole(found?.unreadable)}</Num>
      </Fact>
    </Facts>
  )
}
