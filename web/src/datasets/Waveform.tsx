import { useEffect, useRef, useState } from 'react'

const mostBytes = 20_000_000
const bars = 160
let audio: OfflineAudioContext | null = null

/** The loudness of a recording over its time, drawn when it comes into view; a click goes to that moment. */
export function Waveform({
  src,
  sizeBytes,
  share,
  label,
  onSeek,
}: {
  src: string
  sizeBytes: number
  share: number
  label: string
  onSeek: (share: number) => void
}) {
  const [peaks, setPeaks] = useState<number[] | null>(null)
  const [why, setWhy] = useState('')
  const box = useRef<HTMLDivElement>(null)
  useEffect(() => {
    const element = box.current
    if (!element) return
    setPeaks(null)
    setWhy(sizeBytes > mostBytes ? 'too long to draw; it can be played' : '')
    if (sizeBytes > mostBytes) return
    const stop = new AbortController()
    const seen = new IntersectionObserver(([entry]) => {
      if (!entry?.isIntersecting) return
      seen.disconnect()
      draw(src, stop.signal).then(setPeaks, () => !stop.signal.aborted && setWhy('this browser cannot draw it'))
    })
    seen.observe(element)
    return () => {
      stop.abort()
      seen.disconnect()
    }
  }, [src, sizeBytes])
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the slider of the player does the same by keys
    <div
      ref={box}
      role="img"
      aria-label={label}
      className="h-10 min-w-0 cursor-pointer"
      onClick={(event) => {
        const { left, width } = event.currentTarget.getBoundingClientRect()
        onSeek((event.clientX - left) / width)
      }}
    >
      {peaks ? (
        <svg viewBox={`0 0 ${bars} 40`} preserveAspectRatio="none" className="size-full" aria-hidden="true">
          {peaks.map((peak, at) => (
            <rect
              // biome-ignore lint/suspicious/noArrayIndexKey: a bar is its place
              key={at}
              x={at + 0.15}
              width={0.7}
              y={20 - Math.max(0.6, peak * 19)}
              height={2 * Math.max(0.6, peak * 19)}
              className={at / bars < share ? 'fill-accent' : 'fill-faint'}
            />
          ))}
        </svg>
      ) : (
        <span className="grid h-full place-items-center text-xs text-faint">{why}</span>
      )}
    </div>
  )
}

async function draw(src: string, signal: AbortSignal): Promise<number[]> {
  const response = await fetch(src, { signal, credentials: 'same-origin' })
  audio ??= new OfflineAudioContext(1, 1, 22_050)
  const sound = await audio.decodeAudioData(await response.arrayBuffer())
  const samples = sound.getChannelData(0)
  const step = Math.max(1, Math.floor(samples.length / bars))
  const peaks = Array.from({ length: bars }, (_, bar) => {
    let most = 0
    for (let at = bar * step; at < Math.min(samples.length, (bar + 1) * step); at++) most = Math.max(most, Math.abs(samples[at]!))
    return most
  })
  const loudest = Math.max(...peaks, 0.01)
  return peaks.map((peak) => peak / loudest)
}
