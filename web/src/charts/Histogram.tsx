import { percent, short, whole } from '../ui/format.ts'
import { Axes, type Box } from './Axes.tsx'
import { ChartFrame } from './ChartFrame.tsx'
import { linear } from './scale.ts'

/** Counts between edges. */
export function Histogram({
  title,
  name,
  edges,
  counts,
  height = 180,
  showTitle,
  label,
}: {
  title: string
  name: string
  edges: readonly number[]
  counts: readonly number[]
  height?: number
  showTitle?: boolean
  label?: string
}) {
  const total = counts.reduce((sum, count) => sum + count, 0)
  const top = counts.indexOf(Math.max(...counts))
  const summary = total
    ? `${title}: ${whole(total)} values between ${short(edges[0])} and ${short(edges.at(-1))}; most (${percent((counts[top] ?? 0) / total)}) lie between ${short(edges[top])} and ${short(edges[top + 1])}.`
    : `${title}: no values.`
  return (
    <ChartFrame
      title={title}
      summary={summary}
      name={name}
      height={height}
      showTitle={showTitle}
      data={() => ({ header: ['from', 'to', 'count'], rows: counts.map((count, at) => [edges[at], edges[at + 1], count]) })}
    >
      {({ width }) => {
        const box: Box = { left: 46, right: width - 8, top: 8, bottom: height - (label ? 38 : 22) }
        const x = linear([edges[0] ?? 0, edges.at(-1) ?? 1], [box.left, box.right], { ticks: Math.min(8, width / 80) })
        const y = linear([0, Math.max(1, ...counts)], [box.bottom, box.top], { nice: true, ticks: 3 })
        return (
          <svg data-chart="" width={width} height={height} role="img" aria-label={summary}>
            <Axes x={x} y={y} box={box} xLabel={label} />
            {counts.map((count, at) => {
              const left = x(edges[at] ?? 0)
              return (
                <rect
                  key={at}
                  x={left + 0.5}
                  y={y(count)}
                  width={Math.max(0.5, x(edges[at + 1] ?? 0) - left - 1)}
                  height={box.bottom - y(count)}
                  fill="var(--color-s1)"
                  opacity="0.85"
                >
                  <title>{`${short(edges[at])} to ${short(edges[at + 1])}: ${whole(count)}`}</title>
                </rect>
              )
            })}
          </svg>
        )
      }}
    </ChartFrame>
  )
}

/** A histogram the size of a word. */
export function TinyHistogram({
  counts,
  width = 96,
  height = 24,
  label,
}: {
  counts: readonly number[]
  width?: number
  height?: number
  label: string
}) {
  const most = Math.max(1, ...counts)
  const step = width / Math.max(1, counts.length)
  return (
    <svg width={width} height={height} role="img" aria-label={label} className="block">
      <line x1="0" x2={width} y1={height - 0.5} y2={height - 0.5} stroke="var(--color-strong)" />
      {counts.map((count, at) => (
        <rect
          key={at}
          x={at * step + 0.3}
          width={Math.max(0.8, step - 0.6)}
          y={height - 1 - (count / most) * (height - 2)}
          height={(count / most) * (height - 2)}
          fill="var(--color-s1)"
          opacity="0.75"
        />
      ))}
    </svg>
  )
}

/** Two distributions over the same bins: outlined baseline, filled now. */
export function Overlay({
  title,
  name,
  labels,
  edges,
  baseline,
  now,
  height = 200,
  showTitle,
}: {
  title: string
  name: string
  labels: readonly string[]
  /** Bounds of the bins of a number: between bins, or also at both ends. */
  edges?: readonly number[] | null
  baseline: readonly number[]
  now: readonly number[]
  height?: number
  showTitle?: boolean
}) {
  const moved = labels
    .map((label, at) => ({ label, by: (now[at] ?? 0) - (baseline[at] ?? 0) }))
    .sort((a, b) => Math.abs(b.by) - Math.abs(a.by))[0]
  const summary = moved
    ? `${title}: the greatest change is at ${moved.label}, ${moved.by >= 0 ? 'up' : 'down'} ${percent(Math.abs(moved.by))} of all rows.`
    : `${title}: no bins.`
  return (
    <ChartFrame
      title={title}
      summary={summary}
      name={name}
      height={height}
      showTitle={showTitle}
      legend={[
        { label: 'Training', colour: 'var(--color-s6)', dash: '' },
        { label: 'Now', colour: 'var(--color-s2)', mark: 'box' },
      ]}
      data={() => ({ header: ['bin', 'baseline', 'now'], rows: labels.map((label, at) => [label, baseline[at], now[at]]) })}
    >
      {({ width }) => {
        const bottom = height - 34
        const left = 40
        const y = linear([0, Math.max(0.01, ...baseline, ...now)], [bottom, 8], { nice: true, ticks: 3 })
        const step = (width - left - 6) / Math.max(1, labels.length)
        const ticks = edges ? boundaries(edges, labels.length) : null
        const every = Math.ceil(labels.length / Math.max(1, Math.floor((width - left) / 64)))
        return (
          <svg
            data-chart=""
            width={width}
            height={height}
            role="img"
            aria-label={summary}
            fontSize="11"
            className="num"
            fill="var(--color-faint)"
          >
            {y.ticks.map((tick) => (
              <g key={tick}>
                <line x1={left} x2={width - 6} y1={y(tick)} y2={y(tick)} stroke="var(--color-line)" />
                <text x={left - 6} y={y(tick)} textAnchor="end" dominantBaseline="central">
                  {percent(tick, 0)}
                </text>
              </g>
            ))}
            {labels.map((label, at) => {
              const from = left + at * step
              const was = baseline[at] ?? 0
              const is = now[at] ?? 0
              return (
                <g key={label}>
                  <title>{`${label}: training ${percent(was)}, now ${percent(is)}`}</title>
                  <rect
                    x={from + step * 0.14}
                    width={step * 0.72}
                    y={y(is)}
                    height={bottom - y(is)}
                    fill="var(--color-s2)"
                    opacity="0.75"
                  />
                  <rect
                    x={from + step * 0.06}
                    width={step * 0.88}
                    y={y(was)}
                    height={Math.max(0, bottom - y(was))}
                    fill="none"
                    stroke="var(--color-s6)"
                    strokeWidth="1.6"
                  />
                  {!ticks && at % every === 0 && (
                    <text x={from + step / 2} y={bottom + 14} textAnchor="middle" dominantBaseline="central">
                      {label.length > 11 ? `${label.slice(0, 10)}…` : label}
                    </text>
                  )}
                </g>
              )
            })}
            {ticks?.map(({ place, value }) =>
              place % every === 0 ? (
                <text key={place} x={left + place * step} y={bottom + 14} textAnchor="middle" dominantBaseline="central">
                  {short(value, 3)}
                </text>
              ) : null,
            )}
            <line x1={left} x2={width - 6} y1={bottom} y2={bottom} stroke="var(--color-strong)" />
          </svg>
        )
      }}
    </ChartFrame>
  )
}

/** Where between the bins each edge lies. */
function boundaries(edges: readonly number[], bins: number): { place: number; value: number }[] {
  const first = edges.length > bins ? 0 : 1
  return edges.map((value, at) => ({ place: at + first, value })).filter(({ value }) => Number.isFinite(value))
}
