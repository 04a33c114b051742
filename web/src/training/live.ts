import type { JobEvent, Trial } from '@atoll/sdk'
import type { Series } from '../charts/SeriesChart.tsx'
import { algorithmName } from '../ui/format.ts'

/** The trials that a job's events told of, each as last seen. */
export function trialsOf(events: readonly JobEvent[]): Trial[] {
  const trials = new Map<number, Trial>()
  for (const event of events) {
    if (event.type !== 'trial') continue
    const data = event.data as unknown as Trial
    // Numbers that are not finite travel as words (docs/job-contract.md).
    trials.set(data.trial, {
      ...data,
      score: numberOf(data.score),
      std: numberOf(data.std),
      seconds: numberOf(data.seconds),
      folds: (data.folds ?? []).filter((one) => typeof one === 'number'),
    })
  }
  return [...trials.values()].sort((a, b) => a.trial - b.trial)
}

const numberOf = (value: unknown): number | null => (typeof value === 'number' ? value : null)

/** Metrics by name and by what they are of (algorithm and trial), as series over their steps. */
export function seriesOf(events: readonly JobEvent[], wanted: (name: string) => boolean): Series[] {
  const found = new Map<string, { label: string; x: number[]; y: (number | null)[] }>()
  for (const event of events) {
    if (event.type !== 'metric' || !wanted(String(event.data.name))) continue
    // People count trials from one, as the table of trials does.
    const of = [
      typeof event.data.algorithm === 'string' ? algorithmName(event.data.algorithm) : null,
      typeof event.data.trial === 'number' ? `trial ${event.data.trial + 1}` : null,
    ]
      .filter(Boolean)
      .join(', ')
    const label = of || String(event.data.name)
    const series = found.get(label) ?? { label, x: [], y: [] }
    series.x.push(numberOf(event.data.step) ?? series.x.length)
    series.y.push(numberOf(event.data.value))
    found.set(label, series)
  }
  return [...found.values()].filter((series) => series.x.length > 1)
}

/** What the engine watched while it fitted: losses by round. */
export const isLoss = (name: string): boolean => name.startsWith('loss') || name.endsWith('loss') || name.includes('loss.')

/** The best trial so far. */
export function bestOf(trials: readonly Trial[], greaterIsBetter: boolean): Trial | null {
  let best: Trial | null = null
  for (const trial of trials) {
    if (trial.state !== 'complete' || trial.score === null) continue
    if (!best || (greaterIsBetter ? trial.score > best.score! : trial.score < best.score!)) best = trial
  }
  return best
}
