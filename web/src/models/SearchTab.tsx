import type { ModelVersion, VersionDetails } from '@atoll/sdk'
import { useQuery } from '@tanstack/react-query'
import { atoll } from '../api.ts'
import { lessIsBetter } from '../goals/metrics.ts'
import { bestOf } from '../training/live.ts'
import { TrialsChart } from '../training/TrialsChart.tsx'
import { TrialsParallel } from '../training/TrialsParallel.tsx'
import { paramsWords, TrialsTable } from '../training/TrialsTable.tsx'
import { type ColumnOf, DataTable } from '../ui/DataTable.tsx'
import { algorithmName, duration, metricName, short } from '../ui/format.ts'
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
          <Section>
            <TrialsChart trials={search.data.trials} metric={metric} greaterIsBetter={greater} />
          </Section>
          <TrialsParallel trials={search.data.trials} metric={metric} greaterIsBetter={greater} />
          <Section title="Trials" bare>
            <TrialsTable trials={search.data.trials} metric={metric} best={bestOf(search.data.trials, greater)?.trial ?? null} />
          </Section>
        </>
      )}
      {training.derivedFeatures && training.derivedFeatures.length > 0 && (
        <Section title="Features that were tried" note="Kept only where they pay inside cross-validation.">
          <table className="w-full">
            <caption className="sr-only">Derived features</caption>
            <tbody>
              {training.derivedFeatures.map((one) => (
                <tr key={one.name} className={one.kept ? undefined : 'text-faint'}>
                  <th scope="row" className="border-b py-1.5 pr-3 text-left font-medium">
                    {one.name}
                  </th>
                  <td className="num border-b px-3 py-1.5">{one.expression}</td>
                  <td className="num border-b px-3 py-1.5 text-right">{`${one.gain > 0 ? '+' : ''}${short(one.gain, 2)}`}</td>
                  <td className="border-b py-1.5 pl-3 text-right">{one.kept ? 'kept' : 'left out'}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </Section>
      )}
    </div>
  )
}
