import type { Endpoint } from '@atoll/sdk'
import { useEffect, useState } from 'react'
import { Button } from '../../ui/Button.tsx'
import type { Choice } from '../../ui/Field.tsx'
import { SearchBox } from '../../ui/SearchBox.tsx'
import { useSettled } from '../../ui/settled.ts'
import { type Filter, writeFilter } from './filter.ts'

const scored = ['binary', 'multiclass', 'regression', 'anomaly']

/** What the log is searched for: text, answer, truth, variant, score and time. */
export function LogFilters({
  endpoint,
  variants,
  filter,
  onChange,
}: {
  endpoint: Endpoint
  variants: readonly string[]
  filter: Filter
  onChange: (filter: Filter) => void
}) {
  const { signature } = endpoint
  const set = (changes: Partial<Filter>) => onChange({ ...filter, ...changes })
  return (
    <>
      <Typed label="Search the log" value={filter.q ?? ''} onChange={(q) => set({ q })} />
      {signature.classes && (
        <Pick
          label="Answer"
          value={filter.label ?? ''}
          choices={[{ value: '', label: 'any answer' }, ...signature.classes.slice(0, 200)]}
          onChange={(label) => set({ label })}
        />
      )}
      <Pick
        label="Truth"
        value={filter.truth ?? ''}
        choices={[
          { value: '', label: 'with or without truth' },
          { value: 'known', label: 'truth known' },
          { value: 'unknown', label: 'truth unknown' },
          ...(signature.task === 'binary' || signature.task === 'multiclass'
            ? [
                { value: 'right', label: 'right' },
                { value: 'wrong', label: 'wrong' },
              ]
            : []),
        ]}
        onChange={(truth) => set({ truth: truth as Filter['truth'] })}
      />
      {variants.length > 1 && (
        <Pick
          label="Variant"
          value={filter.variant ?? ''}
          choices={[{ value: '', label: 'any variant' }, ...variants]}
          onChange={(variant) => set({ variant })}
        />
      )}
      <Pick
        label="Time"
        value={filter.hours ?? ''}
        choices={[
          { value: '', label: 'any time' },
          { value: '1', label: 'last hour' },
          { value: '24', label: 'last day' },
          { value: '168', label: 'last week' },
          { value: '720', label: 'last 30 days' },
        ]}
        onChange={(hours) => set({ hours })}
      />
      {scored.includes(signature.task) && (
        <span className="flex items-center gap-1 text-sm text-soft">
          score
          <Bound label="Score at least" value={filter.above} onChange={(above) => set({ above })} />
          to
          <Bound label="Score less than" value={filter.below} onChange={(below) => set({ below })} />
        </span>
      )}
      {writeFilter(filter) !== undefined && (
        <Button size="sm" look="quiet" onClick={() => onChange({})}>
          Clear
        </Button>
      )}
    </>
  )
}

function Pick({
  label,
  value,
  choices,
  onChange,
}: {
  label: string
  value: string
  choices: readonly (Choice | string)[]
  onChange: (value: string) => void
}) {
  return (
    <select
      aria-label={label}
      className="field h-7 w-auto max-w-52 py-0 pr-7 text-sm"
      value={value}
      onChange={(event) => onChange(event.target.value)}
    >
      {choices.map((choice) => {
        const { value: of, label: text } = typeof choice === 'string' ? { value: choice, label: choice } : choice
        return (
          <option key={of} value={of}>
            {text}
          </option>
        )
      })}
    </select>
  )
}

function Bound({ label, value, onChange }: { label: string; value: string | undefined; onChange: (value: string) => void }) {
  const [text, setText] = useTyped(value ?? '', onChange)
  return (
    <input
      type="number"
      step="any"
      inputMode="decimal"
      aria-label={label}
      className="field num h-7 w-20 text-right text-sm"
      value={text}
      onChange={(event) => setText(event.target.value)}
    />
  )
}

function Typed({ label, value, onChange }: { label: string; value: string; onChange: (value: string) => void }) {
  const [text, setText] = useTyped(value, onChange)
  return <SearchBox label={label} value={text} onChange={setText} />
}

/** A text that is told once nobody types any more, and follows what it is told from outside. */
function useTyped(value: string, onChange: (value: string) => void): [string, (text: string) => void] {
  const [text, setText] = useState(value)
  const settled = useSettled(text, 350)
  useEffect(() => {
    if (settled === text && settled !== value) onChange(settled)
  }, [settled])
  useEffect(() => {
    setText(value)
  }, [value])
  return [text, setText]
}
