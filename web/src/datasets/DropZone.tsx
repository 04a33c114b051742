import { FileUp } from 'lucide-react'
import { useId, useState } from 'react'
import { buttonClass } from '../ui/Button.tsx'
import { cx } from '../ui/cx.ts'

export function DropZone({ onFile, note }: { onFile: (file: File) => void; note?: string }) {
  const id = useId()
  const [over, setOver] = useState(false)
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: dropping is the second way; the button inside is the first
    <div
      className={cx(
        'flex flex-col items-center rounded-lg border border-dashed px-6 py-12 text-center',
        over ? 'border-accent bg-accent-soft' : 'border-strong bg-surface',
      )}
      onDragOver={(event) => {
        event.preventDefault()
        setOver(true)
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        event.preventDefault()
        setOver(false)
        const file = event.dataTransfer.files[0]
        if (file) onFile(file)
      }}
    >
      <FileUp aria-hidden="true" className="mb-3 size-8 text-accent" />
      <p className="text-lg font-medium">Drop a table here</p>
      <p className="mt-0.5 mb-4 text-soft">
        {note ?? 'CSV, TSV, Excel, Parquet or JSON lines, of any size. A broken upload goes on where it stopped.'}
      </p>
      <label
        htmlFor={id}
        className={cx(buttonClass('primary'), 'cursor-pointer has-focus-visible:outline-2 has-focus-visible:outline-offset-2')}
      >
        Choose a file
        <input
          id={id}
          type="file"
          className="sr-only"
          onChange={(event) => {
            const file = event.target.files?.[0]
            if (file) onFile(file)
          }}
        />
      </label>
    </div>
  )
}
