import type { KeyboardEvent, PointerEvent } from 'react'
import type { Box } from '../charts/Axes.tsx'
import type { Scale } from '../charts/scale.ts'
import { fixed } from '../ui/format.ts'

/** A line to drag over a chart whose x axis is the threshold; arrow keys move it too. */
export function ThresholdHandle({
  x,
  box,
  value,
  served,
  onChange,
}: {
  x: Scale
  box: Box
  value: number
  served: number | null
  onChange: (threshold: number) => void
}) {
  const clamp = (threshold: number) => Math.min(1, Math.max(0, threshold))
  const drag = (event: PointerEvent<SVGGElement>) => {
    const svg = event.currentTarget.ownerSVGElement
    if (!svg) return
    onChange(clamp(Number(x.invert(event.clientX - svg.getBoundingClientRect().left).toFixed(3))))
  }
  const keys = (event: KeyboardEvent) => {
    const step = event.shiftKey ? 0.05 : 0.005
    const next = {
      ArrowLeft: value - step,
      ArrowDown: value - step,
      ArrowRight: value + step,
      ArrowUp: value + step,
      Home: 0,
      End: 1,
    }[event.key]
    if (next === undefined) return
    event.preventDefault()
    onChange(clamp(Number(next.toFixed(3))))
  }
  const at = x(value)
  return (
    <>
      {served !== null && (
        <line x1={x(served)} x2={x(served)} y1={box.top} y2={box.bottom} stroke="var(--color-faint)" strokeDasharray="2 3">
          <title>served threshold</title>
        </line>
      )}
      <g
        role="slider"
        tabIndex={0}
        aria-label="Threshold"
        aria-valuemin={0}
        aria-valuemax={1}
        aria-valuenow={value}
        aria-valuetext={`threshold ${fixed(value, 3)}`}
        className="cursor-ew-resize touch-none"
        onPointerDown={(event) => event.currentTarget.setPointerCapture(event.pointerId)}
        onPointerMove={(event) => event.currentTarget.hasPointerCapture(event.pointerId) && drag(event)}
        onKeyDown={keys}
      >
        <rect x={at - 9} y={box.top} width="18" height={box.bottom - box.top} fill="transparent" />
        <line x1={at} x2={at} y1={box.top} y2={box.bottom} stroke="var(--color-accent)" strokeWidth="2" />
        <rect x={at - 5} y={(box.top + box.bottom) / 2 - 12} width="10" height="24" rx="4" fill="var(--color-accent)" />
        <path
          d={`M${at - 1.5} ${(box.top + box.bottom) / 2 - 5}v10M${at + 1.5} ${(box.top + box.bottom) / 2 - 5}v10`}
          stroke="var(--color-on-accent)"
        />
      </g>
    </>
  )
}
