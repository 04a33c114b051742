import type { PointerEvent, ReactNode } from 'react'
import { useState } from 'react'
import { short } from '../ui/format.ts'
import { Axes, type Box } from './Axes.tsx'
import { ChartFrame } from './ChartFrame.tsx'
import { extent } from './extent.ts'
import { linear, padded, type Scale } from './scale.ts'
import { colourOf, dashOf } from './series.ts'

export interface Line {
  label: string
  x: readonly number[]
  y: readonly (number | null)[]
  low?: readonly (number | null)[] | null
  high?: readonly (number | null)[] | null
  colour?: string
  dash?: string
  points?: boolean
  /** A step line has the value of its next point since the one before: counts at "from this threshold on". */
  step?: boolean
}

interface LineChartProps {
  title: string
  summary: string
  name: string
  lines: readonly Line[]
  xLabel?: string
  yLabel?: string
  xDomain?: [number, number]
  yDomain?: [number, number]
  /** What the values cannot pass: the axis ends there, however round the next number would be. */
  yLimits?: [number | null, number | null]
  formatX?: (value: number) => string
  formatY?: (value: number) => string
  height?: number
  showTitle?: boolean
  legend?: boolean
  extra?: ReactNode
  /** Drawn over the lines: reference marks, a handle. */
  overlay?: (scales: { x: Scale; y: Scale; box: Box }) => ReactNode
  under?: (scales: { x: Scale; y: Scale; box: Box }) => ReactNode
  className?: string
}

/** Lines over a number, with bands of uncertainty and the nearest values under the pointer. */
export function LineChart(props: LineChartProps) {
  const { lines, height = 260 } = props
  return (
    <ChartFrame
      title={props.title}
      summary={props.summary}
      name={props.name}
      height={height}
      showTitle={props.showTitle}
      extra={props.extra}
      className={props.className}
      legend={
        (props.legend ?? lines.length > 1)
          ? lines.map((line, at) => ({ label: line.label, colour: line.colour ?? colourOf(at), dash: line.dash ?? dashOf(at) }))
          : undefined
      }
      data={() => ({
        header: ['series', props.xLabel ?? 'x', props.yLabel ?? 'y', 'low', 'high'],
        rows: lines.flatMap((line) =>
          line.x.map((x, at) => [line.label, x, line.y[at] ?? null, line.low?.[at] ?? null, line.high?.[at] ?? null]),
        ),
      })}
    >
      {({ width }) => <Plot {...props} width={width} height={height} />}
    </ChartFrame>
  )
}

function Plot(props: LineChartProps & { width: number; height: number }) {
  const { lines, width, height } = props
  const [at, setAt] = useState<number | null>(null)
  const box: Box = { left: 46, right: width - 10, top: props.yLabel ? 26 : 8, bottom: height - (props.xLabel ? 38 : 22) }
  const x = linear(props.xDomain ?? extent(lines.flatMap((line) => [...line.x])), [box.left, box.right], {
    ticks: Math.max(2, Math.min(8, width / 90)),
  })
  const y = linear(
    props.yDomain ??
      within(
        padded(
          lines.flatMap((line) => [...line.y, ...(line.low ?? []), ...(line.high ?? [])]),
          0.04,
        ),
        props.yLimits,
      ),
    [box.bottom, box.top],
    { nice: !props.yDomain, ticks: Math.max(2, height / 55) },
  )
  const formatX = props.formatX ?? ((value) => short(value))
  const formatY = props.formatY ?? ((value) => short(value))
  const move = (event: PointerEvent<SVGSVGElement>) => {
    const left = event.currentTarget.getBoundingClientRect().left
    const value = x.invert(event.clientX - left)
    setAt(value < x.domain[0] || value > x.domain[1] ? null : value)
  }
  const shown = at === null ? [] : lines.map((line) => nearest(line, at))
  return (
    <svg
      data-chart=""
      width={width}
      height={height}
      // What can be moved by keys is not seen inside an image.
      role={props.overlay ? 'group' : 'img'}
      aria-label={props.summary}
      onPointerMove={move}
      onPointerLeave={() => setAt(null)}
    >
      <Axes x={x} y={y} box={box} xLabel={props.xLabel} yLabel={props.yLabel} formatX={formatX} formatY={formatY} />
      {props.under?.({ x, y, box })}
      {lines.map((line, index) => (
        <g key={line.label}>
          {line.low && line.high && <path d={band(line, x, y)} fill={line.colour ?? colourOf(index)} opacity="0.16" />}
          <path
            d={path(line, x, y)}
            fill="none"
            stroke={line.colour ?? colourOf(index)}
            strokeWidth="1.8"
            strokeDasharray={line.dash ?? dashOf(index)}
            strokeLinejoin="round"
          />
          {line.points &&
            line.x.map((value, point) => {
              const high = line.y[point]
              return high == null ? null : (
                <circle key={point} cx={x(value)} cy={y(high)} r="3" fill={line.colour ?? colourOf(index)} />
              )
            })}
        </g>
      ))}
      {props.overlay?.({ x, y, box })}
      {at !== null && shown.some(Boolean) && (
        <Readout x={x} y={y} box={box} lines={lines} points={shown} formatX={formatX} formatY={formatY} />
      )}
    </svg>
  )
}

const within = (
  [low, high]: [number, number],
  [least, most]: [number | null, number | null] = [null, null],
): [number, number] => [least === null ? low : Math.max(low, least), most === null ? high : Math.min(high, most)]

type Point = { x: number; y: number } | null

function Readout({
  x,
  y,
  box,
  lines,
  points,
  formatX,
  formatY,
}: {
  x: Scale
  y: Scale
  box: Box
  lines: readonly Line[]
  points: Point[]
  formatX: (value: number) => string
  formatY: (value: number) => string
}) {
  const first = points.find(Boolean)
  if (!first) return null
  const rows = lines.flatMap((line, index) => {
    const point = points[index]
    return point ? [{ label: line.label, value: formatY(point.y), colour: line.colour ?? colourOf(index) }] : []
  })
  const widest = Math.max(...rows.map((row) => row.label.length + row.value.length + 2), formatX(first.x).length)
  const w = widest * 6.4 + 24
  const right = x(first.x) + w + 16 > box.right
  return (
    <g pointerEvents="none">
      <line x1={x(first.x)} x2={x(first.x)} y1={box.top} y2={box.bottom} stroke="var(--color-strong)" strokeDasharray="3 3" />
      {points.map(
        (point, index) =>
          point && (
            <circle
              key={index}
              cx={x(point.x)}
              cy={y(point.y)}
              r="3.5"
              fill={lines[index]?.colour ?? colourOf(index)}
              stroke="var(--color-surface)"
            />
          ),
      )}
      <g
        transform={`translate(${Math.max(box.left, right ? x(first.x) - w - 10 : x(first.x) + 10)},${box.top + 4})`}
        fontSize="11"
      >
        <rect width={w} height={rows.length * 16 + 22} rx="5" fill="var(--color-raised)" stroke="var(--color-line)" />
        <text x="8" y="14" className="num" fill="var(--color-faint)">
          {formatX(first.x)}
        </text>
        {rows.map((row, at) => (
          <g key={row.label} transform={`translate(8,${30 + at * 16})`}>
            <rect y="-8" width="8" height="8" rx="2" fill={row.colour} />
            <text x="13" fill="var(--color-soft)">
              {row.label}
            </text>
            <text x={w - 16} textAnchor="end" className="num" fill="var(--color-ink)">
              {row.value}
            </text>
          </g>
        ))}
      </g>
    </g>
  )
}

function nearest(line: Line, at: number): Point {
  let best: Point = null
  let distance = Number.POSITIVE_INFINITY
  line.x.forEach((x, index) => {
    const y = line.y[index]
    const away = Math.abs(x - at)
    if (y != null && away < distance) {
      distance = away
      best = { x, y }
    }
  })
  return best
}

function path(line: Line, x: Scale, y: Scale): string {
  let text = ''
  let pen = false
  line.x.forEach((value, at) => {
    const height = line.y[at]
    if (height == null || !Number.isFinite(height)) {
      pen = false
      return
    }
    const px = x(value).toFixed(1)
    const py = y(height).toFixed(1)
    if (!pen) text += `M${px} ${py}`
    else text += line.step ? `V${py}H${px}` : `L${px} ${py}`
    pen = true
  })
  return text
}

function band(line: Line, x: Scale, y: Scale): string {
  const up: string[] = []
  const down: string[] = []
  line.x.forEach((value, at) => {
    const low = line.low?.[at]
    const high = line.high?.[at]
    if (low == null || high == null) return
    up.push(`${x(value).toFixed(1)} ${y(high).toFixed(1)}`)
    down.unshift(`${x(value).toFixed(1)} ${y(low).toFixed(1)}`)
  })
  return up.length ? `M${[...up, ...down].join('L')}Z` : ''
}
