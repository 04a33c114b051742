import type { Run } from '@atoll/sdk'
import { useQuery } from '@tanstack/react-query'
import { useParams, useSearch } from '@tanstack/react-router'
import { useState } from 'react'
import { atoll } from '../api.ts'
import { LineageTab } from '../datasets/LineageTab.tsx'
import { lessIsBetter } from '../goals/metrics.ts'
import { useJob, useJobEvents } from '../jobs/use-job.ts'
import { StateBadge } from '../ui/Badge.tsx'
import { CodeBlock, Copyable } from '../ui/CopyButton.tsx'
import { bytes, cell, short } from '../ui/format.ts'
import { NounLink } from '../ui/NounLink.tsx'
import { Num } from '../ui/Num.tsx'
import { Details, Page, Section } from '../ui/Page.tsx'
import { ErrorNote, SkeletonLines } from '../ui/State.tsx'
import { Tabs, tabOf } from '../ui/Tabs.tsx'
import { Ago } from '../ui/Time.tsx'
import { MetricCurves } from './MetricCurves.tsx'
import { inOrder } from './metric-groups.ts'
import { RulesTab } from './RulesTab.tsx'
import { TrainingProgress } from './TrainingProgress.tsx'

const tabs = [
  { id: 'overview', title: 'Overview' },
  { id: 'curves', title: 'Curves' },
  { id: 'training', title: 'Search' },
  { id: 'rules', title: 'Debugger' },
  { id: 'environment', title: 'Code and environment' },
  { id: 'lineage', title: 'Lineage' },
]

/** One run: what went in, what was measured, with what code. */
export function RunPage() {
  const id = useParams({ strict: false }).run ?? ''
  const search = useSearch({ strict: false })
  const run = useQuery({
    queryKey: ['run', id],
    queryFn: () => atoll.runs.get(id),
    refetchInterval: (query) => (query.state.data?.state === 'running' ? 2000 : false),
  })
  if (!run.data)
    return (
      <Page title="Run">
        {run.error ? <ErrorNote error={run.error} retry={() => void run.refetch()} /> : <SkeletonLines lines={8} />}
      </Page>
    )
  const data = run.data
  const shown = tabs.filter((tab) => tab.id !== 'training' || data.job)
  const tab = tabOf(shown, search.tab)
  return (
    <Page
      title={data.name}
      kicker={<StateBadge state={data.state} />}
      lead={
        <>
          {data.experimentName}, {data.ownerName}, <Ago at={data.startedAt} />
        </>
      }
      actions={
        data.job ? (
          <NounLink noun="job" to={data.job}>
            its job and log
          </NounLink>
        ) : undefined
      }
    >
      <Tabs tabs={shown} current={tab} label="Parts of the run" />
      {tab === 'overview' && <Overview run={data} />}
      {tab === 'curves' && <MetricCurves runs={[data]} />}
      {tab === 'training' && data.job && <SearchOfJob job={data.job} />}
      {tab === 'rules' && <RulesTab run={data} />}
      {tab === 'environment' && (
        <div className="space-y-6">
          <CodeBlock label="code" code={JSON.stringify(data.code, null, 2)} />
          <CodeBlock label="environment" code={JSON.stringify(data.environment, null, 2)} />
        </div>
      )}
      {tab === 'lineage' && <LineageTab id={data.id} />}
    </Page>
  )
}

function Overview({ run }: { run: Run }) {
  const [text, setText] = useState('')
  const metrics = inOrder(Object.keys(run.metrics).filter((name) => name.includes(text))).map(
    (name) => [name, run.metrics[name]] as const,
  )
  return (
    <div className="grid gap-6 lg:grid-cols-2">
      <Section
        title="Metrics"
        actions={
          Object.keys(run.metrics).length > 12 && (
            <input
              type="search"
              aria-label="Find a metric"
              placeholder="Find a metric"
              className="field h-7 w-44 text-sm"
              value={text}
              onChange={(event) => setText(event.target.value)}
            />
          )
        }
      >
        <div tabIndex={0} role="region" aria-label="Metrics" className="max-h-96 overflow-auto">
          <table className="w-full">
            <caption className="sr-only">Latest value of each metric</caption>
            <tbody>
              {metrics.map(([name, value]) => (
                <tr key={name} className="border-b last:border-0">
                  <th scope="row" className="py-1 pr-4 text-left font-normal">
                    {name}
                    {lessIsBetter.has(name.split('.').at(-1) ?? '') && (
                      <span className="ml-1.5 text-xs text-faint">less is better</span>
                    )}
                  </th>
                  <td className="py-1 text-right">
                    <Num>{short(value, 5)}</Num>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
          {metrics.length === 0 && <p className="text-soft">No metric was recorded.</p>}
        </div>
      </Section>
      <Section title="Parameters">
        <div tabIndex={0} role="region" aria-label="Parameters" className="max-h-96 overflow-auto">
          <Details
            rows={Object.entries(run.parameters).map(
              ([name, value]) =>
                [
                  name,
                  <span key={name} className="num">
                    {cell(value) || '–'}
                  </span>,
                ] as const,
            )}
          />
        </div>
      </Section>
      <Section title="Inputs">
        {run.inputs.length === 0 ? (
          <p className="text-soft">None were recorded.</p>
        ) : (
          <ul className="space-y-1">
            {run.inputs.map((input) => (
              <li key={input.id}>
                <span className="text-faint">{input.kind}</span> {input.name} <Copyable text={input.id} />
              </li>
            ))}
          </ul>
        )}
      </Section>
      <Section title="Artifacts">
        {run.artifacts.length === 0 ? (
          <p className="text-soft">None were kept.</p>
        ) : (
          <ul className="space-y-1">
            {run.artifacts.map((artifact) => (
              <li key={artifact.path} className="flex flex-wrap items-center gap-x-3">
                <a
                  className="link"
                  download
                  href={`/v1/runs/${run.id}/artifacts/${artifact.path.split('/').map(encodeURIComponent).join('/')}`}
                >
                  {artifact.path}
                </a>
                <span className="num text-sm text-faint">{bytes(artifact.sizeBytes)}</span>
                <Copyable text={artifact.sha256} shown={artifact.sha256.slice(0, 12)} />
              </li>
            ))}
          </ul>
        )}
      </Section>
    </div>
  )
}

function SearchOfJob({ job: id }: { job: string }) {
  const job = useJob(id)
  const { events, error } = useJobEvents(id)
  if (job.error ?? error) return <ErrorNote error={job.error ?? error} />
  return job.data ? <TrainingProgress job={job.data} events={events} /> : <SkeletonLines lines={6} />
}
