import type { Ladder, Model, ModelVersion, Rung } from '@atoll/sdk'
import { useMutation, useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useEffect, useState } from 'react'
import { atoll, changed } from '../api.ts'
import { useProjectRef, useRefusal } from '../app/project.ts'
import { isActive, useJob } from '../jobs/use-job.ts'
import { Promote } from '../models/Promote.tsx'
import { StateBadge } from '../ui/Badge.tsx'
import { Button, buttonClass } from '../ui/Button.tsx'
import { type ColumnOf, DataTable } from '../ui/DataTable.tsx'
import { NumberField, SelectField } from '../ui/Field.tsx'
import { bytes, metricName, short, whole } from '../ui/format.ts'
import { Num, WithInterval } from '../ui/Num.tsx'
import { Section } from '../ui/Page.tsx'
import { Bar, progressWords, shareOf } from '../ui/Progress.tsx'
import { ErrorNote, Skeleton } from '../ui/State.tsx'
import { Ago } from '../ui/Time.tsx'
import { say, sayError } from '../ui/toast.tsx'
import { isMeasured, LadderChart } from './LadderChart.tsx'
import { ShrinkForm } from './ShrinkForm.tsx'

interface Rule {
  maxLoss: number
  maxP95Ms: number
  optimise: 'size' | 'latency' | 'throughput' | 'energy'
}

/** Smaller and faster: a version and all that was made from it, how good, how fast and how large each is, and which one a rule picks. */
export function LadderTab({ model, version }: { model: Model; version: ModelVersion }) {
  const refused = useRefusal()
  const [rule, setRule] = useState<Rule>({ maxLoss: 0.01, maxP95Ms: 20, optimise: 'size' })
  const [job, setJob] = useState<string | null>(null)
  const ladder = useQuery({
    queryKey: ['model', model.id, 'ladder', version.number, rule],
    queryFn: () => atoll.models.ladder(model.id, version.number, rule),
    placeholderData: (old) => old,
  })
  const measure = useMutation({
    mutationFn: () => atoll.models.measureLadder(model.id, version.number),
    onSuccess: (made) => setJob(made.job.id),
    onError: sayError,
  })
  return (
    <div className="space-y-6">
      {job && <Under job={job} onEnd={() => setJob(null)} />}
      {ladder.error ? (
        <ErrorNote error={ladder.error} retry={() => void ladder.refetch()} />
      ) : !ladder.data ? (
        <Skeleton className="h-96" />
      ) : (
        <>
          <Section
            title="The ladder"
            note={conditions(ladder.data)}
            actions={
              <Button why={refused} busy={measure.isPending || job !== null} onClick={() => measure.mutate()}>
                {ladder.data.rungs.some(isMeasured) ? 'Measure anew' : 'Measure'}
              </Button>
            }
          >
            {ladder.data.rungs.some(isMeasured) && <LadderChart ladder={ladder.data} />}
            <Rungs ladder={ladder.data} />
          </Section>
          <Picked ladder={ladder.data} rule={rule} setRule={setRule} />
        </>
      )}
      <Section
        title="Make a smaller one"
        note={`From version ${version.number}; judged on the same sealed rows, and proven like every version.`}
      >
        <ShrinkForm model={model} version={version} onStarted={setJob} />
      </Section>
    </div>
  )
}

function Under({ job, onEnd }: { job: string; onEnd: () => void }) {
  const project = useProjectRef()
  const { data } = useJob(job)
  useEffect(() => {
    if (!data || isActive(data)) return
    changed('model')
    if (data.state === 'succeeded') say('Done.')
    else say(data.failure?.message ?? 'The job was cancelled.')
    onEnd()
  }, [data, onEnd])
  if (!data) return <Skeleton className="h-12" />
  return (
    <div className="rounded-lg border bg-surface p-4">
      <Bar share={data.state === 'queued' ? 0 : shareOf(data)} label="Progress" className="h-2" />
      <p className="num mt-2 text-soft" role="status">
        {progressWords(data)}{' '}
        <Link to="/p/$project/jobs/$job" params={{ project, job }} className="link">
          Open the job
        </Link>
      </p>
    </div>
  )
}

function conditions({ rungs }: Ladder): string {
  const of = rungs.find(isMeasured)?.measured
  if (!of) return 'Not measured on this machine yet.'
  const energy = of.energyWhPerThousandRows === null ? ' Energy: the counters of this processor cannot be read.' : ''
  return `Measured in turns on ${of.machine.processor}, ${of.machine.cores} cores (load ${short(of.machine.load)} at the start), ${whole(of.repetitions)} requests of one row, throughput with ${of.many.rows} rows a request.${energy}`
}

function Rungs({ ladder }: { ladder: Ladder }) {
  const project = useProjectRef()
  const metric = metricName(ladder.metric)
  const columns: ColumnOf<Rung>[] = [
    {
      id: 'name',
      title: 'Version',
      value: (row) => row.name,
      cell: (row) => (
        <Link
          to="/p/$project/models/$model"
          params={{ project, model: row.model }}
          search={{ version: String(row.number), tab: 'ladder' }}
          className="link"
        >
          {row.name}
        </Link>
      ),
    },
    {
      id: 'how',
      title: 'How',
      value: (row) => row.derived?.summary ?? 'the original',
      cell: (row) => row.derived?.summary ?? 'the original',
    },
    {
      id: 'quality',
      title: metric,
      right: true,
      value: (row) => row.quality?.value,
      cell: (row) => <WithInterval {...(row.quality ?? { value: null })} method="sealed test" />,
    },
    {
      id: 'difference',
      title: 'To the first',
      right: true,
      value: (row) => row.difference?.value,
      cell: (row) =>
        row.difference ? (
          <span title={row.difference.sentence} className={row.difference.significant ? 'num' : 'num text-faint'}>
            {short(row.difference.value)} ({short(row.difference.low)} to {short(row.difference.high)})
          </span>
        ) : (
          '–'
        ),
    },
    { id: 'size', title: 'Size', right: true, value: (row) => row.sizeBytes, cell: (row) => <Num>{bytes(row.sizeBytes)}</Num> },
    {
      id: 'p50',
      title: 'p50 ms',
      right: true,
      hide: 'narrow',
      value: (row) => row.measured?.one.p50Ms,
      cell: (row) => <Num value={row.measured?.one.p50Ms} />,
    },
    {
      id: 'p95',
      title: 'p95 ms',
      right: true,
      value: (row) => row.measured?.one.p95Ms,
      cell: (row) => <Num value={row.measured?.one.p95Ms} />,
    },
    {
      id: 'rows',
      title: 'Rows/s',
      right: true,
      value: (row) => row.measured?.many.rowsPerSecond,
      cell: (row) => <Num>{whole(row.measured?.many.rowsPerSecond)}</Num>,
    },
    {
      id: 'memory',
      title: 'Memory',
      right: true,
      hide: 'narrow',
      value: (row) => row.measured?.peakMemoryBytes,
      cell: (row) => <Num>{bytes(row.measured?.peakMemoryBytes)}</Num>,
    },
    {
      id: 'energy',
      title: 'Wh/1,000',
      right: true,
      hide: 'default',
      value: (row) => row.measured?.energyWhPerThousandRows,
      cell: (row) => <Num value={row.measured?.energyWhPerThousandRows} />,
    },
    {
      id: 'inputs',
      title: 'Inputs',
      right: true,
      hide: 'narrow',
      value: (row) => row.inputs,
      cell: (row) => <Num>{whole(row.inputs)}</Num>,
    },
    {
      id: 'front',
      title: 'Front',
      hide: 'default',
      value: (row) => Number(row.isOnFront),
      cell: (row) => (row.isOnFront ? 'yes' : '–'),
    },
    { id: 'state', title: 'State', hide: 'narrow', value: (row) => row.state, cell: (row) => <StateBadge state={row.state} /> },
    {
      id: 'at',
      title: 'Measured',
      right: true,
      hide: 'default',
      value: (row) => row.measured?.at,
      cell: (row) => (row.measured ? <Ago at={row.measured.at} /> : '–'),
    },
  ]
  return <DataTable label="Rungs of the ladder" columns={columns} rows={ladder.rungs} keyOf={(row) => row.version} />
}

function Picked({ ladder, rule, setRule }: { ladder: Ladder; rule: Rule; setRule: (rule: Rule) => void }) {
  const project = useProjectRef()
  const refused = useRefusal()
  const picked = ladder.rungs.find(({ version }) => version === ladder.choice.version)
  const found = useQuery({
    queryKey: ['model', picked?.model, 'picked', picked?.version],
    queryFn: async () => {
      const model = await atoll.models.get(picked!.model, { project })
      return { model, version: await atoll.models.version(model.id, picked!.number) }
    },
    enabled: picked !== undefined,
  })
  return (
    <Section title="Which one">
      <div className="grid gap-3 sm:grid-cols-3">
        <NumberField
          label={`${metricName(ladder.metric)} that may be lost`}
          min={0}
          value={rule.maxLoss}
          onChange={(maxLoss) => maxLoss !== null && setRule({ ...rule, maxLoss })}
        />
        <NumberField
          label="Milliseconds, 95th percentile"
          min={0}
          value={rule.maxP95Ms}
          onChange={(maxP95Ms) => maxP95Ms !== null && setRule({ ...rule, maxP95Ms })}
        />
        <SelectField
          label="Then the best in"
          value={rule.optimise}
          choices={[
            { value: 'size', label: 'size' },
            { value: 'latency', label: 'latency' },
            { value: 'throughput', label: 'throughput' },
            { value: 'energy', label: 'energy' },
          ]}
          onChange={(optimise) => setRule({ ...rule, optimise: optimise as Rule['optimise'] })}
        />
      </div>
      <p className="mt-3" role="status">
        {ladder.choice.sentence}
      </p>
      {ladder.choice.refused.length > 0 && (
        <ul className="mt-2 list-disc pl-5 text-sm text-soft">
          {ladder.choice.refused.map(({ name, why }) => (
            <li key={name}>{why}</li>
          ))}
        </ul>
      )}
      {picked && found.data && (
        <div className="mt-3 flex flex-wrap gap-2">
          <Promote model={found.data.model} version={found.data.version} />
          {!refused && (
            <Link
              to="/p/$project/endpoints/new"
              params={{ project }}
              search={{ model: picked.name }}
              className={buttonClass('primary')}
            >
              Deploy {picked.name}
            </Link>
          )}
        </div>
      )}
    </Section>
  )
}
