import type { Endpoint } from '@atoll/sdk'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { atoll } from '../api.ts'
import { SeriesChart } from '../charts/LazySeriesChart.tsx'
import { Segmented } from '../ui/Field.tsx'
import { percent, short, whole } from '../ui/format.ts'
import { Num } from '../ui/Num.tsx'
import { Fact, Facts, Section } from '../ui/Page.tsx'
import { ErrorNote, Skeleton } from '../ui/State.tsx'

const ranges = [
  { value: '1', label: '1 min' },
  { value: '5', label: '5 min' },
  { value: '15', label: '15 min' },
  { value: '60', label: '1 h' },
] as const

/** Throughput, latency and errors as they happen. */
export function LiveTab({ endpoint }: { endpoint: Endpoint }) {
  const [minutes, setMinutes] = useState<(typeof ranges)[number]['value']>('15')
  const metrics = useQuery({
    queryKey: ['endpoint', endpoint.id, 'metrics', minutes],
    queryFn: () => atoll.endpoints.metrics(endpoint.id, { minutes: Number(minutes) }),
    refetchInterval: 2000,
    placeholderData: (old) => old,
  })
  const data = metrics.data
  const at = data?.series.at.map((time) => (time > 1e11 ? time / 1000 : time)) ?? []
  return (
    <div className="space-y-6">
      <div className="flex justify-end">
        <Segmented label="Time range" size="sm" value={minutes} choices={ranges} onChange={setMinutes} />
      </div>
      {metrics.error && !data && <ErrorNote error={metrics.error} retry={() => void metrics.refetch()} />}
      {!data ? (
        <Skeleton className="h-96" />
      ) : (
        <>
          <Facts>
            <Fact label="Requests" note={`${whole(data.rows)} rows`}>
              <Num>{whole(data.requests)}</Num>
            </Fact>
            <Fact label="Now">
              <Num>{`${short(data.requestsPerSecond, 3)} /s`}</Num>
            </Fact>
            <Fact label="Errors" note={data.requests ? percent(data.errors / data.requests) : undefined}>
              <Num>{whole(data.errors)}</Num>
            </Fact>
            <Fact label="Latency, half below">
              <Num>{data.latencyMs ? `${short(data.latencyMs.p50, 3)} ms` : '–'}</Num>
            </Fact>
            <Fact label="95 % below">
              <Num>{data.latencyMs ? `${short(data.latencyMs.p95, 3)} ms` : '–'}</Num>
            </Fact>
            <Fact label="99 % below">
              <Num>{data.latencyMs ? `${short(data.latencyMs.p99, 3)} ms` : '–'}</Num>
            </Fact>
            {data.generation && (
              <>
                <Fact label="Tokens written" note={`${whole(data.generation.promptTokens)} read`}>
                  <Num>{whole(data.generation.generatedTokens)}</Num>
                </Fact>
                <Fact
                  label="First token, half below"
                  note={data.generation.firstTokenMs ? `95 % below ${short(data.generation.firstTokenMs.p95, 3)} ms` : undefined}
                >
                  <Num>{data.generation.firstTokenMs ? `${short(data.generation.firstTokenMs.p50, 3)} ms` : '–'}</Num>
                </Fact>
                <Fact label="Tokens a second, half above">
                  <Num>{data.generation.tokensPerSecond ? short(data.generation.tokensPerSecond.p50, 3) : '–'}</Num>
                </Fact>
              </>
            )}
          </Facts>
          {data.requests === 0 ? (
            <p className="rounded-lg border border-dashed px-4 py-10 text-center text-soft">Nothing was asked in this time.</p>
          ) : (
            <div className="grid gap-6 xl:grid-cols-2">
              <Section>
                <SeriesChart
                  title="Requests and errors"
                  name="requests"
                  time
                  summary={`${whole(data.requests)} requests and ${whole(data.errors)} errors in this time.`}
                  series={[
                    { label: 'requests', x: at, y: data.series.requests },
                    { label: 'errors', x: at, y: data.series.errors },
                  ]}
                />
              </Section>
              <Section>
                <SeriesChart
                  title="Latency (ms)"
                  name="latency"
                  time
                  gaps
                  summary={
                    data.latencyMs
                      ? `Half of the requests took less than ${short(data.latencyMs.p50, 3)} ms, 99 % less than ${short(data.latencyMs.p99, 3)} ms.`
                      : 'No latency was measured.'
                  }
                  series={[
                    { label: 'p50', x: at, y: data.series.p50 },
                    { label: 'p99', x: at, y: data.series.p99 },
                  ]}
                />
              </Section>
            </div>
          )}
        </>
      )}
    </div>
  )
}
