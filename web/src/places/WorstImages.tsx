import type { ModelVersion } from '@atoll/sdk'
import { useMemo, useState } from 'react'
import { atoll } from '../api.ts'
import { Button } from '../ui/Button.tsx'
import { fixed } from '../ui/format.ts'
import { Section } from '../ui/Page.tsx'
import { ClassMask } from './ClassMask.tsx'
import { ObjectBoxes, type SeenObject } from './ObjectBoxes.tsx'
import { Swatch } from './Swatch.tsx'

/** evaluation.json (docs/job-contract.md): sealed images with what is in them and what was found, the worst first. */
export interface PlacesEvidence {
  task: 'detection' | 'segmentation'
  images: {
    row: number
    item: string
    width: number
    height: number
    score: number
    actual: SeenObject[] | string
    predicted: SeenObject[] | string
  }[]
}

const first = 6

/** Sealed images side by side with the truth and the answer, the worst first. */
export function WorstImages({
  version,
  places,
  matrix,
}: {
  version: ModelVersion
  places: PlacesEvidence
  /** Pixels by class, of masks: what most of all images is stays clear. */
  matrix: readonly (readonly number[])[]
}) {
  const [shown, setShown] = useState(first)
  const classes = version.signature.classes ?? []
  const clear = useMemo(() => {
    const pixels = matrix.map((row) => row.reduce((sum, one) => sum + one, 0))
    return new Set([pixels.indexOf(Math.max(...pixels))])
  }, [matrix])
  const measure = places.task === 'detection' ? 'F1' : 'mean IoU'
  return (
    <Section
      title="Sealed images, the worst first"
      note={`Left what is there, right what was found; ${measure} of each image.`}
      actions={
        <ul className="flex flex-wrap gap-x-3 gap-y-1 text-sm text-soft" aria-label="Colours of the classes">
          {classes.slice(0, 12).map((name, k) => (
            <li key={name} className="flex items-center gap-1.5">
              <Swatch index={k} /> {name}
            </li>
          ))}
        </ul>
      }
    >
      <ul className="grid gap-4 md:grid-cols-2 2xl:grid-cols-3">
        {places.images.slice(0, shown).map((one) => (
          <li key={one.row} className="min-w-0">
            <div className="grid grid-cols-2 gap-1">
              {(['actual', 'predicted'] as const).map((side) => (
                <figure key={side} className="min-w-0">
                  <div className="relative aspect-square overflow-hidden rounded-md border bg-sunken">
                    <img
                      src={atoll.datasets.thumbnailUrl(version.dataset, {
                        path: one.item,
                        version: version.datasetVersion,
                        size: 512,
                      })}
                      alt={`${one.item}: ${side === 'actual' ? 'what is there' : 'what was found'}${said(one[side])}`}
                      loading="lazy"
                      className="absolute inset-0 size-full object-contain"
                    />
                    {typeof one[side] === 'string' ? (
                      <ClassMask src={one[side]} hidden={clear} label={side === 'actual' ? 'True mask' : 'Predicted mask'} />
                    ) : (
                      <ObjectBoxes objects={one[side]} classes={classes} width={one.width} height={one.height} />
                    )}
                  </div>
                </figure>
              ))}
            </div>
            <p className="mt-1 flex justify-between gap-2 text-sm">
              <span className="truncate text-soft" title={one.item}>
                {one.item}
              </span>
              <span className="num shrink-0">
                {measure} {fixed(one.score, 2)}
              </span>
            </p>
          </li>
        ))}
      </ul>
      {shown < places.images.length && (
        <Button size="sm" className="mt-3" onClick={() => setShown(places.images.length)}>
          Show {places.images.length - shown} more
        </Button>
      )}
    </Section>
  )
}

const said = (side: SeenObject[] | string): string =>
  typeof side === 'string' ? '' : `, ${side.length === 0 ? 'nothing' : side.map(({ label }) => label).join(', ')}`
