import type { TrainingInput } from '@atoll/sdk'
import { NumberField, SelectField } from '../ui/Field.tsx'

type Search = NonNullable<TrainingInput['search']>

const kinds = [
  { value: '', label: 'the metric alone' },
  { value: 'latency_ms', label: 'the metric and latency' },
  { value: 'size_bytes', label: 'the metric and size' },
  { value: 'latency_ms,size_bytes', label: 'the metric, latency and size' },
]

/** What else a search of tables is to be good at, and how fast or small the winner must be. */
export function ObjectiveFields({ search, onChange }: { search: Search; onChange: (search: Search) => void }) {
  const names = (search.objectives ?? []).map(({ metric }) => metric)
  const within = search.choose?.within ?? {}
  const limit = (name: string, value: number | null) => {
    const { [name]: _, ...rest } = within
    const limits = value === null ? rest : { ...rest, [name]: value }
    onChange({ ...search, choose: Object.keys(limits).length > 0 ? { within: limits } : null })
  }
  return (
    <>
      <SelectField
        label="Good at"
        value={names.join(',')}
        choices={kinds}
        onChange={(value) =>
          onChange({ ...search, objectives: value === '' ? [] : value.split(',').map((metric) => ({ metric })), choose: null })
        }
      />
      {names.includes('latency_ms') && (
        <NumberField
          label="At most, ms for a row"
          placeholder="the knee decides"
          min={0}
          value={within.latency_ms ?? null}
          onChange={(value) => limit('latency_ms', value)}
        />
      )}
      {names.includes('size_bytes') && (
        <NumberField
          label="At most, kB"
          placeholder="the knee decides"
          min={0}
          value={within.size_bytes === undefined ? null : within.size_bytes / 1000}
          onChange={(value) => limit('size_bytes', value === null ? null : value * 1000)}
        />
      )}
    </>
  )
}
