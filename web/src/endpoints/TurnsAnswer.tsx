import { useEffect, useRef, useState } from 'react'
import { short } from '../ui/format.ts'
import { type Turn, Turns } from '../ui/Turns.tsx'

/** Who speaks when in the recording that was asked about: a time line, its player, and each turn in seconds. */
export function TurnsAnswer({ turns, sound }: { turns: readonly Turn[]; sound: File | null }) {
  const player = useRef<HTMLAudioElement>(null)
  const [url, setUrl] = useState<string | null>(null)
  const [length, setLength] = useState(0)
  const [at, setAt] = useState<number | null>(null)
  useEffect(() => {
    setAt(null)
    if (!sound) return setUrl(null)
    const made = URL.createObjectURL(sound)
    setUrl(made)
    return () => URL.revokeObjectURL(made)
  }, [sound])
  function seek(second: number) {
    const element = player.current
    if (!element) return
    element.currentTime = second
    void element.play().catch(() => setAt(second))
  }
  if (turns.length === 0) return null
  return (
    <div className="mt-3 space-y-3">
      {url && (
        // biome-ignore lint/a11y/useMediaCaption: who speaks stands below it
        <audio
          ref={player}
          controls
          src={url}
          aria-label="Player of the recording"
          className="w-full"
          onLoadedMetadata={({ currentTarget: { duration } }) => setLength(Number.isFinite(duration) ? duration : 0)}
          onTimeUpdate={({ currentTarget: { currentTime } }) => setAt(currentTime)}
        />
      )}
      <Turns turns={turns} seconds={length} label="Who speaks when" at={at} onSeek={url ? seek : undefined} />
      <details>
        <summary className="cursor-pointer text-sm text-soft">Each turn in seconds</summary>
        <table className="mt-2 w-full text-sm">
          <thead>
            <tr className="text-left text-faint">
              <th className="font-normal">Speaker</th>
              <th className="text-right font-normal">From</th>
              <th className="text-right font-normal">To</th>
            </tr>
          </thead>
          <tbody>
            {turns.map(({ start, end, speaker }) => (
              <tr key={`${speaker} ${start}`} className="border-t">
                <td className="py-1">{speaker}</td>
                <td className="num text-right">{short(start, 5)}</td>
                <td className="num text-right">{short(end, 5)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </details>
    </div>
  )
}
