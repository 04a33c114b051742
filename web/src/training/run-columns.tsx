import type { Run } from '@atoll/sdk'
import { StateBadge } from '../ui/Badge.tsx'
import type { ColumnOf } from '../ui/DataTable.tsx'
import { duration, short } from '../ui/format.ts'
import { NounLink } from '../ui/NounLink.tsx'
import { Num } from '../ui/Num.tsx'
import { Ago } from '../ui/Time.tsx'
import { inOrder } from './metric-groups.ts'

/** What kinds of a name come how often, most often first. */
function namesBy(runs: readonly Run[], of: (run: Run) => object): string[] {
  const counts = new Map<string, number>()
  for (const run of runs) for (const name of Object.keys(of(run))) counts.set(name, (counts.get(name) ?? 0) + 1)
  return [...counts].sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0])).map(([name]) => name)
}

const tookSeconds = (run: Run) => (run.endedAt ? (Date.parse(run.endedAt) - Date.parse(run.startedAt)) / 1000 : null)

const paramText = (value: unknown): string | number | null =>
  value == null ? null : typeof value === 'number' ? value : typeof value === 'object' ? JSON.stringify(value) : String(value)

const liked = ['f1', 'roc_auc', 'accuracy', 'f1_macro', 'rmse', 'r2', 'mae', 'log_loss']
const wanted = [
  ...liked.map((name) => `test.${name}`),
  ...liked.map((name) => `validation.${name}.mean`),
  ...liked.map((name) => `validation.${name}`),
]

/** Columns of the runs table: what every run has, and the metrics and parameters that these runs have. */
export function runColumns(runs: readonly Run[]): ColumnOf<Run>[] {
  const metrics = namesBy(runs, (run) => run.metrics).slice(0, 60)
  const parameters = namesBy(runs, (run) => run.parameters).slice(0, 60)
  const shownFirst = new Set(wanted.filter((name) => metrics.includes(name)).slice(0, 3))
  if (shownFirst.size === 0) for (const name of metrics.slice(0, 3)) shownFirst.add(name)
  return [
    {
      id: 'name',
      title: 'Run',
      value: (row) => row.name,
      cell: (row) => (
        <NounLink noun="run" to={row.id} className="font-medium">
          {row.name}
        </NounLink>
      ),
    },
    { id: 'state', title: 'State', value: (row) => row.state, cell: (row) => <StateBadge state={row.state} /> },
    {
      id: 'experiment',
      title: 'Experiment',
      hide: 'narrow',
      value: (row) => row.experimentName,
      cell: (row) => row.experimentName,
    },
    ...inOrder(metrics).map(
      (name): ColumnOf<Run> => ({
        id: `metrics.${name}`,
        title: name,
        right: true,
        hide: shownFirst.has(name) ? undefined : 'default',
        value: (row) => row.metrics[name] ?? null,
        cell: (row) =>
          row.metrics[name] === undefined ? (
            <span className="text-faint">–</span>
          ) : (
            <Num value={row.metrics[name]}>{short(row.metrics[name], 4)}</Num>
          ),
      }),
    ),
    ...parameters.map(
      (name): ColumnOf<Run> => ({
        id: `params.${name}`,
        title: name,
        hide: name === 'algorithm' ? 'narrow' : 'default',
        value: (row) => paramText(row.parameters[name]),
        cell: (row) => <span className="text-soft">{paramText(row.parameters[name]) ?? '–'}</span>,
      }),
    ),
    {
      id: 'took',
      title: 'Took',
      right: true,
      hide: 'narrow',
      value: tookSeconds,
      cell: (row) => <Num>{duration(tookSeconds(row))}</Num>,
    },
    { id: 'owner', title: 'By', hide: 'default', value: (row) => row.ownerName, cell: (row) => row.ownerName },
    { id: 'started_at', title: 'Started', right: true, value: (row) => row.startedAt, cell: (row) => <Ago at={row.startedAt} /> },
  ]
}

/** The order as the API writes it; null where the API cannot order by this column. */
export function orderOf(sort: { by: string; down: boolean } | null): string | undefined {
  if (!sort || sort.by === 'took') return undefined
  const [kind, ...rest] = sort.by.split('.')
  const name = rest.join('.')
  const field = name ? `${kind}.${/^[\w/.-]+$/.test(name) ? name : `\`${name}\``}` : sort.by
  return `${field} ${sort.down ? 'desc' : 'asc'}`
}
