import type { Dataset, DatasetVersion } from '@atoll/sdk'
import { Pause, Play } from 'lucide-react'
import { useEffect, useRef, useState } from 'react'
import { atoll } from '../api.ts'
import { IconButton } from '../ui/Button.tsx'
import { cell, short, whole } from '../ui/format.ts'
import type { MediaColumns } from './media-columns.ts'
import { useWindow } from './use-window.ts'
import { Waveform } from './Waveform.tsx'

const lineHeight = 76

/** Recordings as rows with their wave and what is said of them. One plays at a time; Space plays the one in focus. */
export function Recordings({
  dataset,
  version,
  media,
  total,
  row,
  onView,
}: {
  dataset: Dataset
  version: DatasetVersion
  media: MediaColumns
  total: number
  row: (index: number) => readonly unknown[] | null
  onView: (from: number, to: number) => void
}) {
  const { box, from, to } = useWindow(lineHeight)
  const player = useRef<HTMLAudioElement>(null)
  const [playing, setPlaying] = useState<{ path: string; share: number; paused: boolean } | null>(null)
  const last = Math.min(total, to)
  useEffect(() => onView(from, last), [from, last, onView])
  const at = (name: string | null | undefined) => version.columns.findIndex((column) => column.name === name)
  const places = { path: at(media.own.name), seconds: at(media.measured.seconds), bytes: at('bytes') }
  const technical = new Set([media.own.name, 'seconds', 'sample_rate', 'channels', 'bytes', 'copy_group', media.measured.seconds])
  const told = version.columns
    .map((column, place) => ({ column, place }))
    .filter(({ column }) => !technical.has(column.name))
    .slice(0, 5)
  const urlOf = (path: string) => atoll.datasets.itemUrl(dataset.id, { path, version: version.id })

  function play(path: string, share?: number): void {
    const element = player.current
    if (!element) return
    const isOther = playing?.path !== path
    if (isOther) element.src = urlOf(path)
    if (share === undefined && !isOther && !element.paused) {
      element.pause()
      return
    }
    const seek = () => {
      if (share !== undefined && Number.isFinite(element.duration)) element.currentTime = share * element.duration
    }
    if (isOther) element.addEventListener('loadedmetadata', seek, { once: true })
    else seek()
    setPlaying({ path, share: share ?? (isOther ? 0 : (playing?.share ?? 0)), paused: false })
    void element.play().catch(() => setPlaying({ path, share: 0, paused: true }))
  }

  return (
    <>
      {/* biome-ignore lint/a11y/useMediaCaption: what was said stands in the row where it is known */}
      <audio
        ref={player}
        onTimeUpdate={({ currentTarget: { currentTime, duration } }) =>
          setPlaying((now) => now && { ...now, share: duration ? currentTime / duration : 0 })
        }
        onPause={() => setPlaying((now) => now && { ...now, paused: true })}
        onPlay={() => setPlaying((now) => now && { ...now, paused: false })}
      />
      <div
        ref={box}
        role="list"
        aria-label={`Recordings of ${dataset.name}`}
        className="h-[70vh] overflow-auto rounded-lg border bg-surface"
      >
        <div className="relative" style={{ height: total * lineHeight }}>
          {Array.from({ length: Math.max(0, last - from) }, (_, n) => from + n).map((index) => {
            const cells = row(index)
            const path = cells ? String(cells[places.path] ?? '') : ''
            const isPlaying = playing?.path === path && path !== '' && !playing.paused
            return (
              <div
                key={index}
                role="listitem"
                className="absolute inset-x-0 grid grid-cols-[auto_minmax(0,3fr)_minmax(0,2fr)] items-center gap-3 border-b px-3"
                style={{ top: index * lineHeight, height: lineHeight }}
              >
                <IconButton label={`${isPlaying ? 'Pause' : 'Play'} ${path}`} onClick={() => path && play(path)}>
                  {isPlaying ? <Pause aria-hidden="true" className="size-4" /> : <Play aria-hidden="true" className="size-4" />}
                </IconButton>
                <div className="min-w-0">
                  {path ? (
                    <Waveform
                      src={urlOf(path)}
                      sizeBytes={Number(cells?.[places.bytes] ?? 0)}
                      share={playing?.path === path ? playing.share : 0}
                      label={`Wave of ${path}`}
                      onSeek={(share) => play(path, share)}
                    />
                  ) : (
                    <div className="h-10" />
                  )}
                  <p className="flex gap-2 text-xs text-faint">
                    <span className="truncate" title={path}>
                      {path}
                    </span>
                    {places.seconds >= 0 && cells && (
                      <span className="num ml-auto shrink-0">{short(Number(cells[places.seconds]), 3)} s</span>
                    )}
                  </p>
                </div>
                <p className="line-clamp-3 min-w-0 text-sm break-words">
                  {told.map(({ column, place }) =>
                    cells?.[place] == null ? null : (
                      <span key={column.name} className="mr-3">
                        <span className="text-faint">{column.name}</span> {cell(cells[place])}
                      </span>
                    ),
                  )}
                </p>
              </div>
            )
          })}
        </div>
      </div>
      <p className="mt-1 text-xs text-faint">{whole(total)} recordings. A click in a wave plays from there.</p>
    </>
  )
}
