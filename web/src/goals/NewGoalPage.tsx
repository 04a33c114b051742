import type { Dataset, Goal, GoalInput, Split } from '@atoll/sdk'
import { useMutation, useQuery } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { useState } from 'react'
import { atoll, changed, fieldOf, sentence } from '../api.ts'
import { useProjectRef } from '../app/project.ts'
import { isNumeric } from '../datasets/column-type.tsx'
import { useProfile } from '../datasets/use-profile.ts'
import { rowsAloneTasks, structuredTask, structuredTasks } from '../training/structured-tasks.ts'
import { Button } from '../ui/Button.tsx'
import { NumberField, SelectField, TextField } from '../ui/Field.tsx'
import { metricName, percent, whole } from '../ui/format.ts'
import { NewLink } from '../ui/ListPage.tsx'
import { Page, Section } from '../ui/Page.tsx'
import { Empty, ErrorNote, SkeletonLines } from '../ui/State.tsx'
import { binaryMetrics, lessIsBetter, type Metric, metricAsks, multiclassMetrics, regressionMetrics } from './metrics.ts'

/** Which column, how good, and what errors cost. */
export function NewGoalPage() {
  const project = useProjectRef()
  const search = useSearch({ strict: false })
  const [name, setName] = useState(search.dataset ?? '')
  const datasets = useQuery({
    queryKey: ['datasets', project, 'all'],
    queryFn: () => atoll.datasets.list({ project, limit: 500 }),
  })
  const ready = datasets.data?.items.filter((dataset) => dataset.latest?.state === 'ready') ?? []
  const dataset = ready.find((one) => one.name === name || one.id === name) ?? (name ? undefined : ready[0])
  return (
    <Page
      title="State a goal"
      lead="A goal is a contract: training optimises it, evaluation reports it, promotion and alerts enforce it."
    >
      {datasets.error ? (
        <ErrorNote error={datasets.error} retry={() => void datasets.refetch()} />
      ) : datasets.isPending ? (
        <SkeletonLines lines={6} />
      ) : ready.length === 0 ? (
        <Empty title="A goal needs data" action={<NewLink to="/datasets/new">Add data</NewLink>}>
          Add a table first; then say what should be predicted of it.
        </Empty>
      ) : (
        <div className="max-w-3xl space-y-6">
          <SelectField
            label="Data"
            value={dataset?.name ?? ''}
            choices={ready.map((one) => one.name)}
            onChange={setName}
            wrap="max-w-sm"
          />
          {dataset && <GoalForm key={dataset.id} dataset={dataset} wantedTarget={search.target} />}
        </div>
      )}
    </Page>
  )
}

function GoalForm({ dataset, wantedTarget }: { dataset: Dataset; wantedTarget?: string }) {
  const project = useProjectRef()
  const navigate = useNavigate()
  const able = structuredTasks.filter(({ needs }) => dataset.latest?.columns.some(({ type }) => type === needs))
  const [wish, setWish] = useState('')
  const structured = structuredTask(wish)
  const alone = rowsAloneTasks.find((one) => one.task === wish) ?? null
  const columns =
    dataset.latest?.columns.filter(({ type }) =>
      structured ? structured.types.includes(type) : type !== 'text' && type !== 'datetime',
    ) ?? []
  const [target, setTarget] = useState(wantedTarget ?? dataset.target ?? columns.at(-1)?.name ?? '')
  const { profile } = useProfile({ ...dataset, target }, dataset.latest!)
  const column = profile.data?.columns.find((one) => one.name === target)
  const classes = profile.data?.target?.column === target ? profile.data.target.classes : (column?.top ?? [])
  const type = dataset.latest?.columns.find((one) => one.name === target)?.type
  const task = alone?.task ?? structured?.task ?? (column ? taskOf(type ?? 'category', column.distinct) : null)
  const metrics = alone
    ? alone.metrics
    : structured
      ? structured.metrics
      : task === 'regression'
        ? regressionMetrics
        : task === 'multiclass'
          ? multiclassMetrics
          : binaryMetrics
  const [chosenMetric, setMetric] = useState<Metric | null>(null)
  const metric = chosenMetric && metrics.includes(chosenMetric) ? chosenMetric : (metrics[0] ?? 'f1')
  const [chosenPositive, setPositive] = useState<string | null>(null)
  // The rarer class is usually the one people look for.
  const rare = [...classes].sort((a, b) => a.count - b.count)[0]?.value ?? ''
  const positive = chosenPositive !== null && classes.some((one) => one.value === chosenPositive) ? chosenPositive : rare
  const [bound, setBound] = useState<number | null>(null)
  const [costs, setCosts] = useState<{ fp: number | null; fn: number | null }>({ fp: null, fn: null })
  const [name, setName] = useState('')
  const [split, setSplit] = useState('')
  const splits = useQuery({
    queryKey: ['splits', dataset.id],
    queryFn: () => atoll.splits.list({ dataset: dataset.id }),
  })
  const fitting =
    splits.data?.items.filter(
      (one) =>
        one.version === dataset.latest?.id &&
        one.state !== 'failed' &&
        (one.target === null || (!alone && one.target === target)),
    ) ?? []
  const total = classes.reduce((sum, one) => sum + one.count, 0)
  const less = lessIsBetter.has(metric)

  const create = useMutation({
    mutationFn: (): Promise<Goal> =>
      atoll.goals.create({
        project,
        dataset: dataset.id,
        target: alone ? null : target,
        ...((alone ?? structured) && { task: (alone ?? structured)!.task as GoalInput['task'] }),
        metric,
        positive: task === 'binary' ? positive : null,
        atLeast: less ? null : bound,
        atMost: less ? bound : null,
        costFalsePositive: task === 'binary' ? costs.fp : null,
        costFalseNegative: task === 'binary' ? costs.fn : null,
        split: fitting.some((one) => one.id === split) ? split : null,
        ...(name.trim() && { name: name.trim() }),
      }),
    onSuccess: (goal) => {
      changed('goals', 'projects', 'splits', 'jobs')
      void navigate({ to: '/p/$project/goals/$goal', params: { project, goal: goal.name } })
    },
  })
  const errorFor = (...fields: string[]) => (fields.includes(fieldOf(create.error) ?? '') ? sentence(create.error) : null)
  return (
    <form
      className="space-y-6"
      onSubmit={(event) => {
        event.preventDefault()
        create.mutate()
      }}
    >
      <Section title="What is predicted">
        <div className="grid gap-4 sm:grid-cols-2">
          <SelectField
            label="To do"
            value={wish}
            choices={[
              { value: '', label: 'predict a column' },
              ...[...able, ...rowsAloneTasks].map(({ task: value, label }) => ({ value, label })),
            ]}
            hint={alone?.hint ?? structured?.hint}
            onChange={(value) => {
              setWish(value)
              const types = structuredTask(value)?.types
              const fitting = dataset.latest?.columns.filter((one) => !types || types.includes(one.type)) ?? []
              if (!fitting.some((one) => one.name === target)) setTarget(fitting.at(-1)?.name ?? '')
            }}
          />
          {!alone && (
            <SelectField
              label={structured?.holds ?? 'Column'}
              value={target}
              choices={columns.map((one) => one.name)}
              onChange={setTarget}
              error={errorFor('target')}
              hint={
                structured
                  ? undefined
                  : task
                    ? taskWords(task, column?.distinct ?? 0)
                    : profile.isPending
                      ? 'Looking at the column'
                      : undefined
              }
            />
          )}
          {task === 'binary' && (
            <SelectField
              label="The class that matters"
              value={positive}
              choices={classes.map((one) => ({
                value: one.value,
                label: `${one.value}  (${whole(one.count)} rows, ${percent(one.count / Math.max(1, total))})`,
              }))}
              onChange={setPositive}
              error={errorFor('positive')}
            />
          )}
        </div>
      </Section>
      <Section title="How good is good enough">
        <div className="grid gap-4 sm:grid-cols-2">
          <SelectField
            label="Measure"
            value={metric}
            choices={metrics.map((one) => ({ value: one, label: metricName(one) }))}
            onChange={(value) => setMetric(value as Metric)}
            hint={metricAsks[metric]}
            error={errorFor('metric')}
          />
          <NumberField
            key={metric}
            label={less ? 'At most' : 'At least'}
            value={bound}
            onChange={setBound}
            hint="On the sealed test rows."
            error={errorFor('atLeast', 'atMost')}
          />
        </div>
      </Section>
      {task === 'binary' && (
        <Section
          title="What errors cost"
          note="Only the ratio matters. With costs, the threshold is set where errors are cheapest."
        >
          <div className="grid gap-4 sm:grid-cols-2">
            <NumberField
              label={`A false “${positive}”`}
              min={0}
              value={costs.fp}
              onChange={(fp) => setCosts({ ...costs, fp })}
              placeholder="not stated"
              hint={`The model says ${positive}, but it is not.`}
              error={errorFor('costFalsePositive')}
            />
            <NumberField
              label={`A missed “${positive}”`}
              min={0}
              value={costs.fn}
              onChange={(fn) => setCosts({ ...costs, fn })}
              placeholder="not stated"
              hint={`It is ${positive}, but the model says otherwise.`}
              error={errorFor('costFalseNegative')}
            />
          </div>
        </Section>
      )}
      {fitting.length > 0 && (
        <SelectField
          wrap="max-w-lg"
          label="Judged on"
          hint="Every model of the goal is trained and judged on the same rows."
          value={fitting.some((one) => one.id === split) ? split : ''}
          choices={[
            { value: '', label: 'The usual split' },
            ...fitting.map((one) => ({ value: one.id, label: splitWords(one) })),
          ]}
          onChange={setSplit}
          error={errorFor('split')}
        />
      )}
      <TextField
        wrap="max-w-sm"
        label="Name"
        placeholder={`${alone?.task ?? target} ${metricName(metric)}`}
        value={name}
        onChange={(event) => setName(event.target.value)}
        error={errorFor('name')}
      />
      {create.error && !fieldOf(create.error) && <ErrorNote error={create.error} />}
      <Button look="primary" type="submit" busy={create.isPending} disabled={!target && !alone}>
        State this goal
      </Button>
    </form>
  )
}

function taskOf(type: string, distinct: number): Goal['task'] {
  if (distinct <= 2) return 'binary'
  return isNumeric(type as 'number') && distinct > 20 ? 'regression' : type === 'number' ? 'regression' : 'multiclass'
}

const taskWords = (task: Goal['task'], distinct: number) =>
  task === 'binary' ? 'Two classes.' : task === 'multiclass' ? `${whole(distinct)} classes.` : 'A number.'

const splitWords = ({ kind, timeColumn, groupColumn, seed, parts }: Split) => {
  const sealed = parts.find((part) => part.sealed)?.rows
  const by = timeColumn ? ` of ${timeColumn}` : groupColumn ? ` by ${groupColumn}` : ''
  return `${kind}${by}, seed ${seed}${sealed === undefined ? '' : `, ${whole(sealed)} rows sealed`}`
}
