import { percent } from '../ui/format.ts'
import { cssColour } from './colours.ts'

/** A thing in an image: x, y, width and height in pixels of the upright image; `score` where a model found it. */
export interface SeenObject {
  label: string
  box: readonly number[]
  score?: number
}

/** Boxes over a picture that fills the same place with `object-fit: contain`, each class in its colour; one may be pointed out. */
export function ObjectBoxes({
  objects,
  classes,
  width,
  height,
  pointed = null,
}: {
  objects: readonly SeenObject[]
  classes: readonly string[]
  width: number
  height: number
  pointed?: number | null
}) {
  if (objects.length === 0 || !width || !height) return null
  const size = Math.max(width, height)
  return (
    <svg
      viewBox={`0 0 ${width} ${height}`}
      preserveAspectRatio="xMidYMid meet"
      className="pointer-events-none absolute inset-0 size-full"
      aria-hidden="true"
    >
      {objects.map(({ label, box, score }, at) => {
        const [x = 0, y = 0, w = 0, h = 0] = box
        const colour = cssColour(classes.indexOf(label))
        const place = { x, y, width: w, height: h, fill: 'none' }
        return (
          <g key={at} opacity={pointed === null || pointed === at ? 1 : 0.35}>
            <rect {...place} stroke="#000" strokeOpacity={0.6} strokeWidth={size / 80} />
            <rect {...place} stroke={colour} strokeWidth={size / 160} />
            <text
              x={x + size / 120}
              y={Math.max(size / 26, y - size / 90)}
              fontSize={size / 28}
              fill="#fff"
              stroke="#000"
              strokeWidth={size / 160}
              paintOrder="stroke"
            >
              {score === undefined ? label : `${label} ${percent(score)}`}
            </text>
          </g>
        )
      })}
    </svg>
  )
}
