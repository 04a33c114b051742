import type { PipelineSpec } from '@atoll/sdk'
import { useMutation, useQuery } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { atoll, changed, fieldOf, sentence } from '../api.ts'
import { useProjectRef, useRefusal } from '../app/project.ts'
import { Button } from '../ui/Button.tsx'
import { SelectField, TextareaField, TextField } from '../ui/Field.tsx'
import { NewLink } from '../ui/ListPage.tsx'
import { Page, Section } from '../ui/Page.tsx'
import { Empty, ErrorNote } from '../ui/State.tsx'

type How = 'average' | 'vote' | 'max' | 'first_confident'

const begun = (models: readonly string[], how: How): string => {
  const steps = models.map((model, i) => ({ name: `m${i + 1}`, model }))
  const all = { name: 'all', combine: { how, of: steps.map(({ name }) => name) } }
  return JSON.stringify({ steps: [...steps, all], output: { from: 'all' } }, null, 2)
}

/** Several models as one: declared as JSON, checked and tried here, registered as a version of a model. */
export function NewPipelinePage() {
  const project = useProjectRef()
  const navigate = useNavigate()
  const refused = useRefusal()
  const models = useQuery({ queryKey: ['models', project, 'all'], queryFn: () => atoll.models.list({ project, limit: 200 }) })
  const names = (models.data?.items ?? [])
    .filter(({ latest }) => latest !== null && latest.manifest.kind !== 'pipeline')
    .map(({ name }) => name)
  const [how, setHow] = useState<How>('average')
  const [text, setText] = useState<string | null>(null)
  const [name, setName] = useState('')
  const [row, setRow] = useState('')
  const shown = text ?? begun(names.slice(0, 2), how)
  const check = useMutation({
    mutationFn: async () =>
      atoll.pipelines.check({
        project,
        pipeline: read<PipelineSpec>(shown, 'The pipeline'),
        rows: row.trim() === '' ? [] : [read<Record<string, unknown>>(row, 'The row')],
      }),
  })
  const create = useMutation({
    mutationFn: async () =>
      atoll.pipelines.create({ project, name: name.trim(), pipeline: read<PipelineSpec>(shown, 'The pipeline') }),
    onSuccess: (version) => {
      changed('models', 'model')
      void navigate({ to: '/p/$project/models/$model', params: { project, model: version.modelName } })
    },
  })
  const checked = check.data
  if (models.data && names.length === 0)
    return (
      <Page title="New pipeline" lead="Several models, and what is done before, between and after them, as one version.">
        <Empty title="There is no model to put into a pipeline" action={<NewLink to="/training/new">Train a model</NewLink>}>
          A pipeline answers with several models as one: their average, a vote, or the second where the first is not sure.
        </Empty>
      </Page>
    )
  return (
    <Page title="New pipeline" lead="Several models, and what is done before, between and after them, as one version.">
      <form
        className="max-w-4xl space-y-6"
        onSubmit={(event) => {
          event.preventDefault()
          create.mutate()
        }}
      >
        <Section title="Steps">
          <div className="space-y-4">
            <SelectField
              label="Begin with"
              value={how}
              onChange={(value) => {
                setHow(value as How)
                setText(null)
              }}
              choices={[
                { value: 'average', label: 'The average of two models' },
                { value: 'vote', label: 'A vote of two models' },
                { value: 'max', label: 'The surest of two models' },
                { value: 'first_confident', label: 'A cascade: the second only where the first is not sure' },
              ]}
              wrap="max-w-md"
            />
            <TextareaField
              label="Pipeline"
              rows={16}
              spellCheck={false}
              className="num text-sm"
              value={shown}
              onChange={(event) => setText(event.target.value)}
            />
            <TextareaField
              label="A row to try it on"
              rows={4}
              spellCheck={false}
              className="num text-sm"
              placeholder='{ "age": 41, "plan": "basic" }'
              value={row}
              onChange={(event) => setRow(event.target.value)}
            />
            <Button busy={check.isPending} onClick={() => check.mutate()}>
              {row.trim() === '' ? 'Check' : 'Check and try'}
            </Button>
          </div>
        </Section>
        {check.error && <ErrorNote error={check.error} />}
        {checked && (
          <Section title="What it takes and says">
            <p>
              Takes {checked.signature.inputs.map((input) => `${input.name} (${input.type})`).join(', ')}. Says{' '}
              {checked.signature.classes ? `one of ${checked.signature.classes.join(', ')}` : 'a number or a text'}.
            </p>
            {checked.predictions.length > 0 && (
              <pre className="num mt-3 overflow-x-auto rounded-lg bg-sunken p-3 text-sm" tabIndex={0}>
                {JSON.stringify(checked.predictions[0], null, 2)}
              </pre>
            )}
          </Section>
        )}
        <Section title="Register">
          <div className="flex flex-wrap items-end gap-3">
            <TextField
              label="Model"
              required
              hint="A new name, or a model of which it becomes a further version"
              value={name}
              onChange={(event) => setName(event.target.value)}
              error={fieldOf(create.error) === 'name' ? sentence(create.error) : null}
              wrap="w-72"
            />
            <Button look="primary" type="submit" why={refused} busy={create.isPending}>
              Register
            </Button>
          </div>
          {create.error && fieldOf(create.error) !== 'name' && (
            <div className="mt-3">
              <ErrorNote error={create.error} />
            </div>
          )}
        </Section>
      </form>
    </Page>
  )
}

function read<T>(text: string, what: string): T {
  try {
    return JSON.parse(text) as T
  } catch (error) {
    throw new Error(`${what} is not valid JSON: ${(error as Error).message}`)
  }
}
