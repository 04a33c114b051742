import { short } from '../ui/format.ts'
import { ChartFrame } from './ChartFrame.tsx'
import { linear } from './scale.ts'
import { colourOf } from './series.ts'

export interface BarRow {
  label: string
  value: number
  low?: number | null
  high?: number | null
  note?: string
}

/** Horizontal bars with whiskers, longest label left of them. */
export function Bars({
  title,
  summary,
  name,
  rows,
  valueLabel,
  showTitle,
  format = (value) => short(value, 3),
  colour = colourOf(0),
  onPick,
  className,
}: {
  title: string
  summary: string
  name: string
  rows: readonly BarRow[]
  valueLabel: string
  showTitle?: boolean
  format?: (value: number) => string
  colour?: string
  onPick?: (row: BarRow) => void
  className?: string
}) {
  const rowHeight = 24
  const height = rows.length * rowHeight + 8
  const longest = Math.max(4, ...rows.map((row) => row.label.length))
  // A wide letter of the label's font, so that no label runs out of its room.
  const letter = 6.9
  return (
    <ChartFrame
      title={title}
      summary={summary}
      name={name}
      height={height}
      showTitle={showTitle}
      className={className}
      data={() => ({
        header: ['name', valueLabel, 'low', 'high'],
        rows: rows.map((row) => [row.label, row.value, row.low ?? null, row.high ?? null]),
      })}
    >
      {({ width }) => {
        const labels = Math.min(width * 0.45, longest * letter + 12)
        const ends = rows.flatMap((row) => [row.value, row.low ?? row.value, row.high ?? row.value, 0])
        const x = linear([Math.min(...ends), Math.max(...ends) || 1], [labels, width - 64])
        return (
          <svg data-chart="" width={width} height={height} role="img" aria-label={summary} fontSize="12">
            <line x1={x(0)} x2={x(0)} y1="0" y2={height} stroke="var(--color-strong)" />
            {rows.map((row, at) => {
              const top = at * rowHeight + 4
              const middle = top + rowHeight / 2
              const from = Math.min(x(0), x(row.value))
              return (
                // biome-ignore lint/a11y/noStaticElementInteractions: the same choice is offered as a list beside the chart
                <g key={row.label} onClick={onPick && (() => onPick(row))} className={onPick && 'cursor-pointer'}>
                  <title>{`${row.label}: ${format(row.value)}${row.note ? ` (${row.note})` : ''}`}</title>
                  <rect x="0" y={top} width={width} height={rowHeight} fill="transparent" />
                  <text x={labels - 8} y={middle} textAnchor="end" dominantBaseline="central" fill="var(--color-ink)">
                    {clip(row.label, Math.floor((labels - 8) / letter))}
                  </text>
                  <rect
                    x={from}
                    y={top + 5}
                    width={Math.max(1, Math.abs(x(row.value) - x(0)))}
                    height={rowHeight - 10}
                    rx="2"
                    fill={colour}
                    opacity="0.85"
                  />
                  {row.low != null && row.high != null && (
                    <path
                      d={`M${x(row.low)} ${middle}H${x(row.high)}M${x(row.low)} ${middle - 4}v8M${x(row.high)} ${middle - 4}v8`}
                      stroke="var(--color-ink)"
                      strokeWidth="1.2"
                      fill="none"
                    />
                  )}
                  <text
                    x={width - 2}
                    y={middle}
                    textAnchor="end"
                    dominantBaseline="central"
                    className="num"
                    fill="var(--color-soft)"
                  >
                    {format(row.value)}
                  </text>
                </g>
              )
            })}
          </svg>
        )
      }}
    </ChartFrame>
  )
}

const clip = (text: string, length: number) => (text.length > length ? `${text.slice(0, Math.max(1, length - 1))}…` : text)
