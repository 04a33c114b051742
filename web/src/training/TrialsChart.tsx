import type { Trial } from '@atoll/sdk'
import { Axes, type Box } from '../charts/Axes.tsx'
import { ChartFrame } from '../charts/ChartFrame.tsx'
import { linear, padded } from '../charts/scale.ts'
import { colourOf } from '../charts/series.ts'
import { algorithmName, metricName, short } from '../ui/format.ts'

/** Shapes beside colours, one for each algorithm. */
const shapes = [
  'M-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0',
  'M-3.6 -3.6h7.2v7.2h-7.2Z',
  'M0 -4.8L4.4 3.4H-4.4Z',
  'M0 -5L5 0L0 5L-5 0Z',
  'M0 4.8L4.4 -3.4H-4.4Z',
  'M-4.5 -1.4h3v-3h3v3h3v3h-3v3h-3v-3h-3Z',
]

/** Each trial as it came, with its spread over folds; the best so far as a line. */
export function TrialsChart({
  trials,
  metric,
  greaterIsBetter,
}: {
  trials: readonly Trial[]
  metric: string
  greaterIsBetter: boolean
}) {
  const scored = trials.filter((trial) => trial.score !== null)
  const algorithms = [...new Set(trials.map((trial) => trial.algorithm))]
  let best: number | null = null
  const line = scored.flatMap((trial) => {
    if (trial.state !== 'complete') return []
    const score = trial.score ?? 0
    best = best === null ? score : greaterIsBetter ? Math.max(best, score) : Math.min(best, score)
    return [{ x: trial.trial + 1, y: best }]
  })
  const top = scored
    .filter((trial) => trial.state === 'complete')
    .sort((a, b) => ((b.score ?? 0) - (a.score ?? 0)) * (greaterIsBetter ? 1 : -1))[0]
  const summary = top
    ? `${trials.length} trials; the best ${metricName(metric)} is ${short(top.score, 4)} by ${algorithmName(top.algorithm)}, trial ${top.trial + 1}.`
    : `${trials.length} trials; none is scored yet.`
  // A baseline far below would flatten the rest: the axis holds what lies within reach of the better half.
  const values = scored.map((trial) => trial.score ?? 0).sort((a, b) => a - b)
  const middle = values[Math.floor(values.length / 2)] ?? 0
  const spread = Math.max(
    ...values.map((value) => (greaterIsBetter ? value - middle : middle - value)),
    ...scored.map((trial) => trial.std ?? 0),
    1e-9,
  )
  const near = scored.filter((trial) => Math.abs((trial.score ?? 0) - middle) <= spread * 4)
  const reach = near.flatMap((trial) => [(trial.score ?? 0) - (trial.std ?? 0), (trial.score ?? 0) + (trial.std ?? 0)])
  return (
    <ChartFrame
      title="Trials"
      name="trials"
      summary={summary}
      height={260}
      legend={algorithms
        .slice(0, 6)
        .map((name, at) => ({ label: algorithmName(name), colour: colourOf(at), mark: 'box' as const }))}
      data={() => ({
        header: ['trial', 'algorithm', 'state', metric, 'std', 'seconds'],
        rows: trials.map((trial) => [trial.trial + 1, trial.algorithm, trial.state, trial.score, trial.std, trial.seconds]),
      })}
    >
      {({ width }) => {
        const height = 260
        const [top, bottom] = [10, height - 36]
        const y = linear(padded(reach.length ? reach : [0, 1], 0.06), [bottom, top], { nice: true, ticks: 4 })
        const widest = Math.max(...y.ticks.map((tick) => short(tick).length))
        const box: Box = { left: Math.max(48, 14 + 7 * widest), right: width - 10, top, bottom }
        const x = linear([0.5, Math.max(8, trials.length) + 0.5], [box.left, box.right], { ticks: Math.min(8, width / 90) })
        const clamp = (value: number) => Math.min(box.bottom, Math.max(box.top, y(value)))
        return (
          <svg data-chart="" width={width} height={height} role="img" aria-label={summary}>
            <Axes x={x} y={y} box={box} xLabel="trial" formatX={(value) => (Number.isInteger(value) ? String(value) : '')} />
            <path
              d={line
                .map((point, at) => `${at === 0 ? `M${x(point.x)} ${clamp(point.y)}` : `H${x(point.x)}V${clamp(point.y)}`}`)
                .join('')}
              fill="none"
              stroke="var(--color-ink)"
              strokeWidth="1.2"
              opacity="0.55"
            />
            {scored.map((trial) => {
              const at = algorithms.indexOf(trial.algorithm)
              const score = trial.score ?? 0
              const beyond = y(score) > box.bottom || y(score) < box.top
              return (
                <g key={trial.trial} opacity={trial.state === 'complete' ? 1 : 0.45}>
                  <title>{`trial ${trial.trial + 1}, ${algorithmName(trial.algorithm)}: ${short(score, 4)}${trial.std === null ? '' : ` ± ${short(trial.std, 2)}`} (${trial.state}${beyond ? ', beyond the axis' : ''})`}</title>
                  {trial.std !== null && !beyond && (
                    <line
                      x1={x(trial.trial + 1)}
                      x2={x(trial.trial + 1)}
                      y1={clamp(score - trial.std)}
                      y2={clamp(score + trial.std)}
                      stroke={colourOf(at)}
                      opacity="0.4"
                    />
                  )}
                  <path
                    d={shapes[at % shapes.length]}
                    transform={`translate(${x(trial.trial + 1)},${clamp(score)})`}
                    fill={trial.state === 'complete' && !beyond ? colourOf(at) : 'none'}
                    stroke={colourOf(at)}
                  />
                </g>
              )
            })}
          </svg>
        )
      }}
    </ChartFrame>
  )
}
