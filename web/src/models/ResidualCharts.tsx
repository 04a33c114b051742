import { Axes, type Box } from '../charts/Axes.tsx'
import { ChartFrame } from '../charts/ChartFrame.tsx'
import { Histogram } from '../charts/Histogram.tsx'
import { linear, padded } from '../charts/scale.ts'
import { short } from '../ui/format.ts'
import { Section } from '../ui/Page.tsx'
import type { Residuals } from './evidence.ts'

/** Predicted against actual, and how the errors spread. */
export function ResidualCharts({ residuals, target }: { residuals: Residuals; target: string }) {
  const { points } = residuals
  const summary = `Predicted against actual ${target}: the error is ${short(residuals.mean, 3)} on average with a standard deviation of ${short(residuals.std, 3)}.`
  return (
    <div className="grid gap-6 xl:grid-cols-2">
      <Section>
        <ChartFrame
          title={`Predicted and actual ${target}`}
          name="predicted-actual"
          summary={summary}
          height={300}
          data={() => ({ header: ['actual', 'predicted'], rows: points.map((point) => [point.actual, point.predicted]) })}
        >
          {({ width }) => {
            const box: Box = { left: 52, right: width - 10, top: 22, bottom: 262 }
            const domain = padded(points.flatMap((point) => [point.actual, point.predicted]))
            const x = linear(domain, [box.left, box.right])
            const y = linear(domain, [box.bottom, box.top])
            return (
              <svg data-chart="" width={width} height={300} role="img" aria-label={summary}>
                <Axes x={x} y={y} box={box} xLabel="actual" yLabel="predicted" />
                <line
                  x1={x(domain[0])}
                  y1={y(domain[0])}
                  x2={x(domain[1])}
                  y2={y(domain[1])}
                  stroke="var(--color-strong)"
                  strokeDasharray="4 4"
                />
                {points.map((point, at) => (
                  <circle key={at} cx={x(point.actual)} cy={y(point.predicted)} r="2.6" fill="var(--color-s1)" opacity="0.5" />
                ))}
              </svg>
            )
          }}
        </ChartFrame>
      </Section>
      <Section>
        <Histogram
          title="Errors (actual − predicted)"
          name="residuals"
          edges={residuals.histogram.edges}
          counts={residuals.histogram.counts}
          height={300}
          label={`error of ${target}`}
        />
      </Section>
    </div>
  )
}
