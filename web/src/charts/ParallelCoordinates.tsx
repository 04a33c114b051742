import { ParallelChart } from 'echarts/charts'
import { ParallelComponent, TooltipComponent, VisualMapComponent } from 'echarts/components'
import { init, use } from 'echarts/core'
import { SVGRenderer } from 'echarts/renderers'
import { useEffect, useRef } from 'react'
import { useDark } from '../app/theme.ts'
import { short } from '../ui/format.ts'
import { ChartFrame } from './ChartFrame.tsx'
import { resolved } from './series.ts'

use([ParallelChart, ParallelComponent, TooltipComponent, VisualMapComponent, SVGRenderer])

export interface Axis {
  name: string
  /** Words in order, when the axis is of words. */
  words?: readonly string[]
  log?: boolean
}

interface ParallelProps {
  title: string
  name: string
  summary: string
  axes: readonly Axis[]
  rows: readonly (readonly (number | string | null)[])[]
  /** Which axis colours the lines. */
  colourBy: number
  greaterIsBetter: boolean
  height?: number
}

/** A search in one picture: each line a trial, each axis a parameter, coloured by how good it was. Axes can be brushed. */
export default function ParallelCoordinates(props: ParallelProps) {
  return (
    <ChartFrame
      title={props.title}
      name={props.name}
      summary={props.summary}
      height={props.height ?? 320}
      data={() => ({ header: props.axes.map((axis) => axis.name), rows: props.rows })}
    >
      {({ width, height }) => <Drawing {...props} width={width} height={height} />}
    </ChartFrame>
  )
}

function Drawing(props: ParallelProps & { width: number; height: number }) {
  const box = useRef<HTMLDivElement>(null)
  const dark = useDark()
  const { axes, rows, colourBy, width, height } = props
  // Drawn again for another appearance too.
  useEffect(() => {
    if (!box.current || rows.length === 0) return
    const chart = init(box.current, null, { renderer: 'svg', width, height })
    const ink = resolved('var(--color-soft)')
    const line = resolved('var(--color-strong)')
    const scores = rows.map((row) => row[colourBy]).filter((value): value is number => typeof value === 'number')
    const good = resolved('var(--color-s1)')
    const poor = resolved('var(--color-s2)')
    chart.setOption({
      animation: false,
      parallel: {
        left: 36,
        right: 56,
        top: 34,
        bottom: 20,
        axisExpandable: axes.length > 12,
        axisExpandCenter: axes.length - 2,
        axisExpandCount: 8,
        axisExpandWidth: 90,
      },
      parallelAxis: axes.map((axis, dim) => ({
        dim,
        name: axis.name,
        type: axis.words ? 'category' : axis.log ? 'log' : 'value',
        data: axis.words,
        scale: true,
        nameTextStyle: { color: ink, fontSize: 11 },
        axisLabel: { color: ink, fontSize: 10, formatter: axis.words ? undefined : (value: number) => short(value, 3) },
        axisLine: { lineStyle: { color: line } },
        axisTick: { lineStyle: { color: line } },
      })),
      visualMap: {
        show: false,
        dimension: colourBy,
        min: Math.min(...scores),
        max: Math.max(...scores),
        inRange: { color: props.greaterIsBetter ? [poor, good] : [good, poor] },
      },
      series: [
        {
          type: 'parallel',
          lineStyle: { width: 1.6, opacity: rows.length > 80 ? 0.35 : 0.7 },
          data: rows.map((row) => row.map((value) => value ?? '-')),
        },
      ],
    })
    const svg = box.current.querySelector('svg')
    svg?.setAttribute('data-chart', '')
    svg?.setAttribute('aria-hidden', 'true')
    return () => chart.dispose()
  }, [rows, axes, colourBy, width, height, dark, props.greaterIsBetter])
  return <div ref={box} role="img" aria-label={props.summary} style={{ width, height }} />
}
