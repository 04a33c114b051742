import type { Comparison } from '@atoll/sdk'
import { useQueries, useQuery } from '@tanstack/react-query'
import { Link, useSearch } from '@tanstack/react-router'
import { Fragment, lazy, Suspense, useState } from 'react'
import { atoll } from '../api.ts'
import { useProjectRef } from '../app/project.ts'
import type { Axis } from '../charts/ParallelCoordinates.tsx'
import { colourOf } from '../charts/series.ts'
import { buttonClass } from '../ui/Button.tsx'
import { cx } from '../ui/cx.ts'
import { Check } from '../ui/Field.tsx'
import { cell, short } from '../ui/format.ts'
import { NounLink } from '../ui/NounLink.tsx'
import { Num } from '../ui/Num.tsx'
import { Page, Section } from '../ui/Page.tsx'
import { Empty, ErrorNote, Skeleton, SkeletonLines } from '../ui/State.tsx'
import { MetricCurves } from './MetricCurves.tsx'
import { grouped } from './metric-groups.ts'
import { TrialsParallel } from './TrialsParallel.tsx'

const ParallelCoordinates = lazy(() => import('../charts/ParallelCoordinates.tsx'))

/** Runs over each other: curves, what differs in their parameters, which metric is best where, the searches. */
export function ComparePage() {
  const project = useProjectRef()
  const ids = (useSearch({ strict: false }).runs ?? '').split(',').filter(Boolean)
  const comparison = useQuery({
    queryKey: ['runs', 'compare', ids],
    queryFn: () => atoll.runs.compare(ids),
    enabled: ids.length > 1,
  })
  const searches = useQueries({
    queries: (comparison.data?.runs ?? []).map((run) => ({
      queryKey: ['search-of', run.job],
      queryFn: () => atoll.training.search(run.job!),
      enabled: run.job !== null,
      retry: false,
    })),
  })
  const back = (
    <Link to="/p/$project/training" params={{ project }} className={buttonClass()}>
      Choose runs
    </Link>
  )
  if (ids.length < 2) {
    return (
      <Page title="Compare runs">
        <Empty title={ids.length ? 'Only one run is chosen' : 'No run is chosen'} action={back}>
          Select two or more in the table of runs.
        </Empty>
      </Page>
    )
  }
  if (!comparison.data)
    return (
      <Page title="Compare runs">
        {comparison.error ? (
          <ErrorNote error={comparison.error} retry={() => void comparison.refetch()} />
        ) : (
          <SkeletonLines lines={8} />
        )}
      </Page>
    )
  const found = searches.flatMap((query) => (query.data ? [query.data] : []))
  return (
    <Page title="Compare runs" lead={`${comparison.data.runs.length} runs`} actions={back}>
      <div className="space-y-6">
        <ValuesTable comparison={comparison.data} />
        <MetricCurves runs={comparison.data.runs} />
        {comparison.data.runs.length > 2 && <RunsParallel comparison={comparison.data} />}
        {found.map((search) => (
          <TrialsParallel
            key={search.id}
            heading={`Search of ${comparison.data.runs.find((run) => run.job === search.job)?.name ?? ''}`}
            trials={search.trials}
            metric={search.metric}
            greaterIsBetter={search.greaterIsBetter}
          />
        ))}
      </div>
    </Page>
  )
}

function ValuesTable({ comparison }: { comparison: Comparison }) {
  const [all, setAll] = useState(false)
  const { runs, metrics, parameters } = comparison
  const shown = all ? parameters : parameters.filter((one) => one.differs)
  return (
    <Section title="Side by side" actions={<Check label="Also what is equal" checked={all} onChange={setAll} />} bare>
      <div className="overflow-x-auto rounded-lg border bg-surface">
        <table className="w-full">
          <caption className="sr-only">Metrics and parameters of the runs</caption>
          <thead>
            <tr>
              <th scope="col" className="border-b px-3 py-2 text-left font-medium text-soft">
                Run
              </th>
              {runs.map((run, at) => (
                <th key={run.id} scope="col" className="border-b px-3 py-2 text-right font-medium whitespace-nowrap">
                  <span className="inline-flex items-center gap-1.5">
                    <span aria-hidden="true" className="size-2.5 rounded-sm" style={{ background: colourOf(at) }} />
                    <NounLink noun="run" to={run.id}>
                      {run.name}
                    </NounLink>
                  </span>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {grouped(metrics).map((group) => (
              <Fragment key={group.title}>
                <GroupRow title={group.title} span={runs.length + 1} />
                {group.metrics.map((metric) => (
                  <tr key={metric.name}>
                    <th scope="row" className="border-b px-3 py-1 text-left font-normal">
                      {metric.label}
                    </th>
                    {metric.values.map((value, at) => {
                      const best = judged(metric) && value === metric.best
                      return (
                        <td key={runs[at]?.id} className={cx('border-b px-3 py-1 text-right', best && 'font-semibold text-good')}>
                          {value === null ? <span className="text-faint">–</span> : <Num>{short(value, 5)}</Num>}
                          {best && <span className="sr-only"> best</span>}
                        </td>
                      )
                    })}
                  </tr>
                ))}
              </Fragment>
            ))}
            {shown.length > 0 && <GroupRow title={all ? 'Parameters' : 'Parameters that differ'} span={runs.length + 1} />}
            {shown.map((parameter) => (
              <tr key={parameter.name} className={parameter.differs ? undefined : 'text-faint'}>
                <th scope="row" className="border-b px-3 py-1 text-left font-normal text-soft">
                  {parameter.name}
                </th>
                {parameter.values.map((value, at) => (
                  <td
                    key={runs[at]?.id}
                    className={cx(
                      'num max-w-72 truncate border-b px-3 py-1 text-right',
                      parameter.differs && 'bg-accent-soft/60',
                    )}
                    title={cell(value)}
                  >
                    {cell(value) || '–'}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {shown.length === 0 && <p className="mt-2 text-sm text-soft">No parameter differs.</p>}
    </Section>
  )
}

const GroupRow = ({ title, span }: { title: string; span: number }) => (
  <tr>
    <th scope="colgroup" colSpan={span} className="border-b bg-sunken px-3 py-1 text-left text-xs font-medium text-soft">
      {title}
    </th>
  </tr>
)

/** Whether one value of a metric is better than another: not what takes longer, nor what all have alike. */
const judged = (metric: Comparison['metrics'][number]): boolean =>
  metric.name !== 'seconds' && !/^(baseline|learning_curve)\b/.test(metric.name) && new Set(metric.values).size > 1

function RunsParallel({ comparison }: { comparison: Comparison }) {
  const metric = comparison.metrics.find((one) => one.name.startsWith('test.')) ?? comparison.metrics[0]
  if (!metric) return null
  const differing = comparison.parameters
    .filter((one) => one.differs && one.values.some((value) => typeof value === 'number' || typeof value === 'string'))
    .slice(0, 12)
  if (differing.length === 0) return null
  const axes: Axis[] = [
    ...differing.map((one) =>
      one.values.every((value) => value === null || typeof value === 'number')
        ? { name: one.name }
        : { name: one.name, words: [...new Set(one.values.map(String))] },
    ),
    { name: metric.name },
  ]
  const rows = comparison.runs.map((_, at) => [
    ...differing.map((one, axis) => (axes[axis]?.words ? String(one.values[at]) : ((one.values[at] as number | null) ?? null))),
    metric.values[at] ?? null,
  ])
  return (
    <Section>
      <Suspense fallback={<Skeleton className="h-[352px]" />}>
        <ParallelCoordinates
          title="What differs, against the result"
          name="runs"
          summary={`${rows.length} runs over ${differing.length} parameters that differ, coloured by ${metric.name}.`}
          axes={axes}
          rows={rows}
          colourBy={axes.length - 1}
          greaterIsBetter={metric.best === Math.max(...metric.values.filter((value) => value !== null))}
        />
      </Suspense>
    </Section>
  )
}
