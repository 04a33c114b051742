import type { ModelVersion } from '@atoll/sdk'
import { useQueries, useQuery } from '@tanstack/react-query'
import { atoll } from '../api.ts'
import { LineChart } from '../charts/LineChart.tsx'
import { limitsOf } from '../goals/metrics.ts'
import { fixed, metricName, percent, short, whole } from '../ui/format.ts'
import { Section } from '../ui/Page.tsx'
import { Skeleton } from '../ui/State.tsx'
import type { EvaluationFile, TrainingFile } from './evidence.ts'

/** ROC, precision against recall, and calibration. */
export function CurveCharts({ evaluation, positive }: { evaluation: EvaluationFile; positive: string | null }) {
  const { roc, pr, calibration, perClass, metrics } = evaluation
  const rocs = roc
    ? [{ label: positive ?? 'ROC', x: roc.fpr, y: roc.tpr }]
    : Object.entries(perClass ?? {}).flatMap(([label, one]) => (one.roc ? [{ label, x: one.roc.fpr, y: one.roc.tpr }] : []))
  const prs = pr
    ? [{ label: positive ?? 'PR', x: pr.recall, y: pr.precision }]
    : Object.entries(perClass ?? {}).flatMap(([label, one]) => (one.pr ? [{ label, x: one.pr.recall, y: one.pr.precision }] : []))
  if (rocs.length === 0 && !calibration) return null
  return (
    <div className="grid gap-6 md:grid-cols-2 xl:grid-cols-3">
      {rocs.length > 0 && (
        <Section>
          <LineChart
            title={`ROC${metrics.roc_auc ? `, area ${fixed(metrics.roc_auc.value, 3)}` : ''}`}
            name="roc"
            summary={`ROC curve${metrics.roc_auc ? ` with an area of ${fixed(metrics.roc_auc.value, 3)}, interval ${fixed(metrics.roc_auc.low, 3)} to ${fixed(metrics.roc_auc.high, 3)}` : ''}. The diagonal is chance.`}
            xLabel="false positive rate"
            yLabel="true positive rate"
            xDomain={[0, 1]}
            yDomain={[0, 1]}
            height={270}
            lines={rocs.slice(0, 6)}
            under={({ x, y }) => (
              <line x1={x(0)} y1={y(0)} x2={x(1)} y2={y(1)} stroke="var(--color-strong)" strokeDasharray="4 4" />
            )}
          />
        </Section>
      )}
      {prs.length > 0 && (
        <Section>
          <LineChart
            title={`Precision and recall${metrics.pr_auc ? `, area ${fixed(metrics.pr_auc.value, 3)}` : ''}`}
            name="precision-recall"
            summary={`Precision against recall${metrics.pr_auc ? `, area ${fixed(metrics.pr_auc.value, 3)}` : ''}.`}
            xLabel="recall"
            yLabel="precision"
            xDomain={[0, 1]}
            yDomain={[0, 1]}
            height={270}
            lines={prs.slice(0, 6)}
          />
        </Section>
      )}
      {calibration && calibration.bins.length > 0 && (
        <Section>
          <LineChart
            title={`Calibration, error ${short(calibration.error, 2)}`}
            name="calibration"
            summary={`Predicted against observed share in ${calibration.bins.length} bins; expected calibration error ${percent(calibration.error)}.`}
            xLabel="predicted probability"
            yLabel="observed share"
            xDomain={[0, 1]}
            yDomain={[0, 1]}
            height={270}
            lines={[
              {
                label: 'observed',
                x: calibration.bins.map((bin) => bin.meanPredicted),
                y: calibration.bins.map((bin) => bin.observed),
                points: true,
              },
            ]}
            under={({ x, y, box }) => {
              const most = Math.max(...calibration.bins.map((bin) => bin.count))
              return (
                <g>
                  <line x1={x(0)} y1={y(0)} x2={x(1)} y2={y(1)} stroke="var(--color-strong)" strokeDasharray="4 4" />
                  {calibration.bins.map((bin) => (
                    <rect
                      key={bin.meanPredicted}
                      x={x(bin.meanPredicted) - 4}
                      width="8"
                      y={box.bottom - (bin.count / most) * 42}
                      height={(bin.count / most) * 42}
                      fill="var(--color-s6)"
                      opacity="0.3"
                    >
                      <title>{`${whole(bin.count)} rows`}</title>
                    </rect>
                  ))}
                </g>
              )
            }}
          />
        </Section>
      )}
    </div>
  )
}

/** Score against rows learned from, on the rows fitted and on rows held out, as the run recorded it. */
export function LearningCurve({ version, training }: { version: ModelVersion; training: TrainingFile }) {
  const run = useQuery({ queryKey: ['run', version.run], queryFn: () => atoll.runs.get(version.run), retry: false })
  const has = run.data !== undefined && 'learning_curve.validation' in run.data.metrics
  const [held, fitted] = useQueries({
    queries: ['validation', 'train'].map((part) => ({
      queryKey: ['run', version.run, 'metric', `learning_curve.${part}`],
      queryFn: () => atoll.runs.metric(version.run, `learning_curve.${part}`),
      enabled: has,
      staleTime: Number.POSITIVE_INFINITY,
    })),
  })
  const metric = metricName(training.metric)
  if (run.isPending || (has && held?.isPending)) return <Skeleton className="h-[292px]" />
  if (!held?.data || held.data.steps.length < 2) return <Folds training={training} />
  const lines = [
    { label: 'held out', x: held.data.steps, y: held.data.values, points: true },
    ...(fitted?.data ? [{ label: 'fitted', x: fitted.data.steps, y: fitted.data.values, points: true }] : []),
  ]
  return (
    <LineChart
      title={`${metric} by rows learned from`}
      name="learning-curve"
      summary={`${metric} on rows held out: ${short(held.data.values[0], 3)} with ${whole(held.data.steps[0])} rows, ${short(held.data.values.at(-1), 3)} with ${whole(held.data.steps.at(-1))}${fitted?.data ? `; on rows fitted ${short(fitted.data.values.at(-1), 3)}` : ''}.`}
      xLabel="rows"
      yLimits={limitsOf(training.metric)}
      xDomain={[0, held.data.steps.at(-1) ?? 1]}
      lines={lines}
    />
  )
}

function Folds({ training }: { training: TrainingFile }) {
  const metric = metricName(training.metric)
  const folds = training.validation?.[training.metric]?.folds ?? []
  if (folds.length < 2) return <p className="text-soft">The time was not enough for a learning curve.</p>
  return (
    <LineChart
      title={`${metric} by fold`}
      name="folds"
      summary={`${metric} on the held-out rows of each fold: ${folds.map((value) => short(value, 3)).join(', ')}.`}
      xLabel="fold"
      yLimits={limitsOf(training.metric)}
      formatX={(value) => (Number.isInteger(value) ? String(value) : '')}
      lines={[{ label: metric, x: folds.map((_, at) => at + 1), y: folds, points: true }]}
    />
  )
}
