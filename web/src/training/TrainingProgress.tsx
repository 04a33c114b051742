import type { Job, JobEvent, TrainingResult } from '@atoll/sdk'
import { useMemo } from 'react'
import { SeriesChart } from '../charts/LazySeriesChart.tsx'
import { servedWords } from '../endpoints/served.ts'
import { OutcomeBadge } from '../goals/GoalStrip.tsx'
import { lessIsBetter } from '../goals/metrics.ts'
import { isActive } from '../jobs/use-job.ts'
import { algorithmName, count, metricName, short, whole } from '../ui/format.ts'
import { NounLink } from '../ui/NounLink.tsx'
import { Num, WithInterval } from '../ui/Num.tsx'
import { Fact, Facts, Section } from '../ui/Page.tsx'
import { Notice } from '../ui/State.tsx'
import { bestOf, isLoss, seriesOf, trialsOf } from './live.ts'
import { RulesLine } from './RulesLine.tsx'
import { TrialsChart } from './TrialsChart.tsx'
import { TrialsParallel } from './TrialsParallel.tsx'
import { TrialsTable } from './TrialsTable.tsx'

/** A training job as it goes: the best so far, each trial, the curves, and at the end what came of it. */
export function TrainingProgress({ job, events }: { job: Job; events: readonly JobEvent[] }) {
  const trials = useMemo(() => trialsOf(events), [events])
  const losses = useMemo(() => seriesOf(events, isLoss), [events])
  const metric = metricOf(job, events)
  const greater = !lessIsBetter.has(metric)
  const best = bestOf(trials, greater)
  const warnings = events.filter((event) => event.type === 'warning')
  const result =
    job.state === 'succeeded' && job.result && 'versionId' in job.result ? (job.result as unknown as TrainingResult) : null
  const shown = losses.slice(-8)
  return (
    <div className="space-y-6">
      {result && <Result result={result} metric={metric} />}
      {!result && (
        <Facts>
          <Fact
            label="Best so far"
            note={best ? `${algorithmName(best.algorithm)}, trial ${best.trial + 1}` : 'no trial is complete'}
          >
            {best ? (
              <WithInterval
                value={best.score}
                low={best.std === null ? null : best.score! - best.std}
                high={best.std === null ? null : best.score! + best.std}
                method="one standard deviation over folds"
              />
            ) : (
              '–'
            )}
          </Fact>
          <Fact label="Measure">{metricName(metric)}</Fact>
          <Fact label="Trials" note={`${trials.filter((trial) => trial.state === 'pruned').length} stopped early`}>
            <Num>{trials.length}</Num>
          </Fact>
          <Fact label="Algorithms">
            <Num>{new Set(trials.map((trial) => trial.algorithm)).size}</Num>
          </Fact>
        </Facts>
      )}
      {typeof job.spec.runId === 'string' && <RulesLine run={job.spec.runId} running={isActive(job)} />}
      {warnings.length > 0 && (
        <ul className="space-y-2">
          {warnings.slice(-10).map((event) => (
            <li key={event.seq}>
              <Notice severity="warning">{String(event.data.message)}</Notice>
            </li>
          ))}
        </ul>
      )}
      {(isActive(job) || trials.some((trial) => trial.score !== null)) && (
        <div className="grid gap-6 xl:grid-cols-2">
          <Section>
            <TrialsChart trials={trials} metric={metric} greaterIsBetter={greater} />
          </Section>
          <Section>
            {shown.length > 0 ? (
              <SeriesChart
                title="Loss while fitting"
                name="loss"
                height={260}
                xLabel="round"
                summary={`Loss on held-out rows by round, for ${shown.map((series) => series.label).join(', ')}.`}
                series={shown}
              />
            ) : (
              <div className="grid h-[292px] place-items-center text-center text-soft">
                {isActive(job) ? 'Curves come with the first boosted trees.' : 'No algorithm of this job fits in rounds.'}
              </div>
            )}
          </Section>
        </div>
      )}
      {trials.length > 0 && (
        <Section title={count(trials.length, 'trial')} bare>
          <TrialsTable trials={trials} metric={metric} best={best?.trial ?? null} />
        </Section>
      )}
      {!isActive(job) && <TrialsParallel trials={trials} metric={metric} greaterIsBetter={greater} />}
    </div>
  )
}

function Result({ result, metric }: { result: TrainingResult; metric: string }) {
  const main = result.test[metric] ?? Object.values(result.test)[0]
  const baseline = result.baseline[metric]
  return (
    <Section
      title={
        <span className="flex flex-wrap items-center gap-2">
          <NounLink noun="model" to={result.model} search={{ version: String(result.version) }}>
            {result.model}
          </NounLink>
          <span className="num text-base font-normal text-faint">version {result.version}</span>
          {result.goal && <OutcomeBadge outcome={result.goal} />}
        </span>
      }
      note={result.goal?.sentence}
    >
      <Facts>
        <Fact
          label={`${metricName(metric)} on sealed rows`}
          note={baseline === undefined ? undefined : `baseline ${short(baseline, 3)}`}
        >
          <WithInterval value={main?.value} low={main?.low} high={main?.high} />
        </Fact>
        <Fact label="Algorithm">{algorithmName(result.algorithm)}</Fact>
        <Fact
          label="Served = trained"
          note={`${whole(result.parity.rows)} rows, greatest difference ${result.parity.maxDiff === 0 ? '0' : result.parity.maxDiff.toExponential(0)}`}
        >
          {result.parity.flips === 0 ? 'no label differs' : count(result.parity.flips, 'label flip')}
        </Fact>
        <Fact label="Served by">{servedWords[result.served]}</Fact>
      </Facts>
    </Section>
  )
}

/** The measure of the search: as the job was asked, or as its metrics are called. */
function metricOf(job: Job, events: readonly JobEvent[]): string {
  const asked = job.spec.metric
  if (typeof asked === 'string') return asked
  const named = events.find((event) => event.type === 'metric' && /^validation\..+\.mean$/.test(String(event.data.name)))
  return named ? String(named.data.name).slice('validation.'.length, -'.mean'.length) : 'score'
}
