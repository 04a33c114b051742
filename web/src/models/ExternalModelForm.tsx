import type { ExternalInput } from '@atoll/sdk'
import { useMutation } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { atoll, changed, fieldOf, sentence } from '../api.ts'
import { useProjectRef, useRefusal } from '../app/project.ts'
import { Button } from '../ui/Button.tsx'
import { Segmented, SelectField, TextField } from '../ui/Field.tsx'
import { Section } from '../ui/Page.tsx'
import { ErrorNote } from '../ui/State.tsx'

type Protocol = ExternalInput['protocol']

const tasksOf: Record<Protocol, ExternalInput['task'][]> = {
  openai: ['generation', 'embedding'],
  http: ['binary', 'multiclass', 'regression'],
}
const taskWords: Record<ExternalInput['task'], string> = {
  generation: 'writes text',
  embedding: 'makes vectors of texts',
  binary: 'one of two classes',
  multiclass: 'one of several classes',
  regression: 'a number',
}
const nothing = { name: '', url: '', model: '', columns: '', classes: '', headerName: 'authorization', headerValue: '' }

/** A model that answers elsewhere: registered by its address, once an administrator allows the host. */
export function ExternalModelForm() {
  const project = useProjectRef()
  const refused = useRefusal()
  const navigate = useNavigate()
  const [protocol, setProtocol] = useState<Protocol>('openai')
  const [task, setTask] = useState<ExternalInput['task']>('generation')
  const [said, setSaid] = useState(nothing)
  const create = useMutation({
    mutationFn: () => atoll.imports.external(inputOf({ ...said, protocol, task, project })),
    onSuccess: (version) => {
      changed('models')
      void navigate({ to: '/p/$project/models/$model', params: { project, model: version.modelName } })
    },
  })
  const wrong = fieldOf(create.error)
  const field = (name: keyof typeof nothing, of: string = name) => ({
    value: said[name],
    onChange: (event: { target: { value: string } }) => setSaid({ ...said, [name]: event.target.value }),
    error: wrong === of ? sentence(create.error) : null,
  })
  const isShown = wrong !== null && ['name', 'url', 'model', 'inputs', 'classes', 'header.name'].includes(wrong)
  return (
    <Section
      title="Or one that answers elsewhere"
      actions={
        <Segmented
          label="How it is asked"
          size="sm"
          value={protocol}
          onChange={(next) => {
            setProtocol(next)
            setTask(tasksOf[next][0]!)
          }}
          choices={[
            { value: 'openai', label: 'OpenAI API' },
            { value: 'http', label: 'Rows over HTTP' },
          ]}
        />
      }
    >
      <form
        className="grid gap-4 sm:grid-cols-2"
        onSubmit={(event) => {
          event.preventDefault()
          create.mutate()
        }}
      >
        <TextField label="Name of the model here" required {...field('name')} />
        <TextField
          label="Address"
          type="url"
          required
          placeholder={protocol === 'openai' ? 'https://models.example.org/v1' : 'https://models.example.org/predict'}
          hint="Nothing is called before an administrator allows its host in the settings"
          {...field('url')}
        />
        <SelectField
          label="What it does"
          value={task}
          choices={tasksOf[protocol].map((value) => ({ value, label: taskWords[value] }))}
          onChange={(value) => setTask(value as ExternalInput['task'])}
        />
        {protocol === 'openai' ? (
          <TextField label="Model" hint="What it is called there" {...field('model')} />
        ) : (
          <TextField label="Columns" required hint="As age:integer, city:category" {...field('columns', 'inputs')} />
        )}
        {(task === 'binary' || task === 'multiclass') && (
          <TextField label="Classes" required hint="With commas between" {...field('classes')} />
        )}
        <TextField label="Header of its key" {...field('headerName', 'header.name')} />
        <TextField
          label="Its value"
          type="password"
          autoComplete="off"
          placeholder="Bearer …"
          hint="Kept encrypted, never shown again"
          {...field('headerValue')}
        />
        <div className="space-y-4 sm:col-span-2">
          {create.error && !isShown && <ErrorNote error={create.error} />}
          <p className="text-xs text-faint">
            It is asked once now. There will be no proof of what it answers, and what is asked of it leaves this machine.
          </p>
          <Button look="primary" type="submit" busy={create.isPending} why={refused}>
            Register it
          </Button>
        </div>
      </form>
    </Section>
  )
}

const listOf = (text: string): string[] =>
  text
    .split(',')
    .map((one) => one.trim())
    .filter((one) => one !== '')

function inputOf(said: typeof nothing & { protocol: Protocol; task: ExternalInput['task']; project: string }): ExternalInput {
  const { name, url, protocol, task, project } = said
  const hasClasses = task === 'binary' || task === 'multiclass'
  return {
    name,
    url,
    protocol,
    task,
    project,
    model: protocol === 'openai' && said.model.trim() ? said.model.trim() : null,
    inputs:
      protocol === 'http'
        ? listOf(said.columns).map((column) => {
            const [columnName = '', type = 'number'] = column.split(':').map((part) => part.trim())
            return { name: columnName, type: type as 'number' }
          })
        : [],
    classes: hasClasses ? listOf(said.classes) : null,
    header: said.headerValue ? { name: said.headerName.trim(), value: said.headerValue } : null,
  }
}
