import { FileUp } from 'lucide-react'
import { useId, useState } from 'react'
import { buttonClass } from '../ui/Button.tsx'
import { cx } from '../ui/cx.ts'
import { type Sending, sendChosenFolder, sendDropped, sendFile } from './sending.ts'

/** The place to bring data: a file or folder of this computer, dropped or chosen. */
export function DropZone({
  onFile,
  title = 'Drop a table or a folder here',
  note,
  small = false,
}: {
  onFile: (file: Sending) => void
  title?: string
  note?: string
  /** Among other fields of a form. */
  small?: boolean
}) {
  const [over, setOver] = useState(false)
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: dropping is the second way; the button inside is the first
    <div
      className={cx(
        'flex flex-col items-center rounded-lg border border-dashed px-6 text-center',
        small ? 'py-4' : 'py-12',
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
        void sendDropped(event.dataTransfer).then((sending) => sending && onFile(sending))
      }}
    >
      {!small && <FileUp aria-hidden="true" className="mb-3 size-8 text-accent" />}
      <p className={small ? 'mb-2' : 'text-lg font-medium'}>{title}</p>
      <p className={cx('mt-0.5 mb-4 text-soft', small && 'sr-only')}>
        {note ??
          'CSV, TSV, Excel, Parquet or JSON lines; images or recordings as a folder or an archive (.zip, .tar.gz). Of any size: a broken upload goes on where it stopped.'}
      </p>
      <div className="flex flex-wrap justify-center gap-2">
        <Chooser look="primary" label="Choose a file" onChoice={(list) => list[0] && onFile(sendFile(list[0]))} />
        {!small && (
          <Chooser
            folder
            label="Choose a folder"
            onChoice={(list) => {
              const sending = sendChosenFolder(list)
              if (sending) onFile(sending)
            }}
          />
        )}
      </div>
    </div>
  )
}

function Chooser({
  label,
  folder,
  look,
  onChoice,
}: {
  label: string
  folder?: boolean
  look?: 'primary'
  onChoice: (list: FileList) => void
}) {
  const id = useId()
  return (
    <label
      htmlFor={id}
      className={cx(buttonClass(look), 'cursor-pointer has-focus-visible:outline-2 has-focus-visible:outline-offset-2')}
    >
      {label}
      <input
        id={id}
        type="file"
        className="sr-only"
        {...(folder && { webkitdirectory: '' })}
        onChange={(event) => event.target.files && onChoice(event.target.files)}
      />
    </label>
  )
}
