import type { Dataset, DatasetVersion, Profile } from '@atoll/sdk'
import { useMemo } from 'react'
import { HeatMap } from '../charts/HeatMap.tsx'
import { type ColumnOf, DataTable } from '../ui/DataTable.tsx'
import { fixed } from '../ui/format.ts'
import { Num } from '../ui/Num.tsx'
import { Section } from '../ui/Page.tsx'
import { Empty } from '../ui/State.tsx'
import { ProfileState } from './ProfileState.tsx'
import { useProfile } from './use-profile.ts'

interface Pair {
  a: string
  b: string
  value: number
  measure: string
}

const columns: readonly ColumnOf<Pair>[] = [
  { id: 'a', title: 'Column', value: (pair) => pair.a, cell: (pair) => pair.a },
  { id: 'b', title: 'And', value: (pair) => pair.b, cell: (pair) => pair.b },
  {
    id: 'value',
    title: 'Association',
    right: true,
    value: (pair) => Math.abs(pair.value),
    cell: (pair) => <Num>{fixed(pair.value, 2)}</Num>,
  },
  {
    id: 'measure',
    title: 'Measure',
    value: (pair) => pair.measure,
    cell: (pair) => <span className="text-soft">{measureName(pair.measure)}</span>,
  },
]

const measureName = (measure: string) =>
  ({ pearson: 'Pearson correlation', cramers_v: "Cramér's V", correlation_ratio: 'correlation ratio' })[measure] ?? measure
const mostShown = 40

/** How the columns hang together. */
export function RelationsTab({ dataset, version }: { dataset: Dataset; version: DatasetVersion }) {
  const state = useProfile(dataset, version)
  if (!state.profile.data) return <ProfileState state={state} />
  return <Relations profile={state.profile.data} />
}

function Relations({ profile }: { profile: Profile }) {
  const { correlations } = profile
  const pairs = useMemo(() => {
    const list: Pair[] = []
    correlations.columns.forEach((a, y) => {
      correlations.columns.slice(0, y).forEach((b, x) => {
        const value = correlations.values[y]?.[x]
        if (value != null) list.push({ a, b, value, measure: correlations.measure[y]?.[x] ?? '' })
      })
    })
    return list.sort((a, b) => Math.abs(b.value) - Math.abs(a.value))
  }, [correlations])
  // Of many columns, those of the strongest pairs are shown.
  const kept = useMemo(() => {
    if (correlations.columns.length <= mostShown) return correlations.columns.map((_, at) => at)
    const names = new Set<string>()
    for (const pair of pairs) {
      if (names.size >= mostShown) break
      names.add(pair.a).add(pair.b)
    }
    return correlations.columns
      .map((name, at) => (names.has(name) ? at : -1))
      .filter((at) => at >= 0)
      .slice(0, mostShown)
  }, [correlations, pairs])
  if (pairs.length === 0)
    return <Empty title="No two columns to compare">Associations need at least two columns with different values.</Empty>
  const labels = kept.map((at) => correlations.columns[at] ?? '')
  const strongest = pairs[0]
  return (
    <div className="space-y-6">
      <Section>
        <HeatMap
          title={
            labels.length < correlations.columns.length
              ? `Association of the ${labels.length} most related of ${correlations.columns.length} columns`
              : 'Association of columns'
          }
          name="associations"
          summary={`Association of ${labels.length} columns. Strongest: ${strongest ? `${strongest.a} and ${strongest.b}, ${fixed(strongest.value, 2)}` : 'none'}. The list below has every pair.`}
          labels={labels}
          values={kept.map((y) => kept.map((x) => correlations.values[y]?.[x] ?? null))}
          detail={(y, x) => {
            const from = kept[y] ?? 0
            const to = kept[x] ?? 0
            const value = correlations.values[from]?.[to]
            return `${labels[y]} and ${labels[x]}: ${value == null ? 'not defined' : fixed(value, 3)} (${measureName(correlations.measure[from]?.[to] ?? '')})`
          }}
        />
      </Section>
      <Section title="Strongest pairs" bare>
        <DataTable
          label="Pairs of columns"
          columns={columns}
          rows={pairs.slice(0, 2000)}
          keyOf={(pair) => `${pair.a}|${pair.b}`}
        />
      </Section>
    </div>
  )
}
