import type { Column, RecipeStep } from '@atoll/sdk'
import { useState } from 'react'
import { TypeMark } from '../datasets/column-type.tsx'
import { Check, Segmented, TextField } from '../ui/Field.tsx'

const selectors = [
  { value: '*all', label: 'all' },
  { value: '*numbers', label: 'numbers' },
  { value: '*categories', label: 'categories' },
  { value: '*texts', label: 'texts' },
  { value: '*datetimes', label: 'dates' },
  { value: 'named', label: 'by name' },
] as const

/** Which columns a step works on: a kind of column, or some by name. */
export function ColumnsField({
  columns,
  accepts,
  value,
  onChange,
}: {
  columns: readonly Column[]
  accepts: readonly string[]
  value: RecipeStep['columns']
  onChange: (columns: RecipeStep['columns']) => void
}) {
  const [text, setText] = useState('')
  const mode = Array.isArray(value) ? 'named' : (selectors.find((one) => one.value === value)?.value ?? '*all')
  const names = Array.isArray(value) ? value : []
  const fitting = columns.filter((column) => accepts.length === 0 || accepts.includes(column.type))
  const found = fitting.filter((column) => column.name.toLowerCase().includes(text.toLowerCase())).slice(0, 60)
  const others = names.filter((name) => !columns.some((column) => column.name === name))
  return (
    <div>
      <p className="mb-1 text-sm font-medium text-soft">Columns</p>
      <Segmented
        label="Columns"
        size="sm"
        value={mode}
        choices={selectors}
        onChange={(next) => onChange(next === 'named' ? names : next)}
      />
      {mode === 'named' && (
        <div className="mt-2 rounded-md border p-2">
          <input
            type="search"
            aria-label="Find a column"
            placeholder="Find a column"
            className="field h-7 text-sm"
            value={text}
            onChange={(event) => setText(event.target.value)}
          />
          <div className="mt-2 grid max-h-44 gap-x-4 gap-y-1 overflow-auto sm:grid-cols-2">
            {found.map((column) => (
              <Check
                key={column.name}
                label={
                  <span className="flex items-center gap-1.5">
                    <TypeMark type={column.type} /> <span className="truncate">{column.name}</span>
                  </span>
                }
                checked={names.includes(column.name)}
                onChange={(on) => onChange(on ? [...names, column.name] : names.filter((name) => name !== column.name))}
              />
            ))}
          </div>
          <TextField
            wrap="mt-2"
            label="Columns that earlier steps make"
            hint="Separated by commas"
            defaultValue={others.join(', ')}
            onBlur={(event) => {
              const typed = event.target.value
                .split(',')
                .map((name) => name.trim())
                .filter(Boolean)
              onChange([...names.filter((name) => !others.includes(name)), ...typed])
            }}
          />
        </div>
      )}
    </div>
  )
}
