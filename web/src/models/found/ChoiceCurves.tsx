import { LineChart } from '../../charts/LineChart.tsx'
import { algorithmName, metricName, short } from '../../ui/format.ts'
import { Section } from '../../ui/Page.tsx'
import type { ChoiceCurve } from './found-files.ts'

const factNames: Record<string, string> = { inertia: 'spread within groups', bic: 'BIC', aic: 'AIC' }

/** How the number of groups was chosen: each figure at each number, by algorithm. */
export function ChoiceCurves({ curves, metric }: { curves: readonly ChoiceCurve[]; metric: string }) {
  return (
    <Section
      title="How many"
      note={`Chosen by ${metricName(metric)} of rows that the fit did not see; the other curves are there to compare.`}
    >
      <div className="grid gap-6 xl:grid-cols-2">
        {curves.map((curve) => (
          <Curve key={curve.algorithm} curve={curve} metric={metric} />
        ))}
      </div>
    </Section>
  )
}

function Curve({ curve, metric }: { curve: ChoiceCurve; metric: string }) {
  const name = algorithmName(curve.algorithm)
  const kinds = [...new Set(curve.points.map((point) => kindOf(point.params)))]
  const lines = kinds.map((kind) => {
    const points = curve.points.filter((point) => kindOf(point.params) === kind)
    const of = (fact: (point: (typeof points)[number]) => number | undefined) => points.map((point) => fact(point) ?? null)
    return {
      label: kind || name,
      x: points.map((point) => point.groups),
      y: of((point) => point.metrics[metric]?.mean),
      low: of((point) => minus(point.metrics[metric], -1)),
      high: of((point) => minus(point.metrics[metric], 1)),
      points: true,
    }
  })
  const facts = Object.keys(factNames).filter((fact) => curve.points.some((point) => fact in point.facts))
  const chosen = curve.chosen === null ? '' : ` ${curve.chosen} were chosen.`
  return (
    <div className="space-y-4">
      <LineChart
        title={`${name}: ${metricName(metric)}`}
        name={`choice-${curve.algorithm}`}
        summary={`${metricName(metric)} by the number of groups for ${name}.${chosen}`}
        xLabel="number of groups"
        height={220}
        lines={lines}
        overlay={({ x, box }) =>
          curve.chosen !== null && (
            <line
              x1={x(curve.chosen)}
              x2={x(curve.chosen)}
              y1={box.top}
              y2={box.bottom}
              stroke="var(--color-strong)"
              strokeDasharray="4 4"
            />
          )
        }
      />
      {facts.map((fact) => (
        <LineChart
          key={fact}
          title={`${name}: ${factNames[fact]}${fact === 'inertia' && curve.elbow ? `, bends at ${curve.elbow}` : ''}`}
          name={`choice-${curve.algorithm}-${fact}`}
          summary={`${factNames[fact]} by the number of groups, from ${short(curve.points[0]?.facts[fact])} to ${short(curve.points.at(-1)?.facts[fact])}.`}
          xLabel="number of groups"
          height={200}
          lines={kinds.map((kind) => {
            const points = curve.points.filter((point) => kindOf(point.params) === kind)
            return {
              label: kind || name,
              x: points.map((point) => point.groups),
              y: points.map((point) => point.facts[fact] ?? null),
              points: true,
            }
          })}
        />
      ))}
      {curve.gap && (
        <LineChart
          title={`${name}: gap${curve.gap.chosen ? `, says ${curve.gap.chosen}` : ''}`}
          name={`choice-${curve.algorithm}-gap`}
          summary="The gap statistic (Tibshirani, Walther and Hastie 2001) by the number of groups."
          xLabel="number of groups"
          height={200}
          lines={[
            {
              label: 'gap',
              x: curve.gap.points.map((point) => point.groups),
              y: curve.gap.points.map((point) => point.gap),
              low: curve.gap.points.map((point) => point.gap - point.error),
              high: curve.gap.points.map((point) => point.gap + point.error),
              points: true,
            },
          ]}
        />
      )}
    </div>
  )
}

/** What tells curves of one algorithm apart: the shape of a mixture's groups. */
const kindOf = (params: Record<string, unknown>): string => (typeof params.covariance === 'string' ? params.covariance : '')

const minus = (of: { mean: number; std: number } | undefined, sign: number): number | undefined =>
  of && Number.isFinite(of.mean) ? of.mean + sign * of.std : undefined
