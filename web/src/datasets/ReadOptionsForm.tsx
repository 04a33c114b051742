import type { Detection, ReadOptions } from '@atoll/sdk'
import { Check, SelectField, TextField } from '../ui/Field.tsx'

const delimiters = [
  { value: ',', label: 'comma  ,' },
  { value: ';', label: 'semicolon  ;' },
  { value: '\t', label: 'tab' },
  { value: '|', label: 'pipe  |' },
  { value: ' ', label: 'space' },
]
const encodings = [
  'utf-8',
  'utf-16le',
  'utf-16be',
  'windows-1252',
  'iso-8859-1',
  'iso-8859-2',
  'windows-1250',
  'windows-1251',
  'macroman',
  'shift_jis',
  'gb18030',
  'big5',
  'euc-kr',
]

/** How the file is read, as detected; what is changed here is read again. */
export function ReadOptionsForm({
  detection,
  options,
  onChange,
}: {
  detection: Detection
  options: Partial<ReadOptions>
  onChange: (options: Partial<ReadOptions>) => void
}) {
  const now = { ...detection.options, ...options }
  const set = (part: Partial<ReadOptions>) => onChange({ ...options, ...part })
  const withDetected = (list: string[], value: string | undefined) =>
    value && !list.some((one) => one.toLowerCase() === value.toLowerCase()) ? [value, ...list] : list
  if (now.format === 'parquet' || now.format === 'jsonl') {
    return (
      <p className="text-soft">
        {now.format === 'parquet' ? 'Parquet carries its own types; nothing needs choosing.' : 'One JSON object a line.'}
      </p>
    )
  }
  if (now.format === 'excel') {
    return (
      <div className="grid grid-cols-2 gap-3 md:grid-cols-4">
        <SelectField
          label="Sheet"
          value={now.sheet ?? detection.sheets?.[0] ?? ''}
          choices={detection.sheets ?? []}
          onChange={(sheet) => set({ sheet })}
        />
        <Check
          className="mt-7"
          label="First row holds the names"
          checked={now.header ?? true}
          onChange={(header) => set({ header })}
        />
      </div>
    )
  }
  return (
    <div className="grid grid-cols-2 gap-3 md:grid-cols-4 xl:grid-cols-6">
      <SelectField
        label="Delimiter"
        value={now.delimiter ?? ','}
        choices={
          delimiters.some((one) => one.value === (now.delimiter ?? ','))
            ? delimiters
            : [{ value: now.delimiter ?? ',', label: now.delimiter ?? ',' }, ...delimiters]
        }
        onChange={(delimiter) => set({ delimiter })}
      />
      <SelectField
        label="Encoding"
        value={encodings.find((one) => one.toLowerCase() === now.encoding?.toLowerCase()) ?? now.encoding ?? 'utf-8'}
        choices={withDetected(encodings, now.encoding)}
        onChange={(encoding) => set({ encoding })}
      />
      <SelectField
        label="Quote"
        value={now.quote ?? '"'}
        choices={[
          { value: '"', label: 'double  "' },
          { value: "'", label: "single  '" },
          { value: '', label: 'none' },
        ]}
        onChange={(quote) => set({ quote })}
      />
      <TextField
        label="Date format"
        placeholder="as detected"
        value={now.dateFormat ?? ''}
        onChange={(event) => set({ dateFormat: event.target.value || undefined })}
      />
      <TextField
        label="Missing is written as"
        placeholder="empty, NA, ?"
        defaultValue={now.nullValues?.join(', ') ?? ''}
        onBlur={(event) => {
          const nullValues = event.target.value
            .split(',')
            .map((one) => one.trim())
            .filter(Boolean)
          if (nullValues.join() !== (now.nullValues ?? []).join()) set({ nullValues: nullValues.length ? nullValues : undefined })
        }}
      />
      <div className="flex flex-col justify-end gap-1 pb-1">
        <Check label="First row holds the names" checked={now.header ?? true} onChange={(header) => set({ header })} />
        <Check label="Decimal comma" checked={now.decimalComma ?? false} onChange={(decimalComma) => set({ decimalComma })} />
      </div>
    </div>
  )
}
