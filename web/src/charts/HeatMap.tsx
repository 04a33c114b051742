import { useState } from 'react'
import { fixed } from '../ui/format.ts'
import { ChartFrame } from './ChartFrame.tsx'

/** A square matrix of associations from -1 to 1, with the number in each cell where it fits and in words below. */
export function HeatMap({
  title,
  name,
  labels,
  values,
  detail,
  summary,
}: {
  title: string
  name: string
  labels: readonly string[]
  values: readonly (readonly (number | null)[])[]
  detail: (row: number, column: number) => string
  summary: string
}) {
  const [over, setOver] = useState<[number, number] | null>(null)
  const longest = Math.max(4, ...labels.map((label) => label.length))
  const left = Math.min(150, longest * 6.6 + 10)
  const top = Math.min(110, longest * 5 + 12)
  const size = (width: number) => Math.max(10, Math.min(40, (width - left - 4) / Math.max(1, labels.length)))
  // The frame reserves its height before it knows its width: at most what the widest cell takes.
  const height = top + labels.length * Math.min(40, Math.max(12, 900 / Math.max(1, labels.length))) + 8
  return (
    <div>
      <ChartFrame
        title={title}
        summary={summary}
        name={name}
        height={height}
        data={() => ({ header: ['', ...labels], rows: labels.map((label, at) => [label, ...(values[at] ?? [])]) })}
      >
        {({ width }) => {
          const step = Math.min(size(width), (height - top - 8) / Math.max(1, labels.length))
          const clip = (text: string) => (text.length > 21 ? `${text.slice(0, 20)}…` : text)
          return (
            <svg
              data-chart=""
              width={width}
              height={height}
              role="img"
              aria-label={summary}
              fontSize="11"
              onPointerLeave={() => setOver(null)}
            >
              {labels.map((label, at) => (
                <g key={label} fill="var(--color-soft)">
                  <text x={left - 6} y={top + (at + 0.5) * step} textAnchor="end" dominantBaseline="central">
                    {clip(label)}
                  </text>
                  <text transform={`translate(${left + (at + 0.5) * step},${top - 6}) rotate(-45)`} dominantBaseline="central">
                    {clip(label)}
                  </text>
                </g>
              ))}
              {values.map((row, y) =>
                row.map((value, x) => (
                  <g key={`${labels[y]}-${labels[x]}`} onPointerEnter={() => setOver([y, x])}>
                    <rect
                      x={left + x * step + 0.5}
                      y={top + y * step + 0.5}
                      width={step - 1}
                      height={step - 1}
                      rx="2"
                      fill={value === null ? 'var(--color-sunken)' : value < 0 ? 'var(--color-s2)' : 'var(--color-s1)'}
                      fillOpacity={value === null ? 1 : 0.04 + Math.min(1, Math.abs(value)) * 0.9}
                      stroke={over && over[0] === y && over[1] === x ? 'var(--color-ink)' : 'none'}
                    />
                    {step >= 30 && value !== null && (
                      <text
                        x={left + (x + 0.5) * step}
                        y={top + (y + 0.5) * step}
                        textAnchor="middle"
                        dominantBaseline="central"
                        className="num"
                        fontSize="10"
                        fill={Math.abs(value) > 0.5 ? 'var(--color-surface)' : 'var(--color-soft)'}
                        pointerEvents="none"
                      >
                        {fixed(value, 2)}
                      </text>
                    )}
                  </g>
                )),
              )}
            </svg>
          )
        }}
      </ChartFrame>
      <p className="mt-1 min-h-5 text-sm text-soft" aria-live="off">
        {over ? detail(over[0], over[1]) : ''}
      </p>
    </div>
  )
}
