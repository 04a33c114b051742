import { metricName } from '../ui/format.ts'

/** What the prefixes of a run's metrics stand for, in the order in which they matter. */
const groups: readonly [prefix: string, title: string][] = [
  ['test', 'Sealed test rows'],
  ['validation', 'Validation, mean over folds'],
  ['search', 'Search'],
  ['', 'Other'],
  ['learning_curve', 'Learning curve, with all rows'],
  ['baseline', 'Baseline, for comparison'],
]

const prefixOf = (name: string): string => {
  const prefix = name.split(/[./]/)[0] ?? ''
  return name !== prefix && groups.some(([known]) => known === prefix) ? prefix : ''
}

const rank = (name: string) => groups.findIndex(([prefix]) => prefix === prefixOf(name))

/** Names of metrics, what counts most first. */
export const inOrder = (names: readonly string[]): string[] => [...names].sort((a, b) => rank(a) - rank(b))

/** Metrics under the title of their group; what a name says beyond it is its label. */
export function grouped<T extends { name: string }>(
  metrics: readonly T[],
): { title: string; metrics: (T & { label: string })[] }[] {
  return groups
    .map(([prefix, title]) => ({
      title,
      metrics: metrics
        .filter((metric) => prefixOf(metric.name) === prefix)
        .map((metric) => ({ ...metric, label: prefix ? metricName(metric.name.slice(prefix.length + 1)) : metric.name })),
    }))
    .filter((group) => group.metrics.length > 0)
}

/** Where a curve is to be expected: what is logged step by step before what is measured once. */
export const curveRank = (name: string): number =>
  name.includes('learning_curve') ? 1 : prefixOf(name) === '' && name !== 'seconds' ? 0 : 2
