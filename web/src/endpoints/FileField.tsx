import { useEffect, useState } from 'react'
import { Button } from '../ui/Button.tsx'
import { cx } from '../ui/cx.ts'
import { Field } from '../ui/Field.tsx'
import { bytes } from '../ui/format.ts'

const accepts = { image: 'image/jpeg,image/png,image/webp,image/gif,image/tiff', audio: 'audio/wav,audio/x-wav,.wav' }

interface FileFieldProps {
  label: string
  kind: 'image' | 'audio'
  hint: string
  value: File | null
  onChange: (file: File | null) => void
}

/** An image or a sound to ask about: chosen, dropped or pasted; shown as a picture, or to be played. */
export function FileField({ label, kind, hint, value, onChange }: FileFieldProps) {
  const [isOver, setOver] = useState(false)
  const url = useObjectUrl(value)
  return (
    <div className="col-span-full">
      <Field label={label} hint={hint}>
        {(ids) => (
          // biome-ignore lint/a11y/noStaticElementInteractions: the file chooser inside does the same by keyboard.
          <div
            className={cx('rounded-md border border-dashed p-3', isOver && 'border-accent bg-sunken')}
            onDragOver={(event) => {
              event.preventDefault()
              setOver(true)
            }}
            onDragLeave={() => setOver(false)}
            onDrop={(event) => {
              event.preventDefault()
              setOver(false)
              const [file] = event.dataTransfer.files
              if (file) onChange(file)
            }}
            onPaste={(event) => {
              const [file] = event.clipboardData.files
              if (file) onChange(file)
            }}
          >
            <input
              {...ids}
              type="file"
              accept={accepts[kind]}
              className="w-full cursor-pointer text-sm text-soft file:mr-3 file:cursor-pointer file:rounded-md file:border file:border-strong file:bg-surface file:px-2.5 file:py-1 file:text-ink"
              onChange={(event) => onChange(event.target.files?.[0] ?? null)}
            />
            {value && url && (
              <div className="mt-3 flex flex-wrap items-end gap-3">
                {kind === 'image' ? (
                  <img
                    src={url}
                    alt={`Preview of ${value.name}`}
                    className="max-h-56 min-h-20 max-w-full rounded-sm border object-contain"
                  />
                ) : (
                  // biome-ignore lint/a11y/useMediaCaption: a clip that is only asked about has no captions.
                  <audio controls src={url} aria-label={`Player of ${value.name}`} className="w-full max-w-md" />
                )}
                <div className="min-w-0 text-xs text-faint">
                  <p className="truncate">
                    {value.name}, {bytes(value.size)}
                  </p>
                  <Button size="sm" type="button" className="mt-1" onClick={() => onChange(null)}>
                    Take away
                  </Button>
                </div>
              </div>
            )}
          </div>
        )}
      </Field>
    </div>
  )
}

function useObjectUrl(file: File | null): string | null {
  const [url, setUrl] = useState<string | null>(null)
  useEffect(() => {
    if (!file) return setUrl(null)
    const made = URL.createObjectURL(file)
    setUrl(made)
    return () => URL.revokeObjectURL(made)
  }, [file])
  return url
}
