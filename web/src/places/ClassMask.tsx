import { useEffect, useRef, useState } from 'react'
import { colourOf } from './colours.ts'

/** A mask whose pixels are numbers of classes, over the picture that it is of; hidden classes are clear. */
export function ClassMask({ src, hidden, label }: { src: string; hidden: ReadonlySet<number>; label: string }) {
  const canvas = useRef<HTMLCanvasElement>(null)
  const [image, setImage] = useState<HTMLImageElement | null>(null)
  useEffect(() => {
    const loading = new Image()
    loading.onload = () => setImage(loading)
    loading.src = src
    return () => {
      loading.onload = null
    }
  }, [src])
  useEffect(() => {
    if (image && canvas.current) paint(canvas.current, image, hidden)
  }, [image, hidden])
  return (
    <canvas
      ref={canvas}
      role="img"
      aria-label={label}
      className="pointer-events-none absolute inset-0 size-full object-contain opacity-60"
    />
  )
}

function paint(canvas: HTMLCanvasElement, image: HTMLImageElement, hidden: ReadonlySet<number>): void {
  canvas.width = image.naturalWidth
  canvas.height = image.naturalHeight
  const context = canvas.getContext('2d')
  if (!context || canvas.width === 0) return
  context.drawImage(image, 0, 0)
  const pixels = context.getImageData(0, 0, canvas.width, canvas.height)
  for (let at = 0; at < pixels.data.length; at += 4) {
    const kind = pixels.data[at]!
    const [red, green, blue] = colourOf(kind)
    // 255 is what nobody knows.
    pixels.data.set([red, green, blue, kind === 255 || hidden.has(kind) ? 0 : 255], at)
  }
  context.putImageData(pixels, 0, 0)
}
