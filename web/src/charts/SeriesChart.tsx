import { useEffect, useRef } from 'react'
import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'
import { useDark } from '../app/theme.ts'
import { download } from '../ui/csv.ts'
import { short } from '../ui/format.ts'
import { ChartFrame } from './ChartFrame.tsx'
import { colourOf, dashOf, resolved } from './series.ts'
import { seriesSvg } from './series-svg.ts'

export interface Series {
  label: string
  x: readonly number[]
  y: readonly (number | null)[]
  /** Index of the colour, when it must not be the place in the list. */
  colour?: number
}

interface SeriesChartProps {
  title: string
  name: string
  summary: string
  series: readonly Series[]
  xLabel?: string
  time?: boolean
  /** 0: as measured. Up to 0.99: exponential smoothing, with the raw values as a shadow. */
  smoothing?: number
  logY?: boolean
  /** A missing value breaks the line: nothing was measured there. */
  gaps?: boolean
  height?: number
  showTitle?: boolean
  legend?: boolean
  formatY?: (value: number) => string
}

/** Live and long series, drawn on a canvas: a million points and many updates a second. */
export default function SeriesChart(props: SeriesChartProps) {
  const { series, height = 240 } = props
  return (
    <ChartFrame
      title={props.title}
      name={props.name}
      summary={props.summary}
      height={height}
      showTitle={props.showTitle}
      legend={
        (props.legend ?? series.length > 1)
          ? series
              .slice(0, 12)
              .map((one, at) => ({ label: one.label, colour: colourOf(one.colour ?? at), dash: dashOf(one.colour ?? at) }))
          : undefined
      }
      data={() => ({
        header: ['series', props.xLabel ?? 'x', 'value'],
        rows: series.flatMap((one) =>
          one.x.map((x, at) => [one.label, props.time ? new Date(x * 1000).toISOString() : x, one.y[at] ?? null]),
        ),
      })}
      exporters={{
        svg: () =>
          download(`${props.name}.svg`, seriesSvg(series, { title: props.title, width: 800, height: 400 }), 'image/svg+xml'),
        png: () =>
          document
            .querySelector<HTMLCanvasElement>(`[data-series="${props.name}"] canvas`)
            ?.toBlob((blob) => blob && download(`${props.name}.png`, blob)),
      }}
    >
      {({ width }) => <Canvas {...props} width={width} height={height} />}
    </ChartFrame>
  )
}

function Canvas(props: SeriesChartProps & { width: number; height: number }) {
  const { series, width, height } = props
  const box = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot | null>(null)
  const dark = useDark()
  const smoothing = props.smoothing ?? 0
  const shape = JSON.stringify([series.map((one) => [one.label, one.colour]), dark, smoothing > 0, props.time, props.logY])
  const data = aligned(series, smoothing)
  const latest = useRef(data)
  latest.current = data

  // A new plot only when its shape changes; data and size are set below.
  useEffect(() => {
    const element = box.current
    if (!element) return
    const ink = resolved('var(--color-faint)')
    const grid = resolved('var(--color-line)')
    const font = '11px "Liberation Mono", ui-monospace, monospace'
    const axis = { stroke: ink, grid: { stroke: grid, width: 1 }, ticks: { stroke: grid, width: 1, size: 4 }, font }
    const formatY = props.formatY ?? ((value: number) => short(value))
    const lines = series.flatMap((one, at): uPlot.Series[] => {
      const colour = resolved(colourOf(one.colour ?? at))
      const dash = dashOf(one.colour ?? at)
        .split(' ')
        .filter(Boolean)
        .map(Number)
      const line: uPlot.Series = {
        label: one.label,
        stroke: colour,
        width: 1.8,
        dash,
        // Series with other x than their neighbours have holes that mean nothing.
        spanGaps: !props.gaps,
        points: { show: props.gaps || one.x.length < 40, size: props.gaps ? 4 : 5, fill: colour },
      }
      return smoothing > 0
        ? [{ ...line, label: `${one.label} (raw)`, width: 1, alpha: 0.28, dash: [], points: { show: false } }, line]
        : [line]
    })
    plot.current = new uPlot(
      {
        width,
        height,
        padding: [8, 18, 0, 0],
        legend: { show: false },
        cursor: { y: false, points: { size: 7 } },
        scales: {
          x: { time: props.time ?? false },
          y: { distr: props.logY ? 3 : 1, range: props.logY ? undefined : (_plot, low, high) => airy(low, high) },
        },
        axes: [
          {
            ...axis,
            values: (_plot, ticks) => ticks.map((tick) => (props.time ? clock(tick) : short(tick))),
            label: props.xLabel,
            labelFont: font,
            labelSize: props.xLabel ? 16 : 0,
            labelGap: 0,
            size: 28,
          },
          { ...axis, size: 52, values: (_plot, ticks) => ticks.map((tick) => (tick === null ? '' : formatY(tick))) },
        ],
        series: [{}, ...lines],
        hooks: { setCursor: [(self) => tell(self, element, formatY, props.time ?? false)] },
      },
      latest.current as uPlot.AlignedData,
      element,
    )
    return () => {
      plot.current?.destroy()
      plot.current = null
    }
  }, [shape])
  useEffect(() => {
    plot.current?.setData(data as uPlot.AlignedData)
  })
  useEffect(() => {
    plot.current?.setSize({ width, height })
  }, [width, height])
  return (
    <div ref={box} data-series={props.name} role="img" aria-label={props.summary} className="relative">
      <output className="pointer-events-none absolute top-1 left-14 z-10 flex max-w-full flex-wrap gap-x-3 rounded-md bg-surface/90 px-1.5 text-xs" />
    </div>
  )
}

const clock = (seconds: number) => new Date(seconds * 1000).toTimeString().slice(0, 5)

const airy = (low: number | null, high: number | null): [number, number] => {
  if (low === null || high === null) return [0, 1]
  const air = (high - low || Math.abs(high) || 1) * 0.06
  return [low - air, high + air]
}

/** Writes the values under the cursor beside the plot. */
function tell(plot: uPlot, element: HTMLElement, formatY: (value: number) => string, time: boolean): void {
  const output = element.querySelector('output')
  if (!output) return
  const at = plot.cursor.idx
  if (at == null || plot.cursor.left == null || plot.cursor.left < 0) {
    output.replaceChildren()
    return
  }
  const x = plot.data[0][at]
  const parts = plot.series.slice(1).flatMap((series, index) => {
    const value = plot.data[index + 1]?.[at]
    return value == null || String(series.label).endsWith('(raw)') ? [] : [`${series.label}: ${formatY(value)}`]
  })
  const when = x === undefined ? '' : time ? new Date(x * 1000).toTimeString().slice(0, 8) : short(x)
  output.replaceChildren(...[when, ...parts].map((text) => Object.assign(document.createElement('span'), { textContent: text })))
}

/** All series over one list of x, as the plot wants them. */
function aligned(series: readonly Series[], smoothing: number): (number | null)[][] {
  const xs = [...new Set(series.flatMap((one) => [...one.x]))].sort((a, b) => a - b)
  const place = new Map(xs.map((x, at) => [x, at]))
  const columns = series.flatMap((one) => {
    const raw = new Array<number | null>(xs.length).fill(null)
    one.x.forEach((x, at) => {
      raw[place.get(x)!] = one.y[at] ?? null
    })
    return smoothing > 0 ? [raw, smooth(raw, smoothing)] : [raw]
  })
  return [xs, ...columns]
}

/** Exponential moving average without the bias of its start (as in Kingma and Ba 2015). */
function smooth(values: (number | null)[], weight: number): (number | null)[] {
  let mean = 0
  let count = 0
  return values.map((value) => {
    if (value === null) return null
    count++
    mean = weight * mean + (1 - weight) * value
    return mean / (1 - weight ** count)
  })
}
