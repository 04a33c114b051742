import type { Recipe } from '@atoll/sdk'
import { keepPreviousData, useMutation, useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import { Sparkles } from 'lucide-react'
import { useState } from 'react'
import { atoll, changed, fieldOf, sentence } from '../api.ts'
import { sayDeleted } from '../app/deleted.ts'
import { useProjectRef, useRefusal } from '../app/project.ts'
import { Button, buttonClass } from '../ui/Button.tsx'
import { Confirm } from '../ui/Confirm.tsx'
import { SelectField, TextField } from '../ui/Field.tsx'
import { Page, Section } from '../ui/Page.tsx'
import { Empty, ErrorNote, SkeletonLines } from '../ui/State.tsx'
import { useSettled } from '../ui/settled.ts'
import { say, sayError } from '../ui/toast.tsx'
import { AddStep } from './AddStep.tsx'
import { PreviewPane } from './PreviewPane.tsx'
import { Reasons } from './Reasons.tsx'
import { StepCard } from './StepCard.tsx'
import { type KeyedStep, keyed, moved } from './step-list.ts'

/** Steps on the left, what they make of the first rows on the right. */
export function RecipeEditor({ recipe }: { recipe: Recipe | null }) {
  const project = useProjectRef()
  const navigate = useNavigate()
  const refused = useRefusal()
  const search = useSearch({ strict: false })
  const [name, setName] = useState(recipe?.name ?? '')
  const [datasetRef, setDatasetRef] = useState(recipe?.dataset ?? search.dataset ?? '')
  const [targetChoice, setTarget] = useState<string | null>(recipe?.target ?? null)
  const [steps, setSteps] = useState<KeyedStep[]>(() => keyed(recipe?.steps ?? []))
  const [reasons, setReasons] = useState<string[]>(recipe?.reasons ?? [])
  const [open, setOpen] = useState<number | null>(null)

  const catalogue = useQuery({
    queryKey: ['recipe-steps'],
    queryFn: () => atoll.recipes.steps(),
    staleTime: Number.POSITIVE_INFINITY,
  })
  const datasets = useQuery({
    queryKey: ['datasets', project, 'all'],
    queryFn: () => atoll.datasets.list({ project, limit: 500 }),
  })
  const ready = datasets.data?.items.filter((one) => one.latest?.state === 'ready') ?? []
  const dataset = ready.find((one) => one.id === datasetRef || one.name === datasetRef) ?? (datasetRef ? undefined : ready[0])
  const columns = dataset?.latest?.columns ?? []
  const target = targetChoice ?? dataset?.target ?? null
  const plain = steps.map(({ step }) => step)
  const settled = useSettled(JSON.stringify(plain), 500)
  const preview = useQuery({
    queryKey: ['recipe-preview', dataset?.id, target, settled],
    queryFn: ({ signal }) =>
      atoll.recipes.preview({ dataset: dataset!.id, target, steps: JSON.parse(settled), rows: 20 }, { signal }),
    enabled: dataset !== undefined,
    placeholderData: keepPreviousData,
    staleTime: Number.POSITIVE_INFINITY,
    retry: false,
  })
  const suggest = useMutation({
    mutationFn: () => atoll.recipes.suggest({ dataset: dataset!.id, target: target ?? '' }),
    onSuccess: (suggestion) => {
      setSteps(keyed(suggestion.steps))
      setReasons([...suggestion.reasons, ...suggestion.derived.map((one) => `${one.name} = ${one.expression}: ${one.why}`)])
    },
  })
  const save = useMutation({
    mutationFn: () =>
      recipe
        ? atoll.recipes.update(recipe.id, { name, steps: plain, dataset: dataset?.id ?? null, target })
        : atoll.recipes.create({ project, name, steps: plain, dataset: dataset?.id ?? null, target }),
    onSuccess: (saved) => {
      changed('recipes', 'recipe')
      say(`${saved.name} is saved.`)
      if (!recipe || saved.name !== recipe.name)
        void navigate({ to: '/p/$project/recipes/$recipe', params: { project, recipe: saved.name }, replace: true })
    },
  })
  const dirty = recipe === null || JSON.stringify(plain) !== JSON.stringify(recipe.steps) || name !== recipe.name
  const failedStep = stepOf(preview.error)
  const readOnly = Boolean(refused)
  const change = (at: number, next: KeyedStep['step']) =>
    setSteps(steps.map((one, place) => (place === at ? { ...one, step: next } : one)))

  return (
    <Page
      title={recipe?.name ?? 'New recipe'}
      kicker={recipe && <span className="num text-sm text-faint">revision {recipe.revision}</span>}
      lead="Each step is fitted on training rows only and served as part of the model."
      actions={
        <>
          {recipe && !refused && (
            <Link
              to="/p/$project/training/new"
              params={{ project }}
              search={{ recipe: recipe.name, dataset: dataset?.name, target: target ?? undefined }}
              className={buttonClass()}
            >
              Train with it
            </Link>
          )}
          {recipe && (
            <Confirm
              trigger={
                <Button look="danger" why={refused}>
                  Delete
                </Button>
              }
              title={`Delete the recipe “${recipe.name}”?`}
              action="Delete it"
              onConfirm={() =>
                void atoll.recipes.delete(recipe.id).then(() => {
                  // Away first: what is gone is not to be read again by this page.
                  void navigate({ to: '/p/$project/recipes', params: { project } }).then(() =>
                    sayDeleted(recipe, 'recipes', 'recipe'),
                  )
                }, sayError)
              }
            >
              Models trained with it keep their own copy.
            </Confirm>
          )}
          <Button
            look="primary"
            why={refused}
            busy={save.isPending}
            disabled={!name.trim() || !dirty}
            onClick={() => save.mutate()}
          >
            Save
          </Button>
        </>
      }
    >
      <div className="mb-5 grid gap-4 sm:grid-cols-3 xl:max-w-4xl">
        <TextField
          label="Name"
          value={name}
          disabled={readOnly}
          onChange={(event) => setName(event.target.value)}
          error={fieldOf(save.error) === 'name' ? sentence(save.error) : null}
        />
        <SelectField
          label="Tried on"
          value={dataset?.name ?? ''}
          choices={ready.map((one) => one.name)}
          onChange={setDatasetRef}
        />
        <SelectField
          label="Target"
          value={target ?? ''}
          choices={[{ value: '', label: 'none' }, ...columns.map((column) => column.name)]}
          onChange={(next) => setTarget(next)}
        />
      </div>
      {save.error && fieldOf(save.error) !== 'name' && (
        <div className="mb-4">
          <ErrorNote error={save.error} />
        </div>
      )}
      <div className="grid gap-6 xl:grid-cols-2">
        <Section
          bare
          title="Steps"
          actions={
            !readOnly && (
              <Button
                size="sm"
                busy={suggest.isPending}
                why={target ? null : 'Choose the target first: a suggestion depends on it.'}
                onClick={() => suggest.mutate()}
                icon={<Sparkles aria-hidden="true" className="size-3.5" />}
              >
                {suggest.isPending ? 'Looking at the data' : 'Suggest'}
              </Button>
            )
          }
        >
          {suggest.error && (
            <div className="mb-3">
              <ErrorNote error={suggest.error} />
            </div>
          )}
          {catalogue.error ? (
            <ErrorNote error={catalogue.error} retry={() => void catalogue.refetch()} />
          ) : catalogue.isPending ? (
            <SkeletonLines lines={5} />
          ) : (
            <div className="space-y-3">
              {steps.length === 0 && (
                <Empty title="No step yet">Add one, or let Atoll suggest steps from the profile and say why.</Empty>
              )}
              <ol className="space-y-2">
                {steps.map(({ key, step }, at) => (
                  <StepCard
                    key={key}
                    number={at + 1}
                    step={step}
                    info={catalogue.data.items.find((info) => info.step === step.step)}
                    columns={columns}
                    open={open === key}
                    readOnly={readOnly}
                    effect={preview.data?.perStep[at]?.step === step.step ? preview.data.perStep[at] : undefined}
                    error={failedStep === at ? sentence(preview.error) : null}
                    onOpen={() => setOpen(open === key ? null : key)}
                    onChange={(next) => change(at, next)}
                    onMove={(by) => setSteps(moved(steps, at, by))}
                    onRemove={() => {
                      const before = steps
                      setSteps(steps.filter((_, place) => place !== at))
                      say('The step is removed.', { action: { label: 'Undo', run: () => setSteps(before) } })
                    }}
                  />
                ))}
              </ol>
              {!readOnly && (
                <AddStep
                  catalogue={catalogue.data.items}
                  onAdd={(info) => {
                    const [step] = keyed([{ step: info.step }])
                    if (!step) return
                    setSteps([...steps, step])
                    setOpen(step.key)
                  }}
                />
              )}
              <Reasons reasons={reasons} />
            </div>
          )}
        </Section>
        {dataset ? (
          <PreviewPane
            preview={preview.data}
            error={failedStep === null ? preview.error : null}
            busy={preview.isFetching}
            retry={() => void preview.refetch()}
          />
        ) : (
          <Empty title="No data to try it on">Choose a data set above to see what the steps make of its first rows.</Empty>
        )}
      </div>
    </Page>
  )
}

/** The place of the step that a refusal names, if any. */
function stepOf(error: unknown): number | null {
  const facts = (error as { facts?: Record<string, unknown> } | null)?.facts
  const at = facts?.index ?? facts?.stepIndex
  if (typeof at === 'number') return at
  const field = typeof facts?.field === 'string' ? /steps[.[](\d+)/.exec(facts.field) : null
  return field ? Number(field[1]) : null
}
