import type { Signature } from '@atoll/sdk'
import { useId } from 'react'
import { NumberField, SelectField, TextareaField, TextField } from '../ui/Field.tsx'
import { count, short } from '../ui/format.ts'
import { FileField } from './FileField.tsx'

export type Row = Record<string, unknown>
type Input = Signature['inputs'][number]

/** A row as the signature's examples fill it. */
export const exampleRow = (signature: Signature): Row =>
  Object.fromEntries(signature.inputs.map((input) => [input.name, isFileInput(input) ? null : (input.example ?? null)]))

/** A form made from the signature: one control for each raw column. */
export function RowForm({ signature, row, onChange }: { signature: Signature; row: Row; onChange: (row: Row) => void }) {
  return (
    <div className="grid gap-x-4 gap-y-3 sm:grid-cols-2 xl:grid-cols-3">
      {signature.inputs.map((input) => (
        <InputField
          key={input.name}
          input={input}
          value={row[input.name]}
          onChange={(value) => onChange({ ...row, [input.name]: value })}
        />
      ))}
    </div>
  )
}

export const isFileInput = ({ tensor }: Input): boolean => tensor === 'image' || tensor === 'audio'

function InputField({ input, value, onChange }: { input: Input; value: unknown; onChange: (value: unknown) => void }) {
  const list = useId()
  if (input.tensor === 'image' || input.tensor === 'audio')
    return (
      <FileField
        label={input.name}
        kind={input.tensor}
        hint={
          input.tensor === 'image'
            ? `JPEG, PNG, WebP, GIF or TIFF; the model sees it at ${input.size?.join(' x ') ?? 'its own size'}.`
            : `A WAV file; the model hears it at ${count(input.sampleRate ?? 16000, 'sample')} a second.`
        }
        value={value instanceof File ? value : null}
        onChange={onChange}
      />
    )
  if (input.tensor === 'tokens')
    return (
      <TextareaField
        label={input.name}
        wrap="col-span-full"
        rows={7}
        hint={`The model reads the first ${count(input.maxLength ?? 512, 'token')}.`}
        value={typeof value === 'string' ? value : ''}
        onChange={(event) => onChange(event.target.value === '' ? null : event.target.value)}
      />
    )
  const missing = value === null || value === undefined || value === ''
  if (input.type === 'boolean') {
    return (
      <SelectField
        label={input.name}
        value={missing ? '' : String(value)}
        choices={[...(input.nullable || missing ? [{ value: '', label: 'missing' }] : []), 'true', 'false']}
        onChange={(text) => onChange(text === '' ? null : text === 'true')}
      />
    )
  }
  if (input.tensor === 'numbers' && input.type !== 'datetime') {
    const outside =
      typeof value === 'number' && ((input.min != null && value < input.min) || (input.max != null && value > input.max))
    return (
      <NumberField
        label={input.name}
        value={typeof value === 'number' ? value : null}
        step={input.type === 'integer' ? 1 : 'any'}
        placeholder="missing"
        hint={
          input.min != null && input.max != null
            ? `${outside ? 'outside what training saw: ' : ''}${short(input.min)} to ${short(input.max)}`
            : undefined
        }
        onChange={onChange}
      />
    )
  }
  const categories = input.categories ?? []
  if (categories.length > 0 && categories.length <= 60 && !input.categoriesTruncated) {
    return (
      <SelectField
        label={input.name}
        value={missing ? '' : String(value)}
        choices={[
          { value: '', label: 'missing' },
          ...(missing || categories.includes(String(value)) ? [] : [String(value)]),
          ...categories,
        ]}
        onChange={(text) => onChange(text === '' ? null : text)}
      />
    )
  }
  return (
    <>
      <TextField
        label={input.name}
        list={categories.length ? list : undefined}
        placeholder="missing"
        value={missing ? '' : String(value)}
        onChange={(event) => onChange(event.target.value === '' ? null : event.target.value)}
      />
      {categories.length > 0 && (
        <datalist id={list}>
          {categories.map((category) => (
            <option key={category} value={category} />
          ))}
        </datalist>
      )}
    </>
  )
}
