import { useEffect, useRef, useState } from 'react'

const colours = [
  [255, 212, 0],
  [0, 163, 255],
  [255, 84, 112],
  [46, 204, 113],
  [186, 104, 255],
  [255, 145, 0],
] as const

/** A mask over its image: each value of its pixels in a colour of its own, the most frequent value (the ground) clear. */
export function MaskOverlay({ src, label }: { src: string; label: string }) {
  const canvas = useRef<HTMLCanvasElement>(null)
  const [failed, setFailed] = useState(false)
  useEffect(() => {
    const image = new Image()
    image.onload = () => canvas.current && paint(canvas.current, image)
    image.onerror = () => setFailed(true)
    image.src = src
    return () => {
      image.onload = null
      image.onerror = null
    }
  }, [src])
  if (failed)
    return <p className="absolute inset-x-0 bottom-0 bg-surface/80 p-1 text-center text-xs">The mask cannot be shown.</p>
  return (
    <canvas
      ref={canvas}
      role="img"
      aria-label={label}
      className="pointer-events-none absolute inset-0 size-full object-contain opacity-55"
    />
  )
}

function paint(canvas: HTMLCanvasElement, image: HTMLImageElement): void {
  canvas.width = image.naturalWidth
  canvas.height = image.naturalHeight
  const context = canvas.getContext('2d')
  if (!context || canvas.width === 0) return
  context.drawImage(image, 0, 0)
  const pixels = context.getImageData(0, 0, canvas.width, canvas.height)
  const counts = new Map<number, number>()
  for (let at = 0; at < pixels.data.length; at += 4) {
    const value = (pixels.data[at]! << 16) | (pixels.data[at + 1]! << 8) | pixels.data[at + 2]!
    counts.set(value, (counts.get(value) ?? 0) + 1)
  }
  const [ground, ...others] = [...counts].sort((a, b) => b[1] - a[1]).map(([value]) => value)
  const place = new Map(others.map((value, at) => [value, colours[at % colours.length]!]))
  for (let at = 0; at < pixels.data.length; at += 4) {
    const value = (pixels.data[at]! << 16) | (pixels.data[at + 1]! << 8) | pixels.data[at + 2]!
    const [red, green, blue] = place.get(value) ?? [0, 0, 0]
    pixels.data.set([red, green, blue, value === ground ? 0 : 255], at)
  }
  context.putImageData(pixels, 0, 0)
}
