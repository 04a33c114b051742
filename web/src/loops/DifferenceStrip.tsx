import { ChartFrame } from '../charts/ChartFrame.tsx'
import { short } from '../ui/format.ts'

export interface DifferenceRow {
  label: string
  value: number
  low: number
  high: number
}

/** Differences with their intervals about nought; what lies right of it speaks for the challenger. */
export function DifferenceStrip({
  title,
  name,
  rows,
  margin,
  left = 'champion better',
  right = 'challenger better',
}: {
  title: string
  name: string
  rows: readonly DifferenceRow[]
  /** How much worse still counts as not worse. */
  margin?: number
  left?: string
  right?: string
}) {
  const reach = 1.15 * Math.max(1e-12, margin ?? 0, ...rows.flatMap(({ low, high }) => [Math.abs(low), Math.abs(high)]))
  const rowHeight = 34
  const height = rows.length * rowHeight + 30
  const summary = rows
    .map(({ label, value, low, high }) => `${label}: ${short(value, 3)}, interval ${short(low, 3)} to ${short(high, 3)}`)
    .join('; ')
  return (
    <ChartFrame
      title={title}
      summary={summary}
      name={name}
      height={height}
      showTitle={false}
      data={() => ({
        header: ['figure', 'difference', 'low', 'high'],
        rows: rows.map((row) => [row.label, row.value, row.low, row.high]),
      })}
    >
      {({ width }) => {
        const x = (value: number) => width / 2 + (value / reach) * (width / 2 - 8)
        return (
          <svg data-chart="" width={width} height={height} role="img" aria-label={summary} className="text-xs">
            {margin !== undefined && margin > 0 && (
              <line x1={x(-margin)} x2={x(-margin)} y1={0} y2={height - 22} stroke="var(--color-strong)" strokeDasharray="3 3">
                <title>{`Not worse: the interval ends right of -${short(margin)}`}</title>
              </line>
            )}
            <line x1={x(0)} x2={x(0)} y1={0} y2={height - 22} stroke="var(--color-strong)" />
            {rows.map((row, at) => {
              const y = at * rowHeight + 24
              return (
                <g key={row.label}>
                  <text x={4} y={y - 11} fill="var(--color-soft)">
                    {row.label}
                  </text>
                  <line x1={x(row.low)} x2={x(row.high)} y1={y} y2={y} stroke="var(--color-s1)" strokeWidth="3" />
                  <circle cx={x(row.value)} cy={y} r="4.5" fill="var(--color-s1)">
                    <title>{`${row.label}: ${short(row.value)}, ${short(row.low)} to ${short(row.high)}`}</title>
                  </circle>
                </g>
              )
            })}
            <text x={4} y={height - 6} fill="var(--color-faint)">
              ← {left}
            </text>
            <text x={width - 4} y={height - 6} textAnchor="end" fill="var(--color-faint)">
              {right} →
            </text>
          </svg>
        )
      }}
    </ChartFrame>
  )
}
