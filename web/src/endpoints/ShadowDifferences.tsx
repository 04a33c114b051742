import type { Endpoint, ShadowSummary } from '@atoll/sdk'
import { useQuery } from '@tanstack/react-query'
import { atoll } from '../api.ts'
import { percent, short, whole } from '../ui/format.ts'
import { Num } from '../ui/Num.tsx'
import { Fact, Facts, Section } from '../ui/Page.tsx'
import { ErrorNote, SkeletonLines } from '../ui/State.tsx'
import { Ago } from '../ui/Time.tsx'

/** How shadows differ from what answered, and where. */
export function ShadowDifferences({ endpoint }: { endpoint: Endpoint }) {
  const shadows = useQuery({
    queryKey: ['endpoint', endpoint.id, 'shadows'],
    queryFn: () => atoll.endpoints.shadows(endpoint.id),
    refetchInterval: 5000,
  })
  const { data } = shadows
  return (
    <Section title="Shadows">
      {shadows.error && !data && <ErrorNote error={shadows.error} retry={() => void shadows.refetch()} />}
      {!data ? (
        !shadows.error && <SkeletonLines lines={4} />
      ) : data.requests === 0 ? (
        <p className="rounded-lg border border-dashed px-4 py-8 text-center text-soft">
          Nothing was asked since a shadow was added.
        </p>
      ) : (
        <div className="space-y-4">
          <Facts>
            <Fact label="Rows that differ" note={`of ${whole(data.rows)}`}>
              <Num>{percent(data.differing / Math.max(1, data.rows))}</Num>
            </Fact>
            <Fact
              label="Apart on average"
              note={data.maxAbsDifference === null ? undefined : `at most ${short(data.maxAbsDifference, 3)}`}
            >
              <Num>{data.meanAbsDifference === null ? '–' : short(data.meanAbsDifference, 3)}</Num>
            </Fact>
            <Fact label="Failed" note={`${whole(data.skipped)} skipped`}>
              <Num>{whole(data.errors)}</Num>
            </Fact>
            <Fact label="p95 of what answers">
              <Num>{data.mainMs ? `${short(data.mainMs.p95, 3)} ms` : '–'}</Num>
            </Fact>
            <Fact label="p95 of the shadow">
              <Num>{data.shadowMs ? `${short(data.shadowMs.p95, 3)} ms` : '–'}</Num>
            </Fact>
          </Facts>
          {data.examples.length > 0 && (
            <div className="overflow-x-auto">
              <table className="w-full text-left text-sm">
                <thead className="text-soft">
                  <tr>
                    <th className="py-1 pr-4 font-normal">When</th>
                    <th className="pr-4 font-normal">Shadow</th>
                    <th className="pr-4 font-normal">What answered said</th>
                    <th className="font-normal">The shadow said</th>
                  </tr>
                </thead>
                <tbody className="divide-y">
                  {data.examples.map((one) => (
                    <tr key={`${one.id}${one.variant}`}>
                      <td className="py-1 pr-4 whitespace-nowrap">
                        <Ago at={one.at} />
                      </td>
                      <td className="pr-4">{one.variant}</td>
                      <td className="pr-4">{inShort(one.main)}</td>
                      <td>{inShort(one.shadow)}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          )}
        </div>
      )}
    </Section>
  )
}

type Said = ShadowSummary['examples'][number]['main']

function inShort({ label, value, probabilities, text, ...others }: Said): string {
  if (typeof value === 'number') return short(value, 4)
  if (typeof label === 'string') {
    const share = (probabilities as Record<string, number> | undefined)?.[label]
    return share === undefined ? label : `${label} (${percent(share)})`
  }
  if (typeof text === 'string') return text.slice(0, 120)
  const { id: _, ...rest } = others
  return JSON.stringify(rest).slice(0, 120)
}
