import type { Frame } from '../inference.ts'

/** Where an image lies within the square that a network sees. `atoll_engines/image/spatial/placement.py` has the same arithmetic. */
export interface Placement extends Frame {
  newHeight: number
  newWidth: number
  top: number
  left: number
}

/** As `preprocess.onnx` does it: in float32, halves to even. */
export function placementOf({ height, width }: Frame, size: number, fit: string): Placement {
  if (fit === 'stretch') return { height, width, newHeight: size, newWidth: size, top: 0, left: 0 }
  const scale = Math.fround(size / Math.max(height, width))
  const newHeight = Math.max(1, halfToEven(Math.fround(height * scale)))
  const newWidth = Math.max(1, halfToEven(Math.fround(width * scale)))
  return { height, width, newHeight, newWidth, top: (size - newHeight) >> 1, left: (size - newWidth) >> 1 }
}

/** Edges [x1, y1, x2, y2] in pixels of the square to pixels of the image, cut off at its edges. */
export function toImage([x1, y1, x2, y2]: readonly number[], place: Placement): [number, number, number, number] {
  const across = place.width / place.newWidth
  const down = place.height / place.newHeight
  const x = (value: number) => Math.min(place.width, Math.max(0, (value - place.left) * across))
  const y = (value: number) => Math.min(place.height, Math.max(0, (value - place.top) * down))
  return [x(x1!), y(y1!), x(x2!), y(y2!)]
}

/** The classes of a square's pixels as the image's own, each the nearest. */
export function maskOfImage(
  values: Float32Array,
  at: number,
  { size, place }: { size: number; place: Placement },
): Uint8Array<ArrayBuffer> {
  const { height, width, newHeight, newWidth, top, left } = place
  const columns = Int32Array.from({ length: width }, (_, x) => left + Math.floor(((2 * x + 1) * newWidth) / (2 * width)))
  const mask = new Uint8Array(height * width)
  for (let y = 0; y < height; y++) {
    const row = at + (top + Math.floor(((2 * y + 1) * newHeight) / (2 * height))) * size
    for (let x = 0; x < width; x++) mask[y * width + x] = values[row + columns[x]!]!
  }
  return mask
}

function halfToEven(value: number): number {
  const low = Math.floor(value)
  const over = value - low
  if (over !== 0.5) return over < 0.5 ? low : low + 1
  return low % 2 === 0 ? low : low + 1
}
