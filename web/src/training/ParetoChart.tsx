import type { Search, Trial } from '@atoll/sdk'
import { useState } from 'react'
import { Axes, type Box } from '../charts/Axes.tsx'
import { ChartFrame } from '../charts/ChartFrame.tsx'
import { linear, padded } from '../charts/scale.ts'
import { SelectField } from '../ui/Field.tsx'
import { algorithmName, bytes, metricName, short } from '../ui/format.ts'

const height = 320

/** A search with several objectives: every trial by two of them, those that no other beats joined, the chosen one ringed. */
export function ParetoChart({ search, chosen, reason }: { search: Search; chosen: number | null; reason: string | null }) {
  const others = search.objectives.slice(1)
  const [picked, setPicked] = useState(others[0]!.metric)
  const across = others.find(({ metric }) => metric === picked) ?? others[0]!
  const up = search.objectives[0]!
  const front = new Set(search.front)
  const points = search.trials.flatMap((trial) => pointOf(trial, across.metric, up.metric))
  const ends = points.map(({ x }) => x)
  // Times and sizes are told apart by how many times one is the other.
  const isLog = Math.min(...ends) > 0 && Math.max(...ends) / Math.min(...ends) > 20
  const place = (x: number) => (isLog ? Math.log10(x) : x)
  const named = objectiveName(across.metric)
  const best = points.find(({ trial }) => trial.trial === chosen)
  const summary = `${points.length} trials by ${objectiveName(up.metric)} and ${named}; ${front.size} of them are beaten by no other.${
    best
      ? ` Chosen: trial ${best.trial.trial + 1} of ${algorithmName(best.trial.algorithm)} with ${objectiveName(up.metric)} ${short(best.y, 4)} and ${named} ${objectiveValue(across.metric, best.x)}.`
      : ''
  }`
  return (
    <div>
      {others.length > 1 && (
        <SelectField
          wrap="mb-2 max-w-64"
          label="Against"
          value={across.metric}
          choices={others.map(({ metric }) => ({ value: metric, label: objectiveName(metric) }))}
          onChange={setPicked}
        />
      )}
      <ChartFrame
        title={`${objectiveName(up.metric)} against ${named}`}
        name={`front-${across.metric}`}
        summary={summary}
        height={height}
        legend={[
          { label: 'unbeaten', colour: 'var(--color-s1)', mark: 'box' },
          { label: 'beaten', colour: 'var(--color-faint)', mark: 'box' },
        ]}
        data={() => ({
          header: ['trial', 'algorithm', ...search.objectives.map(({ metric }) => metric), 'unbeaten', 'chosen'],
          rows: search.trials.map((trial) => [
            trial.trial + 1,
            trial.algorithm,
            ...search.objectives.map(({ metric }) => trial.objectives?.[metric] ?? null),
            front.has(trial.trial),
            trial.trial === chosen,
          ]),
        })}
      >
        {({ width }) => {
          const box: Box = { left: 56, right: width - 16, top: 12, bottom: height - 40 }
          const x = linear(padded(ends.map(place), 0.06), [box.left, box.right], { ticks: Math.min(6, width / 90) })
          const line = points
            .filter(({ trial }) => front.has(trial.trial))
            .sort((a, b) => a.x - b.x)
            .filter(isStep(up.direction === 'minimize'))
          const y = linear(padded(withinReach(points, line), 0.06), [box.bottom, box.top], { nice: true, ticks: 4 })
          const clamped = (value: number) => Math.min(box.bottom, Math.max(box.top, y(value)))
          return (
            <svg data-chart="" width={width} height={height} role="img" aria-label={summary}>
              <Axes
                x={x}
                y={y}
                box={box}
                xLabel={named}
                formatX={(value) => objectiveValue(across.metric, isLog ? 10 ** value : value)}
              />
              <path
                d={line.map((one, at) => `${at === 0 ? 'M' : 'L'}${x(place(one.x))} ${clamped(one.y)}`).join('')}
                fill="none"
                stroke="var(--color-s1)"
                strokeWidth="1.5"
                opacity="0.6"
              />
              {points.map((one) => {
                const isFront = front.has(one.trial.trial)
                const [cx, cy] = [x(place(one.x)), clamped(one.y)]
                const isBeyond = cy !== y(one.y)
                return (
                  <g key={one.trial.trial}>
                    <title>{`trial ${one.trial.trial + 1}, ${algorithmName(one.trial.algorithm)}: ${search.objectives
                      .map(
                        ({ metric }) =>
                          `${objectiveName(metric)} ${objectiveValue(metric, one.trial.objectives?.[metric] ?? Number.NaN)}`,
                      )
                      .join(
                        ', ',
                      )}${isFront ? '' : ' (beaten)'}${isBeyond ? ' (beyond the axis)' : ''}${one.trial.trial === chosen ? ' (chosen)' : ''}`}</title>
                    <circle
                      cx={cx}
                      cy={cy}
                      r={isFront ? 4.5 : 3}
                      fill={isFront ? 'var(--color-s1)' : isBeyond ? 'none' : 'var(--color-faint)'}
                      stroke={isBeyond ? 'var(--color-faint)' : undefined}
                    />
                    {one.trial.trial === chosen && (
                      <circle cx={cx} cy={cy} r="9" fill="none" stroke="var(--color-ink)" strokeWidth="2" />
                    )}
                  </g>
                )
              })}
              {best && (
                <text
                  x={x(place(best.x))}
                  y={y(best.y) - 14}
                  fontSize="12"
                  fill="var(--color-ink)"
                  textAnchor={x(place(best.x)) > width - 60 ? 'end' : x(place(best.x)) < 110 ? 'start' : 'middle'}
                >
                  chosen
                </text>
              )}
            </svg>
          )
        }}
      </ChartFrame>
      {reason && <p className="mt-2 text-sm text-soft">{reason}</p>}
    </div>
  )
}

/** "latency_ms" → "Latency (ms)". */
export const objectiveName = (metric: string): string =>
  metric === 'latency_ms' ? 'Latency' : metric === 'size_bytes' ? 'Size' : metricName(metric)

export const objectiveValue = (metric: string, value: number): string =>
  metric === 'size_bytes' ? bytes(value) : metric === 'latency_ms' ? `${short(value, 2)} ms` : short(value, 3)

function pointOf(trial: Trial, across: string, up: string): { trial: Trial; x: number; y: number }[] {
  const [x, y] = [trial.objectives?.[across], trial.objectives?.[up]]
  return trial.algorithm === 'baseline' || x === undefined || y === undefined ? [] : [{ trial, x, y }]
}

/** The values that the axis holds: a few that are far worse than the front and the better half would flatten the rest. */
function withinReach(points: readonly { y: number }[], line: readonly { y: number }[]): number[] {
  const values = points.map(({ y }) => y).sort((a, b) => a - b)
  const middle = values[Math.floor(values.length / 2)] ?? 0
  const spread = Math.max(...line.map(({ y }) => Math.abs(y - middle)), 1e-9)
  const near = values.filter((value) => Math.abs(value - middle) <= 2 * spread)
  return near.length > 0 ? near : [0, 1]
}

/** Of a front over more than two objectives only the part that is a front of the two that are shown. */
const isStep =
  (isLessBetter: boolean) =>
  (one: { y: number }, at: number, all: readonly { y: number }[]): boolean =>
    all.slice(0, at).every(({ y }) => (isLessBetter ? one.y < y : one.y > y))
