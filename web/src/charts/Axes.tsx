import { short } from '../ui/format.ts'
import type { Scale } from './scale.ts'

export interface Box {
  left: number
  right: number
  top: number
  bottom: number
}

/** Hairline grid, tick labels, axis names. */
export function Axes({
  x,
  y,
  box,
  xLabel,
  yLabel,
  formatX = (value) => short(value),
  formatY = (value) => short(value),
}: {
  x: Scale
  y: Scale
  box: Box
  xLabel?: string
  yLabel?: string
  formatX?: (value: number) => string
  formatY?: (value: number) => string
}) {
  return (
    <g fontSize="11" className="num" fill="var(--color-faint)">
      {y.ticks.map((tick) => (
        <g key={tick}>
          <line x1={box.left} x2={box.right} y1={y(tick)} y2={y(tick)} stroke="var(--color-line)" />
          <text x={box.left - 6} y={y(tick)} textAnchor="end" dominantBaseline="central">
            {formatY(tick)}
          </text>
        </g>
      ))}
      <line x1={box.left} x2={box.right} y1={box.bottom} y2={box.bottom} stroke="var(--color-strong)" />
      {x.ticks.map((tick) => (
        <g key={tick}>
          <line x1={x(tick)} x2={x(tick)} y1={box.bottom} y2={box.bottom + 4} stroke="var(--color-strong)" />
          <text x={x(tick)} y={box.bottom + 14} textAnchor="middle" dominantBaseline="central">
            {formatX(tick)}
          </text>
        </g>
      ))}
      {xLabel && (
        <text
          x={(box.left + box.right) / 2}
          y={box.bottom + 30}
          textAnchor="middle"
          dominantBaseline="central"
          fontFamily="var(--font-sans)"
        >
          {xLabel}
        </text>
      )}
      {yLabel && (
        <text x={box.left - 40} y={box.top - 18} textAnchor="start" dominantBaseline="central" fontFamily="var(--font-sans)">
          {yLabel}
        </text>
      )}
    </g>
  )
}
