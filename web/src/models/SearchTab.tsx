import type { ModelVersion, VersionDetails } from '@atoll/sdk'
import { useQuery } from '@tanstack/react-query'
import { atoll } from '../api.ts'
import { Bars } from '../charts/Bars.tsx'
import { lessIsBetter } from '../goals/metrics.ts'
import { bestOf } from '../training/live.ts'
import { objectiveName, objectiveValue, ParetoChart } from '../training/ParetoChart.tsx'
import { TrialsChart } from '../training/TrialsChart.tsx'
import { TrialsParallel } from '../training/TrialsParallel.tsx'
import { paramsWords, TrialsTable } from '../training/TrialsTable.tsx'
import { cx } from '../ui/cx.ts'
import { type ColumnOf, DataTable } from '../ui/DataTable.tsx'
import { algorithmName, duration, fixed, metricName, percent } from '../ui/format.ts'
import { Num, WithInterval } from '../ui/Num.tsx'
import { Section } from '../ui/Page.tsx'
import { type LeaderboardRow, trainingOf } from './evidence.ts'

/** Who competed: the best of each algorithm, every trial, the search itself, and features that were tried. */
export function SearchTab({ details, version }: { details: VersionDetails; version: ModelVersion }) {
  const training = trainingOf(details)
  const search = useQuery({
    queryKey: ['search-of', version.job],
    queryFn: () => atoll.training.search(version.job),
    retry: false,
  })
  const metric = search.data?.metric ?? training.metric
  const greater = search.data?.greaterIsBetter ?? !lessIsBetter.has(metric)
  const columns: ColumnOf<LeaderboardRow>[] = [
    {
      id: 'algorithm',
      title: 'Algorithm',
      value: (row) => row.algorithm,
      cell: (row) => <span className="font-medium">{algorithmName(row.algorithm)}</span>,
    },
    {
      id: 'mean',
      title: metricName(training.metric),
      right: true,
      value: (row) => row.mean,
      cell: (row) => (
        <WithInterval
          value={row.mean}
          low={row.std === null ? null : row.mean - row.std}
          high={row.std === null ? null : row.mean + row.std}
          method="one standard deviation over folds"
        />
      ),
    },
    { id: 'seconds', title: 'Took', right: true, value: (row) => row.seconds, cell: (row) => <Num>{duration(row.seconds)}</Num> },
    {
      id: 'params',
      title: 'Parameters',
      hide: 'narrow',
      value: (row) => paramsWords(row.params),
      cell: (row) => (
        <span className="num text-sm text-soft" title={paramsWords(row.params)}>
          {paramsWords(row.params)}
        </span>
      ),
    },
  ]
  const aims = training.aims ?? null
  const importances = Object.entries(aims?.importances ?? { [metric]: training.importances ?? {} }).flatMap(
    ([objective, found]) => Object.entries(found).map(([algorithm, shares]) => ({ objective, algorithm, shares })),
  )
  return (
    <div className="space-y-6">
      <Section title="Leaderboard" note="Mean and spread over folds of the training part." bare>
        <DataTable
          label="Leaderboard"
          columns={columns}
          rows={training.leaderboard ?? []}
          keyOf={(row) => `${row.algorithm}${row.trial}`}
        />
      </Section>
      {search.data && search.data.trials.length > 0 && (
        <>
          {search.data.objectives.length > 1 && search.data.front.length > 0 && (
            <Section title="Objectives" note={aims?.measured ? measuredWords(aims.measured) : undefined}>
              <ParetoChart search={search.data} chosen={training.trial ?? null} reason={aims?.reason ?? null} />
            </Section>
          )}
          <Section>
            <TrialsChart trials={search.data.trials} metric={metric} greaterIsBetter={greater} />
          </Section>
          <TrialsParallel trials={search.data.trials} metric={metric} greaterIsBetter={greater} />
          {importances.length > 0 && (
            <Section>
              <div className="grid gap-6 md:grid-cols-2">
                {importances.map(({ objective, algorithm, shares }) => (
                  <Bars
                    key={`${objective} ${algorithm}`}
                    title={`What mattered for ${aims ? `${objectiveName(objective)} of ` : ''}${algorithmName(algorithm)}`}
                    name={`importances-${objective}-${algorithm}`}
                    summary={`The share of the trials' variance that each parameter explains by itself: ${Object.entries(shares)
                      .map(([parameter, value]) => `${parameter} ${percent(value)}`)
                      .join(', ')}.`}
                    valueLabel="share of the variance explained"
                    format={(value) => percent(value)}
                    rows={Object.entries(shares)
                      .sort(([, a], [, b]) => b - a)
                      .map(([label, value]) => ({ label, value }))}
                  />
                ))}
              </div>
            </Section>
          )}
          <Section title="Trials" bare>
            <TrialsTable
              trials={search.data.trials}
              metric={metric}
              best={aims ? (training.trial ?? null) : (bestOf(search.data.trials, greater)?.trial ?? null)}
              objectives={search.data.objectives}
            />
          </Section>
        </>
      )}
      {training.derivedFeatures && training.derivedFeatures.length > 0 && (
        <Section title="Derived features" note="Kept only where they pay inside cross-validation.">
          <table className="w-full max-sm:block">
            <caption className="sr-only">Derived features</caption>
            <thead className="text-left text-sm text-faint max-sm:hidden">
              <tr>
                <th scope="col" className="border-b py-1.5 pr-3 font-medium">
                  Feature
                </th>
                <th scope="col" className="border-b px-3 py-1.5 font-medium">
                  Made of
                </th>
                <th scope="col" className="border-b px-3 py-1.5 text-right font-medium whitespace-nowrap">
                  Gain in {metricName(training.metric)}
                </th>
                <th scope="col" className="border-b py-1.5 pl-3 text-right font-medium">
                  Outcome
                </th>
              </tr>
            </thead>
            <tbody className="max-sm:block">
              {training.derivedFeatures.map((one) => (
                <tr
                  key={one.name}
                  className={cx(
                    'max-sm:grid max-sm:grid-cols-[minmax(0,1fr)_auto_auto] max-sm:gap-x-3 max-sm:border-b max-sm:py-1.5',
                    !one.kept && 'text-faint',
                  )}
                >
                  <th scope="row" className="border-b py-1.5 pr-3 text-left font-medium break-words max-sm:border-0 max-sm:p-0">
                    {one.name}
                  </th>
                  <td className="num border-b px-3 py-1.5 break-words max-sm:order-last max-sm:col-span-3 max-sm:border-0 max-sm:p-0">
                    {one.expression}
                  </td>
                  <td className="num border-b px-3 py-1.5 text-right max-sm:border-0 max-sm:p-0">
                    {one.gain == null ? '–' : `${one.gain >= 0.0005 ? '+' : ''}${fixed(one.gain, 3)}`}
                  </td>
                  <td title={one.reason} className="border-b py-1.5 pl-3 text-right whitespace-nowrap max-sm:border-0 max-sm:p-0">
                    {one.kept ? 'kept' : one.gain == null ? 'not tried' : 'left out'}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </Section>
      )}
    </div>
  )
}

/** The final model is measured as the trials were. */
const measuredWords = (measured: Record<string, number>): string =>
  `The final graph: ${Object.entries(measured)
    .map(([name, value]) => `${objectiveName(name).toLowerCase()} ${objectiveValue(name, value)}`)
    .join(', ')}; one row, one thread.`
