import { useId, useState } from 'react'
import { Check, NumberField, SelectField, TextareaField, TextField } from './Field.tsx'
import { type JsonSchema, labelOf, typesOf } from './json-schema.ts'

interface SchemaFormProps {
  schema: JsonSchema
  value: Record<string, unknown>
  onChange: (value: Record<string, unknown>) => void
  /** Properties that the caller draws itself. */
  leaveOut?: readonly string[]
  /** Words offered where a string is asked for. */
  suggestions?: readonly string[]
  errors?: Record<string, string>
}

/** A form from a JSON Schema: one control a property, defaults shown, nothing stored that equals nothing. */
export function SchemaForm({ schema, value, onChange, leaveOut = [], suggestions, errors = {} }: SchemaFormProps) {
  const properties = Object.entries(schema.properties ?? {}).filter(([name]) => !leaveOut.includes(name))
  const set = (name: string, next: unknown) => {
    const { [name]: _old, ...rest } = value
    onChange(next === undefined ? rest : { ...rest, [name]: next })
  }
  const list = useId()
  if (properties.length === 0) return null
  return (
    <div className="grid gap-3 sm:grid-cols-2">
      {suggestions && (
        <datalist id={list}>
          {suggestions.map((word) => (
            <option key={word} value={word} />
          ))}
        </datalist>
      )}
      {properties.map(([name, property]) => (
        <Property
          key={name}
          name={name}
          schema={property}
          required={schema.required?.includes(name) ?? false}
          value={value[name]}
          error={errors[name] ?? null}
          list={suggestions && list}
          onChange={(next) => set(name, next)}
        />
      ))}
    </div>
  )
}

interface PropertyProps {
  name: string
  schema: JsonSchema
  required: boolean
  value: unknown
  error: string | null
  list?: string
  onChange: (value: unknown) => void
}

function Property({ name, schema, required, value, error, list, onChange }: PropertyProps) {
  const label = labelOf(name, schema)
  const types = typesOf(schema)
  const hint = schema.description
  const shown = value ?? schema.default
  if (schema.enum) {
    const choices = schema.enum.map((one) => ({ value: String(one), label: String(one).replaceAll('_', ' ') }))
    return (
      <SelectField
        label={label}
        hint={hint}
        error={error}
        value={shown === undefined ? '' : String(shown)}
        choices={shown === undefined ? [{ value: '', label: 'choose' }, ...choices] : choices}
        onChange={(text) => onChange(schema.enum?.find((one) => String(one) === text))}
      />
    )
  }
  if (types.includes('boolean'))
    return <Check className="sm:col-span-2" label={label} hint={hint} checked={Boolean(shown)} onChange={onChange} />
  if ((types.includes('number') || types.includes('integer')) && !types.includes('string')) {
    return (
      <NumberField
        label={label}
        hint={hint}
        error={error}
        value={typeof shown === 'number' ? shown : null}
        min={schema.minimum}
        max={schema.maximum}
        step={types.includes('integer') && !types.includes('number') ? 1 : 'any'}
        placeholder={types.includes('null') ? 'none' : undefined}
        onChange={(next) => onChange(next === null ? (types.includes('null') ? null : undefined) : next)}
      />
    )
  }
  if (types.includes('array') && schema.items?.enum) {
    const chosen = Array.isArray(shown) ? shown : []
    return (
      <fieldset className="sm:col-span-2">
        <legend className="mb-1 text-sm font-medium text-soft">{label}</legend>
        <div className="flex flex-wrap gap-x-4 gap-y-1">
          {schema.items.enum.map((one) => (
            <Check
              key={String(one)}
              label={String(one).replaceAll('_', ' ')}
              checked={chosen.includes(one)}
              onChange={(on) => onChange(schema.items?.enum?.filter((other) => (other === one ? on : chosen.includes(other))))}
            />
          ))}
        </div>
        {hint && <p className="mt-1 text-xs text-faint">{hint}</p>}
      </fieldset>
    )
  }
  if (types.includes('array') && schema.items) {
    return (
      <TextField
        wrap="sm:col-span-2"
        label={label}
        hint={hint ?? 'Separated by commas'}
        error={error}
        defaultValue={Array.isArray(shown) ? shown.join(', ') : ''}
        onChange={(event) => onChange(listOf(event.target.value, schema.items ?? {}))}
      />
    )
  }
  if (types.includes('object') || types.length === 0 || types.includes('array'))
    return <JsonField label={label} hint={hint} error={error} value={shown} onChange={onChange} />
  return (
    <TextField
      label={label}
      hint={hint}
      error={error}
      required={required}
      list={list}
      value={shown === undefined || shown === null ? '' : String(shown)}
      onChange={(event) => onChange(typed(event.target.value, types))}
    />
  )
}

/** A text that may also be a number stays a number. */
function typed(text: string, types: string[]): unknown {
  if (text === '') return types.includes('null') ? null : undefined
  return types.includes('number') && Number.isFinite(Number(text)) ? Number(text) : text
}

function listOf(text: string, items: JsonSchema): unknown[] | undefined {
  const parts = text
    .split(',')
    .map((part) => part.trim())
    .filter(Boolean)
  if (parts.length === 0) return undefined
  return typesOf(items).some((type) => type === 'number' || type === 'integer') ? parts.map(Number) : parts
}

function JsonField({
  label,
  hint,
  error,
  value,
  onChange,
}: {
  label: string
  hint?: string
  error: string | null
  value: unknown
  onChange: (value: unknown) => void
}) {
  const [wrong, setWrong] = useState<string | null>(null)
  return (
    <TextareaField
      wrap="sm:col-span-2"
      label={label}
      hint={hint}
      error={wrong ?? error}
      className="num text-sm"
      defaultValue={value == null ? '' : JSON.stringify(value)}
      placeholder='{"old name": "new name"}'
      onChange={(event) => {
        const text = event.target.value.trim()
        try {
          onChange(text === '' ? undefined : JSON.parse(text))
          setWrong(null)
        } catch {
          setWrong('This is not JSON yet.')
        }
      }}
    />
  )
}
