import type { Dataset, DatasetVersion } from '@atoll/sdk'
import type { KeyboardEvent } from 'react'
import { useEffect, useRef, useState } from 'react'
import { atoll } from '../api.ts'
import { cx } from '../ui/cx.ts'
import { cell, whole } from '../ui/format.ts'
import { BoxOverlay, readBoxes } from './BoxOverlay.tsx'
import { ItemPanel } from './ItemPanel.tsx'
import type { MediaColumns } from './media-columns.ts'
import { useWindow } from './use-window.ts'

const tile = 132
const caption = 24
const gap = 8

/** Any number of images as a grid of which only the tiles in view exist. Arrow keys move, Enter opens. */
export function Gallery({
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
  const lineHeight = tile + caption + gap
  const { box, width, from, to } = useWindow(lineHeight)
  const [focus, setFocus] = useState(0)
  const [opened, setOpened] = useState<number | null>(null)
  const moved = useRef(false)
  const across = Math.max(2, Math.floor((width - gap) / (tile + gap)))
  const side = width > 0 ? Math.floor((width - gap * (across + 1)) / across) : tile
  const lines = Math.ceil(total / across)
  const first = from * across
  const last = Math.min(total, to * across)
  useEffect(() => onView(first, last), [first, last, onView])
  useEffect(() => {
    if (!moved.current) return
    moved.current = false
    const element = box.current
    const line = Math.floor(focus / across)
    if (element && line * lineHeight < element.scrollTop) element.scrollTop = line * lineHeight
    else if (element && (line + 1) * lineHeight > element.scrollTop + element.clientHeight)
      element.scrollTop = (line + 1) * lineHeight - element.clientHeight
    // The tile may only now come into being.
    requestAnimationFrame(() => element?.querySelector<HTMLElement>(`[data-tile="${focus}"]`)?.focus({ preventScroll: true }))
  }, [focus, across, lineHeight, box])

  const steps: Record<string, number> = {
    ArrowLeft: -1,
    ArrowRight: 1,
    ArrowUp: -across,
    ArrowDown: across,
    PageUp: -4 * across,
    PageDown: 4 * across,
  }
  const key = (event: KeyboardEvent) => {
    const next =
      event.key === 'Home'
        ? 0
        : event.key === 'End'
          ? total - 1
          : steps[event.key] === undefined
            ? null
            : focus + steps[event.key]!
    if (next === null || next < 0 || next >= total) return
    event.preventDefault()
    moved.current = true
    setFocus(next)
  }
  const at = (name: string | null | undefined) => version.columns.findIndex((column) => column.name === name)
  const places = {
    path: at(media.own.name),
    label: at(media.label?.name),
    boxes: at(media.boxes?.name),
    width: at(media.measured.width),
    height: at(media.measured.height),
  }
  return (
    <>
      <div
        ref={box}
        role="list"
        aria-label={`Images of ${dataset.name}`}
        className="h-[70vh] overflow-auto rounded-lg border bg-surface"
        onKeyDown={key}
      >
        <div className="relative" style={{ height: lines * lineHeight + gap }}>
          {Array.from({ length: Math.max(0, last - first) }, (_, n) => first + n).map((index) => {
            const cells = row(index)
            const path = cells ? String(cells[places.path] ?? '') : ''
            const label = cells && places.label >= 0 ? cell(cells[places.label]) : ''
            return (
              <div
                key={index}
                role="listitem"
                className="absolute"
                style={{
                  top: gap + Math.floor(index / across) * lineHeight,
                  left: gap + (index % across) * (side + gap),
                  width: side,
                }}
              >
                <button
                  type="button"
                  data-tile={index}
                  tabIndex={index === focus || (focus < first && index === first) ? 0 : -1}
                  title={path}
                  className="block w-full rounded-md text-left hover:bg-hover"
                  onFocus={() => setFocus(index)}
                  onClick={() => setOpened(index)}
                >
                  <span className="relative block overflow-hidden rounded-md bg-sunken" style={{ height: tile }}>
                    {path && (
                      <img
                        src={atoll.datasets.thumbnailUrl(dataset.id, { path, version: version.id, size: 264 })}
                        alt={label ? `${label}: ${path}` : path}
                        loading="lazy"
                        decoding="async"
                        className={cx(
                          'size-full object-contain',
                          Number(cells?.[places.width]) <= 64 && '[image-rendering:pixelated]',
                        )}
                      />
                    )}
                    {cells && places.boxes >= 0 && (
                      <BoxOverlay
                        boxes={readBoxes(cells[places.boxes])}
                        width={Number(cells[places.width])}
                        height={Number(cells[places.height])}
                      />
                    )}
                  </span>
                  <span className="block h-6 truncate px-1 text-xs leading-6 text-soft">{label || path.split('/').pop()}</span>
                </button>
              </div>
            )
          })}
        </div>
      </div>
      <p className="mt-1 text-xs text-faint">{whole(total)} images. Arrow keys move, Enter opens one.</p>
      {opened !== null && (
        <ItemPanel
          dataset={dataset}
          version={version}
          media={media}
          row={row(opened)}
          index={opened}
          total={total}
          onGo={(index) => {
            onView(index, index + 1)
            setOpened(index)
            setFocus(index)
          }}
          onClose={() => {
            moved.current = true
            setFocus(opened)
            setOpened(null)
          }}
        />
      )}
    </>
  )
}
