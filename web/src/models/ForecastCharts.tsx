import { useState } from 'react'
import { LineChart } from '../charts/LineChart.tsx'
import { SelectField } from '../ui/Field.tsx'
import { percent, short } from '../ui/format.ts'
import { Section } from '../ui/Page.tsx'
import type { ForecastEvidence } from './evidence.ts'

/** What was forecast for the sealed period beside what came, and how the error grows with the step. */
export function ForecastCharts({ forecast, target }: { forecast: ForecastEvidence; target: string }) {
  const { series, byStep, spacing } = forecast
  const [name, setName] = useState(series[0]?.name)
  const one = series.find((candidate) => candidate.name === name) ?? series[0]
  const last = byStep.at(-1)
  return (
    <div className="grid gap-6">
      {one && (
        <Section
          title="Forecasts of the sealed period"
          note={`Each forecast saw only what came before it; they follow one another without overlap. The band should hold 80 % of the values.`}
        >
          {series.length > 1 && (
            <SelectField
              wrap="mb-3 max-w-72"
              label="Series"
              value={one.name}
              choices={series.map((candidate) => candidate.name)}
              onChange={setName}
            />
          )}
          <LineChart
            title={`${target}: forecast and actual`}
            name="forecast"
            summary={`${one.forecast.length} forecast values of ${target} beside the actual ones.`}
            height={320}
            formatX={(value) => new Date(value).toISOString().slice(0, 10)}
            lines={[
              { label: 'actual', x: one.actual.map((point) => point.time), y: one.actual.map((point) => point.value) },
              {
                label: 'forecast with its 80 % interval',
                x: one.forecast.map((point) => point.time),
                y: one.forecast.map((point) => point.value),
                low: one.forecast.map((point) => point.low),
                high: one.forecast.map((point) => point.high),
              },
            ]}
          />
        </Section>
      )}
      <div className="grid gap-6 xl:grid-cols-2">
        <Section title="Error by step">
          <LineChart
            title="Mean absolute error by step"
            name="error-by-step"
            summary={`From ${short(byStep[0]?.mae, 3)} one ${spacing} ahead to ${short(last?.mae, 3)} at step ${last?.step}.`}
            xLabel={`${spacing}s ahead`}
            yLabel="mean absolute error"
            yLimits={[0, null]}
            lines={[{ label: 'error', x: byStep.map((point) => point.step), y: byStep.map((point) => point.mae), points: true }]}
          />
        </Section>
        <Section title="Coverage by step">
          <LineChart
            title="Share of values within the 80 % interval"
            name="coverage-by-step"
            summary={`From ${percent(byStep[0]?.coverage_80)} at the first step to ${percent(last?.coverage_80)} at the last.`}
            xLabel={`${spacing}s ahead`}
            yDomain={[0, 1]}
            lines={[
              {
                label: 'covered',
                x: byStep.map((point) => point.step),
                y: byStep.map((point) => point.coverage_80),
                points: true,
              },
              { label: 'promised', x: byStep.map((point) => point.step), y: byStep.map(() => 0.8), dash: '4 4' },
            ]}
          />
        </Section>
      </div>
    </div>
  )
}
