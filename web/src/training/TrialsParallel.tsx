import type { Trial } from '@atoll/sdk'
import { lazy, Suspense, useMemo, useState } from 'react'
import type { Axis } from '../charts/ParallelCoordinates.tsx'
import { SelectField } from '../ui/Field.tsx'
import { algorithmName, metricName } from '../ui/format.ts'
import { Section } from '../ui/Page.tsx'
import { Skeleton } from '../ui/State.tsx'

const ParallelCoordinates = lazy(() => import('../charts/ParallelCoordinates.tsx'))

/** The parameters of one algorithm's trials against their score. */
export function TrialsParallel({
  trials,
  metric,
  greaterIsBetter,
  heading,
}: {
  heading?: string
  trials: readonly Trial[]
  metric: string
  greaterIsBetter: boolean
}) {
  const counts = useMemo(() => {
    const found = new Map<string, number>()
    for (const trial of trials)
      if (trial.score !== null && Object.keys(trial.params).length > 0)
        found.set(trial.algorithm, (found.get(trial.algorithm) ?? 0) + 1)
    return [...found].filter(([, count]) => count >= 3).sort((a, b) => b[1] - a[1])
  }, [trials])
  const [chosen, setChosen] = useState<string | null>(null)
  const algorithm = counts.find(([name]) => name === chosen)?.[0] ?? counts[0]?.[0]
  const drawn = useMemo(() => {
    const mine = trials.filter((trial) => trial.algorithm === algorithm && trial.score !== null)
    const names = [...new Set(mine.flatMap((trial) => Object.keys(trial.params)))].filter(
      (name) => new Set(mine.map((trial) => JSON.stringify(trial.params[name]))).size > 1,
    )
    const axes: Axis[] = [
      ...names.map((name) =>
        axisOf(
          name,
          mine.map((trial) => trial.params[name]),
        ),
      ),
      { name: metricName(metric) },
    ]
    const rows = mine.map((trial) => [...names.map((name, at) => valueOn(axes[at], trial.params[name])), trial.score])
    return { axes, rows }
  }, [trials, algorithm, metric])
  if (!algorithm || drawn.axes.length < 2) return null
  return (
    <Section title={heading}>
      {counts.length > 1 && (
        <SelectField
          wrap="mb-2 max-w-64"
          label="Trials of"
          value={algorithm}
          choices={counts.map(([name, count]) => ({ value: name, label: `${algorithmName(name)} (${count})` }))}
          onChange={setChosen}
        />
      )}
      <Suspense fallback={<Skeleton className="h-[352px]" />}>
        <ParallelCoordinates
          title={`Search of ${algorithmName(algorithm)}`}
          name={`search-${algorithm}`}
          summary={`${drawn.rows.length} trials of ${algorithmName(algorithm)} over ${drawn.axes.length - 1} parameters, coloured by ${metricName(metric)}. The trials table has every value.`}
          axes={drawn.axes}
          rows={drawn.rows}
          colourBy={drawn.axes.length - 1}
          greaterIsBetter={greaterIsBetter}
        />
      </Suspense>
    </Section>
  )
}

function axisOf(name: string, values: unknown[]): Axis {
  const numbers = values.filter((value): value is number => typeof value === 'number')
  if (numbers.length < values.filter((value) => value != null).length)
    return { name, words: [...new Set(values.map(String))].sort() }
  const low = Math.min(...numbers)
  return { name, log: low > 0 && Math.max(...numbers) / low > 100 }
}

const valueOn = (axis: Axis | undefined, value: unknown): number | string | null =>
  axis?.words ? String(value) : typeof value === 'number' ? value : null
