/** One object of the column `boxes`: pixels of the image. */
interface Box {
  label: string
  box: [number, number, number, number]
  polygon?: number[]
}

export function readBoxes(text: unknown): Box[] {
  if (typeof text !== 'string') return []
  try {
    const list: unknown = JSON.parse(text)
    return Array.isArray(list) ? list.filter((one): one is Box => Array.isArray(one?.box) && one.box.length === 4) : []
  } catch {
    return []
  }
}

/** Boxes over an image that fills the same place with `object-fit: contain`. */
export function BoxOverlay({
  boxes,
  width,
  height,
  names,
}: {
  boxes: readonly Box[]
  width: number
  height: number
  names?: boolean
}) {
  if (boxes.length === 0 || !width || !height) return null
  const size = Math.max(width, height)
  const place = ({ box: [x, y, w, h] }: Box) => ({ x, y, width: w, height: h })
  return (
    <svg
      viewBox={`0 0 ${width} ${height}`}
      preserveAspectRatio="xMidYMid meet"
      className="pointer-events-none absolute inset-0 size-full"
      aria-hidden="true"
    >
      {boxes.map((one, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: boxes of one image have no other name
        <g key={at}>
          {/* Dark below light: seen on any picture. */}
          <rect {...place(one)} fill="none" stroke="#000" strokeOpacity={0.6} strokeWidth={size / 90} />
          <rect {...place(one)} fill="none" stroke="#ffd400" strokeWidth={size / 180} />
          {one.polygon && (
            <polygon points={one.polygon.join(' ')} fill="#ffd400" fillOpacity={0.2} stroke="#ffd400" strokeWidth={size / 400} />
          )}
          {names && (
            <text
              x={one.box[0] + size / 120}
              y={Math.max(size / 28, one.box[1] - size / 100)}
              fontSize={size / 32}
              fill="#fff"
              stroke="#000"
              strokeWidth={size / 180}
              paintOrder="stroke"
            >
              {one.label}
            </text>
          )}
        </g>
      ))}
    </svg>
  )
}
