import type { Monitor } from '@atoll/sdk'
import { useQuery } from '@tanstack/react-query'
import { atoll } from '../api.ts'
import { useProjectRef } from '../app/project.ts'
import { SelectField } from '../ui/Field.tsx'

type Baseline = Monitor['baseline']

const seasons: Record<string, Baseline> = {
  'the same hours of the last 4 weeks': { kind: 'seasonal', period: 'week', back: 4 },
  'the same hours of the last 7 days': { kind: 'seasonal', period: 'day', back: 7 },
}

/** What now is compared with. */
export function BaselineField({
  value,
  onChange,
  error,
}: {
  value: Baseline
  onChange: (value: Baseline) => void
  error: string | null
}) {
  const project = useProjectRef()
  const datasets = useQuery({
    queryKey: ['datasets', project, 'all'],
    queryFn: () => atoll.datasets.list({ project, limit: 200 }),
  })
  const isSet =
    value.kind === 'window' || (value.kind === 'dataset' && !datasets.data?.items.some(({ id }) => id === value.dataset))
  const season = Object.keys(seasons).find((name) => JSON.stringify(seasons[name]) === JSON.stringify(value))
  const current =
    value.kind === 'training' ? 'training' : season ? season : isSet || value.kind !== 'dataset' ? 'set' : value.dataset
  return (
    <SelectField
      label="Compared with"
      hint="Traffic by the hour of the day or the weekday: take earlier traffic as the baseline."
      value={current}
      choices={[
        { value: 'training', label: 'the rows the version learned from' },
        ...Object.keys(seasons).map((name) => ({ value: name, label: name })),
        ...(datasets.data?.items ?? []).map(({ id, name }) => ({ value: id, label: `the data set ${name}` })),
        ...(current === 'set' ? [{ value: 'set', label: describe(value) }] : []),
      ]}
      onChange={(next) =>
        next !== 'set' &&
        onChange(
          next === 'training' ? { kind: 'training' } : (seasons[next] ?? { kind: 'dataset', dataset: next, version: null }),
        )
      }
      error={error}
    />
  )
}

export function describe(baseline: Baseline): string {
  if (baseline.kind === 'training') return 'the rows the version learned from'
  if (baseline.kind === 'dataset') return 'a data set'
  if (baseline.kind === 'window') return `traffic from ${baseline.from.slice(0, 16)} to ${baseline.to.slice(0, 16)}`
  return `the same hours of the last ${baseline.back} ${baseline.period}s`
}
