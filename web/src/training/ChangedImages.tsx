import type { Dataset, ImagePreviewInput, TrainingInput } from '@atoll/sdk'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { atoll } from '../api.ts'
import { ClassMask } from '../places/ClassMask.tsx'
import { ObjectBoxes } from '../places/ObjectBoxes.tsx'
import { Button } from '../ui/Button.tsx'
import { ErrorNote, Skeleton } from '../ui/State.tsx'
import { useSettled } from '../ui/settled.ts'

/** What of the options decides how images look. */
const seen = ['imageSize', 'channels', 'fit', 'augment', 'mixup', 'column']
const clear: ReadonlySet<number> = new Set([0])

/** A few images as they are and as training would change them, made anew when the settings change. */
export function ChangedImages({
  dataset,
  task,
  target,
  options,
}: {
  dataset: Dataset
  task: TrainingInput['task']
  target: string | null
  options: Record<string, unknown>
}) {
  const [wanted, setWanted] = useState(false)
  const [seed, setSeed] = useState(7)
  const input: ImagePreviewInput = {
    dataset: dataset.id,
    task: task ?? null,
    target: task ? target : null,
    options: Object.fromEntries(Object.entries(options).filter(([name]) => seen.includes(name))),
    samples: 4,
    variants: 4,
    seed,
  }
  const settled = useSettled(JSON.stringify(input), 600)
  const preview = useQuery({
    queryKey: ['changed-images', settled],
    queryFn: () => atoll.training.previewImages(JSON.parse(settled) as ImagePreviewInput),
    enabled: wanted && (!task || Boolean(target)),
    placeholderData: keepPreviousData,
    staleTime: Number.POSITIVE_INFINITY,
    retry: false,
  })
  if (!wanted)
    return (
      <Button size="sm" className="mt-4" onClick={() => setWanted(true)}>
        Look at changed images
      </Button>
    )
  const { size = 64, classes = [], samples = [] } = preview.data ?? {}
  return (
    <div className="mt-4" aria-busy={preview.isFetching}>
      <div className="mb-2 flex flex-wrap items-center justify-between gap-2">
        <p className="text-sm text-soft">
          The first of each line is as it is{preview.data && `, ${size} × ${size} pixels as the network sees it`}.
          {preview.isFetching && ' Making them …'}
        </p>
        <Button size="sm" onClick={() => setSeed(seed + 1)} disabled={preview.isFetching}>
          Others
        </Button>
      </div>
      {preview.error ? (
        <ErrorNote error={preview.error} />
      ) : preview.data ? (
        <ul className="space-y-2">
          {samples.map(({ item, images, objects, masks }) => (
            <li key={item} className="grid grid-cols-5 gap-1.5" aria-label={item}>
              {images.map((src, at) => (
                <div key={at} className="relative aspect-square overflow-hidden rounded-md border bg-sunken">
                  <img
                    src={src}
                    alt={at === 0 ? `${item}, as it is` : `${item}, changed, variant ${at}`}
                    className="absolute inset-0 size-full object-contain"
                    style={size <= 128 ? { imageRendering: 'pixelated' } : undefined}
                  />
                  {objects?.[at] && <ObjectBoxes objects={objects[at]} classes={classes} width={size} height={size} />}
                  {masks?.[at] && <ClassMask src={masks[at]} hidden={clear} label={`Mask of ${item}`} />}
                </div>
              ))}
            </li>
          ))}
        </ul>
      ) : (
        <Skeleton className="h-64" />
      )}
    </div>
  )
}
