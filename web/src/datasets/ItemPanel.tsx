import type { Dataset, DatasetVersion } from '@atoll/sdk'
import { ChevronLeft, ChevronRight } from 'lucide-react'
import { useEffect, useState } from 'react'
import { atoll } from '../api.ts'
import { Button, buttonClass } from '../ui/Button.tsx'
import { Check } from '../ui/Field.tsx'
import { bytes, cell, whole } from '../ui/format.ts'
import { SidePanel } from '../ui/SidePanel.tsx'
import { BoxOverlay, readBoxes } from './BoxOverlay.tsx'
import { MaskOverlay } from './MaskOverlay.tsx'
import type { MediaColumns } from './media-columns.ts'

/** One image in full, with what is known of it; arrow keys go to its neighbours. */
export function ItemPanel({
  dataset,
  version,
  media,
  row,
  index,
  total,
  onGo,
  onClose,
}: {
  dataset: Dataset
  version: DatasetVersion
  media: MediaColumns
  row: readonly unknown[] | null
  index: number
  total: number
  onGo: (index: number) => void
  onClose: () => void
}) {
  const [overlay, setOverlay] = useState(true)
  useEffect(() => {
    const key = (event: KeyboardEvent) => {
      if (event.key === 'ArrowLeft' && index > 0) onGo(index - 1)
      if (event.key === 'ArrowRight' && index < total - 1) onGo(index + 1)
    }
    window.addEventListener('keydown', key)
    return () => window.removeEventListener('keydown', key)
  }, [index, total, onGo])
  const value = (name: string | null | undefined) => {
    const at = name ? version.columns.findIndex((column) => column.name === name) : -1
    return at < 0 ? null : (row?.[at] ?? null)
  }
  const path = String(value(media.own.name) ?? '')
  const url = (item: string) => atoll.datasets.itemUrl(dataset.id, { path: item, version: version.id })
  const boxes = readBoxes(value(media.boxes?.name))
  const mask = media.masks.map(({ name }) => value(name)).find((one) => typeof one === 'string') as string | undefined
  const hasOverlay = boxes.length > 0 || mask !== undefined
  const hidden = new Set([media.own.name, media.boxes?.name])
  return (
    <SidePanel open wide title={path || '…'} onClose={onClose}>
      <div className="relative grid h-[56vh] place-items-center overflow-hidden rounded-lg border bg-sunken">
        {path && (
          <img
            key={path}
            src={thumbnailOf(dataset, version, path)}
            alt={`${path}${media.label ? `, ${media.label.name} ${cell(value(media.label.name))}` : ''}`}
            className="absolute inset-0 size-full object-contain [image-rendering:auto]"
            style={Number(value(media.measured.width)) <= 128 ? { imageRendering: 'pixelated' } : undefined}
          />
        )}
        {overlay && mask && <MaskOverlay src={url(mask)} label={`Mask of ${path}`} />}
        {overlay && (
          <BoxOverlay
            names
            boxes={boxes}
            width={Number(value(media.measured.width))}
            height={Number(value(media.measured.height))}
          />
        )}
      </div>
      <div className="mt-3 flex flex-wrap items-center gap-2">
        <Button
          size="sm"
          disabled={index === 0}
          onClick={() => onGo(index - 1)}
          icon={<ChevronLeft aria-hidden="true" className="size-4" />}
        >
          Previous
        </Button>
        <Button size="sm" disabled={index >= total - 1} onClick={() => onGo(index + 1)}>
          Next <ChevronRight aria-hidden="true" className="size-4" />
        </Button>
        <span className="num text-sm text-soft">
          {whole(index + 1)} of {whole(total)}
        </span>
        {hasOverlay && <Check label="Show what is marked" checked={overlay} onChange={setOverlay} />}
        {path && (
          <a href={url(path)} download={path.split('/').pop()} className={buttonClass('plain', 'sm', 'ml-auto')}>
            Download
          </a>
        )}
      </div>
      <dl className="mt-4 grid grid-cols-[auto_minmax(0,1fr)] gap-x-6 gap-y-1">
        {version.columns.map((column, at) =>
          hidden.has(column.name) ? null : (
            <div key={column.name} className="contents">
              <dt className="text-soft">{column.name}</dt>
              <dd className="num break-words">
                {row?.[at] == null ? '–' : /bytes$/.test(column.name) ? bytes(Number(row[at])) : cell(row[at])}
              </dd>
            </div>
          ),
        )}
        {boxes.length > 0 && (
          <div className="contents">
            <dt className="text-soft">marked</dt>
            <dd>{boxes.map(({ label }) => label).join(', ')}</dd>
          </div>
        )}
      </dl>
    </SidePanel>
  )
}

/** Large enough for the panel, small enough for any picture, in a form that every browser shows. */
const thumbnailOf = (dataset: Dataset, version: DatasetVersion, path: string) =>
  atoll.datasets.thumbnailUrl(dataset.id, { path, version: version.id, size: 1024 })
