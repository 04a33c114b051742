import type { BatchTransformInput } from '@atoll/sdk'
import { useMutation, useQuery } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { useState } from 'react'
import { atoll, changed, fieldOf, sentence } from '../api.ts'
import { useProjectRef, useRefusal } from '../app/project.ts'
import { SourceChoice } from '../datasets/SourceChoice.tsx'
import { Button } from '../ui/Button.tsx'
import { Check, Segmented, SelectField, TextField } from '../ui/Field.tsx'
import { NewLink } from '../ui/ListPage.tsx'
import { Page, Section } from '../ui/Page.tsx'
import { Empty, ErrorNote, SkeletonLines } from '../ui/State.tsx'
import { PromptFields, type PromptWish, promptOf } from './PromptFields.tsx'

/** The server says in a job what a template lacks; before, whether there is one. */
const noPrompt: PromptWish = { how: 'column', text: '', system: '' }

type Format = 'parquet' | 'csv' | 'jsonl' | 'none'
type Target = 'none' | 'new' | 'same'
type Rows = BatchTransformInput['input']

/** Which model answers, which rows, and where the answers go. */
export function NewTransformPage() {
  const project = useProjectRef()
  const navigate = useNavigate()
  const refused = useRefusal()
  const search = useSearch({ strict: false })
  const [who, setWho] = useState(search.endpoint ? `endpoint ${search.endpoint}` : search.model ? `model ${search.model}` : '')
  const [from, setFrom] = useState<'dataset' | 'file'>('dataset')
  const [dataset, setDataset] = useState(search.dataset ?? '')
  const [file, setFile] = useState<{ source: Rows; filename: string } | null>(null)
  const [format, setFormat] = useState<Format>('parquet')
  const [target, setTarget] = useState<Target>('none')
  const [name, setName] = useState('')
  const [keep, setKeep] = useState('')
  const [prefix, setPrefix] = useState('predicted_')
  const [skipBad, setSkipBad] = useState(false)
  const [documents, setDocuments] = useState<'found' | 'document' | 'page'>('found')
  const [prompt, setPrompt] = useState(noPrompt)
  const endpoints = useQuery({
    queryKey: ['endpoints', project, 'all'],
    queryFn: () => atoll.endpoints.list({ project, limit: 200 }),
  })
  const models = useQuery({ queryKey: ['models', project, 'all'], queryFn: () => atoll.models.list({ project, limit: 200 }) })
  const datasets = useQuery({
    queryKey: ['datasets', project, 'all'],
    queryFn: () => atoll.datasets.list({ project, limit: 200 }),
  })
  const choices = [
    ...(endpoints.data?.items ?? []).map((one) => ({ value: `endpoint ${one.name}`, label: `Endpoint ${one.name}` })),
    ...(models.data?.items ?? []).map((one) => ({ value: `model ${one.name}`, label: `Model ${one.name}, its newest version` })),
  ]
  if (who && !choices.some(({ value }) => value === who)) choices.unshift({ value: who, label: who })
  const asked = who || choices[0]?.value || ''
  const writes =
    endpoints.data?.items.some((one) => `endpoint ${one.name}` === asked && one.signature.task === 'generation') ||
    models.data?.items.some((one) => `model ${one.name}` === asked && one.task === 'generation')
  const chosen = dataset || datasets.data?.items[0]?.name || ''
  const create = useMutation({
    mutationFn: () => {
      const [kind, ref] = [asked.slice(0, asked.indexOf(' ')), asked.slice(asked.indexOf(' ') + 1)]
      return atoll.transforms.create({
        project,
        ...(kind === 'endpoint' ? { endpoint: ref } : { model: ref }),
        input: from === 'dataset' ? { dataset: chosen } : rowsOf(file!.source, documents),
        ...(writes && { prompt: promptOf(prompt) }),
        output: {
          format: format === 'none' ? null : format,
          dataset: target === 'new' ? { name: name.trim() } : target === 'same' ? { addTo: 'input' } : null,
        },
        keep:
          keep.trim() === ''
            ? 'all'
            : keep
                .split(',')
                .map((one) => one.trim())
                .filter(Boolean),
        prefix,
        onBad: skipBad ? 'null' : 'fail',
      })
    },
    onSuccess: (made) => {
      changed('transforms')
      void navigate({ to: '/p/$project/transforms/$transform', params: { project, transform: made.id } })
    },
  })
  const loading = endpoints.isPending || models.isPending || datasets.isPending
  const error = endpoints.error ?? models.error ?? datasets.error
  const bad = (field: string) => (fieldOf(create.error) === field ? sentence(create.error) : null)
  const isReady = from === 'dataset' ? chosen !== '' : file !== null
  return (
    <Page title="Predict a table" lead="Every row is answered, by a job that goes on after a restart.">
      {error ? (
        <ErrorNote error={error} />
      ) : loading ? (
        <SkeletonLines lines={6} />
      ) : choices.length === 0 ? (
        <Empty title="There is no model that could answer" action={<NewLink to="/training/new">Train a model</NewLink>} />
      ) : (
        <form
          className="max-w-3xl space-y-6"
          onSubmit={(event) => {
            event.preventDefault()
            create.mutate()
          }}
        >
          <Section title="Who answers">
            <SelectField label="Endpoint or model" value={asked} choices={choices} onChange={setWho} />
          </Section>
          <Section title="Which rows">
            <div className="space-y-4">
              <Segmented
                label="Rows"
                value={from}
                onChange={setFrom}
                choices={[
                  { value: 'dataset', label: 'A data set' },
                  { value: 'file', label: 'A file or folder' },
                ]}
              />
              {from === 'dataset' ? (
                <SelectField
                  label="Data set"
                  value={chosen}
                  choices={(datasets.data?.items ?? []).map((one) => one.name)}
                  onChange={setDataset}
                  hint="Its newest version"
                />
              ) : file ? (
                <>
                  <p className="flex items-center gap-3">
                    <span>{file.filename}</span>
                    <Button size="sm" onClick={() => setFile(null)}>
                      Another
                    </Button>
                  </p>
                  <SelectField
                    label="Documents in it"
                    value={documents}
                    onChange={(value) => setDocuments(value as typeof documents)}
                    choices={[
                      { value: 'found', label: 'A row for each, where it holds documents' },
                      { value: 'document', label: 'They are documents: a row for each' },
                      { value: 'page', label: 'They are documents: a row for each page' },
                    ]}
                  />
                </>
              ) : (
                <SourceChoice
                  title="Drop the rows here"
                  note="Parquet, CSV, JSON lines or Excel; an archive of images, recordings or documents (PDF, Word, HTML, text)."
                  onSource={(source, filename) => setFile({ source: source as Rows, filename })}
                />
              )}
            </div>
          </Section>
          {writes && <PromptFields wish={prompt} onChange={setPrompt} error={bad('prompt')} />}
          <Section title="What becomes of them">
            <div className="grid gap-4 sm:grid-cols-2">
              <SelectField
                label="File"
                value={format}
                onChange={(value) => setFormat(value as Format)}
                choices={[
                  { value: 'parquet', label: 'Parquet' },
                  { value: 'csv', label: 'CSV' },
                  { value: 'jsonl', label: 'JSON lines' },
                  { value: 'none', label: 'No file' },
                ]}
              />
              <SelectField
                label="Data set"
                value={target}
                onChange={(value) => setTarget(value as Target)}
                error={bad('output.dataset')}
                choices={[
                  { value: 'none', label: 'None' },
                  { value: 'new', label: 'A data set of its own' },
                  { value: 'same', label: 'A new version of the data set of the rows', disabled: from !== 'dataset' },
                ]}
              />
              {target === 'new' && (
                <TextField
                  label="Its name"
                  required
                  value={name}
                  onChange={(event) => setName(event.target.value)}
                  error={bad('name')}
                />
              )}
              <TextField
                label="Columns kept in the file"
                hint="All when empty; else names with commas"
                value={keep}
                onChange={(event) => setKeep(event.target.value)}
              />
              <TextField
                label="Before the names of the answers"
                required
                value={prefix}
                onChange={(event) => setPrefix(event.target.value)}
                error={bad('prefix')}
              />
            </div>
            <Check
              className="mt-4"
              label="Leave rows that cannot be answered without an answer"
              hint="A column says why. Otherwise the first such row ends the work."
              checked={skipBad}
              onChange={setSkipBad}
            />
          </Section>
          {create.error && !['prefix', 'name', 'prompt', 'output.dataset'].includes(fieldOf(create.error) ?? '') && (
            <ErrorNote error={create.error} />
          )}
          <Button look="primary" type="submit" why={refused} busy={create.isPending} disabled={!isReady}>
            Predict
          </Button>
        </form>
      )}
    </Page>
  )
}

const rowsOf = (source: Rows, documents: 'found' | 'document' | 'page'): Rows =>
  documents === 'found' || 'dataset' in source ? source : { ...source, documents }
