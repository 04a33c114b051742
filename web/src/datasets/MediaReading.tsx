import type { Detection, ReadOptions } from '@atoll/sdk'
import { SelectField } from '../ui/Field.tsx'
import { bytes, count } from '../ui/format.ts'

const words: Record<string, string> = {
  folders: 'folders are labels',
  table: 'a table names the files',
  coco: 'COCO boxes',
  voc: 'Pascal VOC boxes',
  yolo: 'YOLO boxes',
  masks: 'images and masks',
  files: 'only the files',
}

/** How a folder or archive of media says what its items are, and the other ways that fit. */
export function MediaReading({
  media,
  onChange,
}: {
  media: NonNullable<Detection['media']>
  onChange: (options: Partial<ReadOptions>) => void
}) {
  return (
    <div className="grid gap-3 md:grid-cols-[16rem_minmax(0,1fr)]">
      <SelectField
        label="Layout"
        value={media.layout}
        choices={media.layouts.map(({ layout }) => ({ value: layout, label: words[layout] ?? layout }))}
        onChange={(layout) => onChange({ layout: layout as ReadOptions['layout'] })}
      />
      <p className="self-end pb-1 text-soft">
        {media.sentence}{' '}
        <span className="num">
          {count(media.items, media.kind === 'image' ? 'image' : 'recording')}, {bytes(media.sizeBytes)}.
        </span>
      </p>
    </div>
  )
}
