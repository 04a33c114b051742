import type { Prediction, Signature } from '@atoll/sdk'
import { useEffect, useMemo, useState } from 'react'
import { Check } from '../ui/Field.tsx'
import { count, percent, whole } from '../ui/format.ts'
import { ClassMask } from './ClassMask.tsx'
import { ObjectBoxes } from './ObjectBoxes.tsx'
import { Swatch } from './Swatch.tsx'

/** The picture that was asked about with what was found in it, and the same as a list. */
export function FoundInImage({ file, prediction, signature }: { file: File; prediction: Prediction; signature: Signature }) {
  const src = useFileUrl(file)
  const [natural, setNatural] = useState({ width: 0, height: 0 })
  const [pointed, setPointed] = useState<number | null>(null)
  const classes = signature.classes ?? []
  const { objects, mask, areas = {} } = prediction
  const ground = largest(classes, areas)
  const [shown, setShown] = useState<ReadonlySet<number> | null>(null)
  const hidden = useMemo(
    () => new Set(classes.map((_, k) => k).filter((k) => (shown ? !shown.has(k) : k === ground))),
    [classes, shown, ground],
  )
  return (
    <div className="mt-2 space-y-3">
      <div className="relative grid h-80 place-items-center overflow-hidden rounded-lg border bg-sunken">
        {src && (
          <img
            src={src}
            alt={`${file.name}, ${objects ? `${count(objects.length, 'object')} found` : 'its regions coloured by class'}`}
            className="absolute inset-0 size-full object-contain"
            onLoad={({ currentTarget: { naturalWidth, naturalHeight } }) =>
              setNatural({ width: naturalWidth, height: naturalHeight })
            }
          />
        )}
        {objects && <ObjectBoxes objects={objects} classes={classes} {...natural} pointed={pointed} />}
        {mask && <ClassMask src={mask} hidden={hidden} label="What each part of the image belongs to" />}
      </div>
      {objects && objects.length === 0 && <p className="text-soft">Nothing was found that the model is sure enough of.</p>}
      {objects && objects.length > 0 && (
        <table className="w-full text-sm">
          <caption className="sr-only">Objects found, the surest first</caption>
          <thead className="text-faint">
            <tr>
              {['Object', 'Sure', 'From', 'Size'].map((title, at) => (
                <th key={title} scope="col" className={`border-b py-1 font-medium ${at === 0 ? 'text-left' : 'text-right'}`}>
                  {title}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {objects.map(({ label, score, box: [x, y, w, h] }, at) => (
              <tr
                key={at}
                onPointerEnter={() => setPointed(at)}
                onPointerLeave={() => setPointed(null)}
                className="hover:bg-sunken"
              >
                <th scope="row" className="border-b py-1 text-left font-normal">
                  <Swatch index={classes.indexOf(label)} /> {label}
                </th>
                <td className="num border-b py-1 text-right">{percent(score, 1)}</td>
                <td className="num border-b py-1 text-right">
                  {whole(Math.round(x))}, {whole(Math.round(y))}
                </td>
                <td className="num border-b py-1 text-right">
                  {whole(Math.round(w))} × {whole(Math.round(h))}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {mask && (
        <fieldset>
          <legend className="mb-1 text-sm font-medium text-soft">Classes, and their share of the image</legend>
          <div className="grid gap-1 sm:grid-cols-2">
            {classes.map((name, k) => (
              <div key={name} className="flex items-center gap-2">
                <Swatch index={k} />
                <Check
                  label={`${name}, ${percent(areas[name] ?? 0, 1)}`}
                  checked={!hidden.has(k)}
                  onChange={(on) => {
                    const next = new Set(classes.map((_, at) => at).filter((at) => !hidden.has(at)))
                    if (on) next.add(k)
                    else next.delete(k)
                    setShown(next)
                  }}
                />
              </div>
            ))}
          </div>
        </fieldset>
      )}
    </div>
  )
}

/** What most of the image is stays clear at first. */
function largest(classes: readonly string[], areas: Record<string, number>): number {
  let most = 0
  classes.forEach((name, k) => {
    if ((areas[name] ?? 0) > (areas[classes[most]!] ?? 0)) most = k
  })
  return most
}

function useFileUrl(file: File): string | null {
  const [url, setUrl] = useState<string | null>(null)
  useEffect(() => {
    const made = URL.createObjectURL(file)
    setUrl(made)
    return () => URL.revokeObjectURL(made)
  }, [file])
  return url
}
