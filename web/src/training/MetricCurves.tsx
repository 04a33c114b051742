import type { Run } from '@atoll/sdk'
import { useQueries } from '@tanstack/react-query'
import { useState } from 'react'
import { atoll } from '../api.ts'
import { SeriesChart } from '../charts/LazySeriesChart.tsx'
import type { Series } from '../charts/SeriesChart.tsx'
import { Check, SelectField } from '../ui/Field.tsx'
import { short } from '../ui/format.ts'
import { Section } from '../ui/Page.tsx'
import { Empty, ErrorNote, Skeleton } from '../ui/State.tsx'
import { curveRank } from './metric-groups.ts'

/** Metrics by step, of one run or several over each other, with smoothing and the raw values as a shadow. */
export function MetricCurves({ runs }: { runs: readonly Run[] }) {
  const names = [...new Set(runs.flatMap((run) => Object.keys(run.metrics)))].sort(
    (a, b) => curveRank(a) - curveRank(b) || a.localeCompare(b),
  )
  const [chosen, setChosen] = useState<string | null>(null)
  const [smoothing, setSmoothing] = useState(0)
  const [log, setLog] = useState(false)
  const name = chosen && names.includes(chosen) ? chosen : names[0]
  const queries = useQueries({
    queries: runs.map((run) => ({
      queryKey: ['run', run.id, 'metric', name],
      queryFn: () => atoll.runs.metric(run.id, name!, { points: 2000 }),
      enabled: name !== undefined && name in run.metrics,
      refetchInterval: run.state === 'running' ? (3000 as const) : (false as const),
    })),
  })
  if (names.length === 0) return <Empty title="No metric was recorded">Metrics by step show here as curves.</Empty>
  const error = queries.find((query) => query.error)?.error
  const series = runs.flatMap((run, at): Series[] => {
    const data = queries[at]?.data
    return data ? [{ label: run.name, x: data.steps, y: data.values, colour: at }] : []
  })
  const single = series.length > 0 && series.every((one) => one.x.length < 2)
  return (
    <Section>
      <div className="mb-3 flex flex-wrap items-end gap-4">
        <SelectField wrap="w-72" label="Metric" value={name} choices={names} onChange={setChosen} />
        <label className="block">
          <span className="mb-1 block text-sm font-medium text-soft">
            Smoothing <span className="num">{smoothing.toFixed(2)}</span>
          </span>
          <input
            type="range"
            min={0}
            max={0.98}
            step={0.02}
            value={smoothing}
            onChange={(event) => setSmoothing(Number(event.target.value))}
            className="h-8 w-44 accent-accent"
          />
        </label>
        <Check className="pb-1.5" label="Logarithmic" checked={log} onChange={setLog} />
      </div>
      {error ? (
        <ErrorNote error={error} />
      ) : series.length === 0 ? (
        <Skeleton className="h-80" />
      ) : single ? (
        <p className="py-6 text-soft">
          {name} was measured once: {series.map((one) => `${one.label} ${short(one.y[0], 5)}`).join(', ')}.
        </p>
      ) : (
        <SeriesChart
          title={name ?? ''}
          name={`metric-${name}`}
          showTitle={false}
          height={340}
          xLabel="step"
          smoothing={smoothing}
          logY={log}
          legend
          summary={`${name} by step: ${series.map((one) => `${one.label} ends at ${short(one.y.at(-1), 4)}`).join('; ')}.`}
          series={series}
        />
      )}
    </Section>
  )
}
