import type { Search, Trial } from '@atoll/sdk'
import { StateBadge } from '../ui/Badge.tsx'
import { type ColumnOf, DataTable } from '../ui/DataTable.tsx'
import { algorithmName, duration, metricName, short } from '../ui/format.ts'
import { Num, WithInterval } from '../ui/Num.tsx'
import { objectiveName, objectiveValue } from './ParetoChart.tsx'

/** "num_leaves 31 · learning_rate 0.05". */
export const paramsWords = (params: Record<string, unknown>): string =>
  Object.entries(params)
    .map(([name, value]) => (name === 'members' ? membersWords(value) : `${name} ${valueWords(value)}`))
    .join(' · ')

const valueWords = (value: unknown): string =>
  typeof value === 'number'
    ? short(value, 3)
    : typeof value === 'object' && value !== null
      ? JSON.stringify(value)
      : String(value)

/** An ensemble's members and their weights, those without a say left out. */
const membersWords = (members: unknown): string =>
  (Array.isArray(members) ? members : [])
    .filter(({ weight }) => weight !== 0)
    .map(({ algorithm, weight }) => `${algorithmName(algorithm)}${typeof weight === 'number' ? ` ${short(weight, 2)}` : ''}`)
    .join(' + ')

export function TrialsTable({
  trials,
  metric,
  best,
  objectives = [],
}: {
  trials: readonly Trial[]
  metric: string
  best: number | null
  objectives?: Search['objectives']
}) {
  const columns: ColumnOf<Trial>[] = [
    { id: 'trial', title: '#', right: true, width: 48, value: (row) => row.trial + 1, cell: (row) => <Num>{row.trial + 1}</Num> },
    {
      id: 'algorithm',
      title: 'Algorithm',
      value: (row) => row.algorithm,
      cell: (row) => (
        <span className={row.trial === best ? 'font-semibold' : undefined}>
          {algorithmName(row.algorithm)}
          {row.trial === best && <span className="ml-2 text-xs text-good">{objectives.length > 1 ? 'chosen' : 'best'}</span>}
        </span>
      ),
    },
    { id: 'state', title: 'State', value: (row) => row.state, cell: (row) => <StateBadge state={row.state} /> },
    {
      id: 'score',
      title: metricName(metric),
      right: true,
      value: (row) => row.score,
      cell: (row) => (
        <WithInterval
          value={row.score}
          low={row.std === null || row.score === null ? null : row.score - row.std}
          high={row.std === null || row.score === null ? null : row.score + row.std}
          method="one standard deviation over folds"
        />
      ),
    },
    ...objectives.slice(1).map(
      ({ metric: name }): ColumnOf<Trial> => ({
        id: name,
        title: objectiveName(name),
        right: true,
        hide: 'narrow',
        value: (row) => row.objectives?.[name],
        cell: (row) => (row.objectives?.[name] === undefined ? '–' : <Num>{objectiveValue(name, row.objectives[name])}</Num>),
      }),
    ),
    { id: 'seconds', title: 'Took', right: true, value: (row) => row.seconds, cell: (row) => <Num>{duration(row.seconds)}</Num> },
    {
      id: 'params',
      title: 'Parameters',
      hide: 'narrow',
      value: (row) => paramsWords(row.params),
      cell: (row) => (
        <span className="num text-sm text-soft" title={row.reason ?? paramsWords(row.params)}>
          {row.reason ?? paramsWords(row.params)}
        </span>
      ),
    },
  ]
  return <DataTable label="Trials" columns={columns} rows={trials} keyOf={(row) => String(row.trial)} />
}
