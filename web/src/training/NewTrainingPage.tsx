import type { TrainingInput } from '@atoll/sdk'
import { useMutation, useQuery } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { useRef, useState } from 'react'
import { atoll, changed, fieldOf, sentence } from '../api.ts'
import { useProjectRef, useRefusal } from '../app/project.ts'
import { Button } from '../ui/Button.tsx'
import { NumberField, SelectField, TextField } from '../ui/Field.tsx'
import { bytes, duration, short } from '../ui/format.ts'
import { NewLink } from '../ui/ListPage.tsx'
import { Num } from '../ui/Num.tsx'
import { Details, Page, Section } from '../ui/Page.tsx'
import { Empty, ErrorNote, Skeleton, SkeletonLines } from '../ui/State.tsx'
import { useSettled } from '../ui/settled.ts'
import { AlgorithmChoice } from './AlgorithmChoice.tsx'
import { ObjectiveFields } from './ObjectiveFields.tsx'
import { PictureOptions } from './PictureOptions.tsx'
import { PurposeChoice, PurposeOptions, purposeOf } from './PurposeChoice.tsx'
import { RulesChoice } from './RulesChoice.tsx'
import { structuredTask } from './structured-tasks.ts'
import { TargetChoice } from './TargetChoice.tsx'
import { WritingOptions } from './WritingOptions.tsx'

const budgets = [
  { value: '60', label: '1 minute' },
  { value: '120', label: '2 minutes' },
  { value: '300', label: '5 minutes' },
  { value: '900', label: '15 minutes' },
  { value: '3600', label: '1 hour' },
  { value: '14400', label: '4 hours' },
]

/** What to train on, for what, and how long; what it will take is said before it starts. */
export function NewTrainingPage() {
  const project = useProjectRef()
  const navigate = useNavigate()
  const refused = useRefusal()
  const search = useSearch({ strict: false })
  const goals = useQuery({ queryKey: ['goals', project, 'all'], queryFn: () => atoll.goals.list({ project, limit: 200 }) })
  const datasets = useQuery({
    queryKey: ['datasets', project, 'all'],
    queryFn: () => atoll.datasets.list({ project, limit: 500 }),
  })
  const recipes = useQuery({ queryKey: ['recipes', project, 'all'], queryFn: () => atoll.recipes.list({ project, limit: 200 }) })
  const ready = datasets.data?.items.filter((one) => one.latest?.state === 'ready') ?? []

  const [form, setForm] = useState<Partial<TrainingInput>>({
    algorithms: ['auto'],
    imbalance: 'auto',
    calibration: 'none',
    seed: 7,
    search: { strategy: 'tpe', budgetSeconds: 120 },
  })
  const set = (part: Partial<TrainingInput>) => setForm((old) => ({ ...old, ...part }))
  const goalRef = form.goal ?? (form.goal === undefined ? search.goal : undefined)
  const fitting = goals.data?.items ?? []
  const goal =
    fitting.find((one) => one.name === goalRef || one.id === goalRef) ??
    (form.goal === undefined && !search.target && !search.dataset ? fitting[0] : undefined)
  const dataset = goal
    ? ready.find((one) => one.id === goal.dataset)
    : (ready.find((one) => one.name === (form.dataset ?? search.dataset) || one.id === (form.dataset ?? search.dataset)) ??
      ready[0])
  const purpose = goal ? null : purposeOf(form.task)
  const structured = goal ? null : structuredTask(form.task)
  const writes = (structured ?? structuredTask(goal?.task))?.needs !== 'image' && (structured ?? structuredTask(goal?.task))
  const target = goal ? goal.target : (form.target ?? search.target ?? dataset?.target ?? '')
  const recipe = form.recipe ?? search.recipe ?? 'auto'
  const input: TrainingInput | null =
    dataset && (goal || target || purpose)
      ? {
          ...form,
          project,
          dataset: dataset.id,
          goal: goal?.id ?? null,
          target: goal || purpose ? null : target,
          positive: goal ? null : (form.positive ?? null),
          metric: goal ? null : (form.metric ?? null),
          recipe: typeof recipe === 'string' && recipe !== 'auto' ? recipe : 'auto',
        }
      : null
  const wanted = useSettled(JSON.stringify(input), 400)
  const estimate = useQuery({
    queryKey: ['training-estimate', wanted],
    queryFn: () => atoll.training.estimate(JSON.parse(wanted) as TrainingInput),
    enabled: wanted !== 'null',
    staleTime: 60_000,
    retry: false,
  })
  const key = useRef(crypto.randomUUID())
  const create = useMutation({
    mutationFn: () => atoll.training.create(input!, { idempotencyKey: key.current }),
    onSuccess: ({ job }) => {
      changed('jobs', 'runs', 'experiments')
      void navigate({ to: '/p/$project/jobs/$job', params: { project, job: job.id } })
    },
    onError: () => {
      key.current = crypto.randomUUID()
    },
  })
  const error = goals.error ?? datasets.error
  const errorFor = (field: string) => (fieldOf(create.error) === field ? sentence(create.error) : null)
  return (
    <Page
      title="Train a model"
      lead="A baseline first, then candidates by promise. The sealed test rows are opened once, at the end."
    >
      {error ? (
        <ErrorNote error={error} />
      ) : goals.isPending || datasets.isPending ? (
        <SkeletonLines lines={8} />
      ) : ready.length === 0 ? (
        <Empty title="Training needs data" action={<NewLink to="/datasets/new">Add data</NewLink>}>
          Add a table first.
        </Empty>
      ) : (
        <form
          className="grid gap-6 lg:grid-cols-[minmax(0,1fr)_20rem]"
          onSubmit={(event) => {
            event.preventDefault()
            create.mutate()
          }}
        >
          <div className="space-y-6">
            <Section title="For what">
              <div className="grid gap-4 sm:grid-cols-2">
                <SelectField
                  label="Goal"
                  value={goal?.id ?? ''}
                  choices={[...fitting.map((one) => ({ value: one.id, label: one.name })), { value: '', label: 'no goal' }]}
                  onChange={(value) => set({ goal: value || null })}
                  hint={goal?.sentence}
                  error={errorFor('goal')}
                />
                {goal ? (
                  <TextField
                    label="Data"
                    value={goal.datasetName}
                    readOnly
                    hint={dataset ? undefined : 'It is not ready, or you may not see it.'}
                  />
                ) : (
                  <SelectField
                    label="Data"
                    value={dataset?.name ?? ''}
                    choices={ready.map((one) => one.name)}
                    onChange={(value) => set({ dataset: value, target: undefined, positive: undefined })}
                    error={errorFor('dataset')}
                  />
                )}
                {!goal && (
                  <PurposeChoice
                    task={purpose ?? structured?.task ?? null}
                    columns={dataset?.latest?.columns ?? []}
                    onChange={set}
                  />
                )}
                {dataset && purpose && (
                  <PurposeOptions
                    dataset={dataset}
                    task={purpose}
                    options={form.options ?? {}}
                    onChange={(options) => set({ options })}
                    errorFor={errorFor}
                  />
                )}
                {!goal && !purpose && dataset && (
                  <TargetChoice
                    dataset={dataset}
                    structured={structured}
                    target={target ?? ''}
                    positive={form.positive ?? null}
                    metric={form.metric ?? null}
                    onChange={set}
                    errorFor={errorFor}
                  />
                )}
                {dataset && writes && (
                  <WritingOptions
                    project={project}
                    options={form.options ?? {}}
                    onChange={(options) => set({ options })}
                    errorFor={errorFor}
                  />
                )}
              </div>
            </Section>
            {dataset?.latest?.columns.some(({ type }) => type === 'image') && !purpose && (
              <PictureOptions
                project={project}
                key={`${dataset.id} ${goal?.task ?? form.task ?? ''}`}
                dataset={dataset}
                task={goal?.task ?? form.task ?? null}
                target={target || null}
                options={form.options ?? {}}
                onChange={(options) => set({ options })}
                errorFor={errorFor}
              />
            )}
            <Section title="How">
              <div className="grid gap-4 sm:grid-cols-2">
                <SelectField
                  label="Preparation"
                  value={typeof recipe === 'string' ? recipe : 'auto'}
                  choices={[
                    { value: 'auto', label: 'chosen from the profile' },
                    ...(recipes.data?.items.map((one) => ({ value: one.name, label: one.name })) ?? []),
                  ]}
                  onChange={(value) => set({ recipe: value })}
                  error={errorFor('recipe')}
                />
                <SelectField
                  label="Time to spend"
                  value={String(form.search?.budgetSeconds ?? '')}
                  choices={[...budgets, { value: '', label: 'no limit (count trials)' }]}
                  onChange={(value) =>
                    set({
                      search: {
                        ...form.search,
                        budgetSeconds: value ? Number(value) : null,
                        trials: value ? form.search?.trials : (form.search?.trials ?? 50),
                      },
                    })
                  }
                />
                <AlgorithmChoice
                  task={goal?.task ?? purpose ?? structured?.task ?? null}
                  value={form.algorithms ?? ['auto']}
                  onChange={(algorithms) => set({ algorithms })}
                />
              </div>
              <details className="mt-4">
                <summary className="text-soft">More choices</summary>
                <div className="mt-3 grid gap-4 sm:grid-cols-3">
                  <SelectField
                    label="Search"
                    value={form.search?.strategy ?? 'tpe'}
                    choices={[
                      { value: 'tpe', label: 'learning from trials (TPE)' },
                      { value: 'auto', label: 'Gaussian process, then TPE' },
                      { value: 'gp', label: 'for few, dear trials (Gaussian process)' },
                      { value: 'asha', label: 'many short trials (successive halving)' },
                      { value: 'hyperband', label: 'short and long trials (Hyperband)' },
                      { value: 'random', label: 'random' },
                      { value: 'grid', label: 'grid' },
                      { value: 'none', label: 'none: defaults only' },
                    ]}
                    onChange={(strategy) => set({ search: { ...form.search, strategy: strategy as 'tpe' } })}
                  />
                  <NumberField
                    label="Trials at most"
                    placeholder="as time allows"
                    min={1}
                    step={1}
                    value={form.search?.trials ?? null}
                    onChange={(trials) => set({ search: { ...form.search, trials } })}
                  />
                  <NumberField
                    label="Side by side"
                    placeholder="one at a time"
                    min={1}
                    max={64}
                    step={1}
                    value={form.search?.parallel ?? null}
                    onChange={(parallel) => set({ search: { ...form.search, parallel: parallel ?? undefined } })}
                  />
                  <ObjectiveFields search={form.search ?? {}} onChange={(search) => set({ search })} />
                  <NumberField
                    label="Seed"
                    min={0}
                    step={1}
                    value={form.seed ?? 7}
                    onChange={(seed) => set({ seed: seed ?? 7 })}
                  />
                  <SelectField
                    label="Rare classes"
                    value={form.imbalance ?? 'auto'}
                    choices={[
                      { value: 'auto', label: 'as the data asks' },
                      { value: 'none', label: 'leave as they are' },
                      { value: 'class_weight', label: 'weigh them more' },
                      { value: 'smote', label: 'SMOTE' },
                      { value: 'adasyn', label: 'ADASYN' },
                      { value: 'random_over', label: 'repeat rare rows' },
                      { value: 'random_under', label: 'leave out common rows' },
                      { value: 'near_miss', label: 'NearMiss' },
                    ]}
                    onChange={(imbalance) => set({ imbalance: imbalance as 'auto' })}
                  />
                  <SelectField
                    label="Calibration"
                    value={form.calibration ?? 'none'}
                    choices={[
                      { value: 'none', label: 'none' },
                      { value: 'sigmoid', label: 'sigmoid (Platt)' },
                      { value: 'isotonic', label: 'isotonic' },
                    ]}
                    onChange={(calibration) => set({ calibration: calibration as 'none' })}
                  />
                  <TextField
                    label="Model name"
                    placeholder="from data and target"
                    value={form.model ?? ''}
                    onChange={(event) => set({ model: event.target.value || null })}
                    error={errorFor('model')}
                  />
                  <TextField
                    label="Experiment"
                    placeholder="from the model"
                    value={form.experiment ?? ''}
                    onChange={(event) => set({ experiment: event.target.value || null })}
                    error={errorFor('experiment')}
                  />
                </div>
                <RulesChoice options={form.options ?? {}} onChange={(options) => set({ options })} />
              </details>
            </Section>
          </div>
          <div>
            <Section title="What it will take" className="lg:sticky lg:top-16">
              {estimate.error ? (
                <ErrorNote error={estimate.error} title="It cannot be started so." />
              ) : estimate.data ? (
                <Details
                  rows={[
                    [
                      'Time',
                      <Num key="t">
                        {estimate.data.seconds
                          ? `${duration(estimate.data.seconds.low)} to ${duration(estimate.data.seconds.high)}`
                          : 'not known yet'}
                      </Num>,
                    ],
                    ['Memory', <Num key="m">{bytes(estimate.data.memoryBytes)}</Num>],
                    estimate.data.energyWh !== null && ['Energy', <Num key="e">{`${short(estimate.data.energyWh, 2)} Wh`}</Num>],
                  ]}
                />
              ) : (
                <Skeleton className="h-16" />
              )}
              {estimate.data && <p className="mt-2 text-sm text-faint">{estimate.data.basis}</p>}
              {create.error && !fieldOf(create.error) && (
                <div className="mt-3">
                  <ErrorNote error={create.error} />
                </div>
              )}
              <Button
                look="primary"
                type="submit"
                className="mt-4 w-full"
                busy={create.isPending}
                why={refused}
                disabled={!input}
              >
                Start training
              </Button>
            </Section>
          </div>
        </form>
      )}
    </Page>
  )
}
