import type { ImportInput } from '@atoll/sdk'
import { useMutation, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { atoll, changed, fieldOf, sentence } from '../api.ts'
import { useProjectRef, useRefusal } from '../app/project.ts'
import { SourceChoice } from '../datasets/SourceChoice.tsx'
import { Button } from '../ui/Button.tsx'
import { SelectField, TextField } from '../ui/Field.tsx'
import { Page } from '../ui/Page.tsx'
import { ErrorNote, SkeletonLines } from '../ui/State.tsx'
import { ExternalModelForm } from './ExternalModelForm.tsx'
import { ImportFound } from './ImportFound.tsx'
import { ImportPictures, noPictures, type PicturesSaid, picturesOf } from './ImportPictures.tsx'
import { ImportProgress } from './ImportProgress.tsx'

type Source = ImportInput['source']
interface Chosen {
  source: Source
  filename: string
}

/** What a person says of a model that was brought; empty is left to the file. */
interface Said {
  name: string
  task: string
  target: string
  classes: string
  columns: string
  scores: string
  runtime: string
  expected: string
  licence: string
  origin: string
  pictures: PicturesSaid
}

const nothing: Said = {
  name: '',
  task: '',
  target: '',
  classes: '',
  columns: '',
  scores: '',
  runtime: '',
  expected: '',
  licence: '',
  origin: '',
  pictures: noPictures,
}
const tasks = ['binary', 'multiclass', 'regression', 'multilabel', 'embedding', 'tokens', 'generation']
const listOf = (text: string): string[] | undefined =>
  text.trim() === ''
    ? undefined
    : text
        .split(',')
        .map((one) => one.trim())
        .filter((one) => one !== '')

const answersOf = (said: Said, sample: Chosen | null) => ({
  task: (said.task || undefined) as ImportInput['task'],
  target: said.target.trim() || undefined,
  classes: listOf(said.classes),
  columns: said.columns.trim() === 'numbered' ? ('numbered' as const) : listOf(said.columns),
  scores: (said.scores || undefined) as ImportInput['scores'],
  runtime: (said.runtime || undefined) as ImportInput['runtime'],
  ...picturesOf(said.pictures),
  sample: sample?.source,
  expected: said.expected.trim() || undefined,
})

/** A model from elsewhere: what it is, what must be said of it, and the way into the registry. */
export function ImportModelPage() {
  const [chosen, setChosen] = useState<Chosen | null>(null)
  const [job, setJob] = useState<string | null>(null)
  return (
    <Page
      title="Import a model"
      lead="ONNX, GGUF, a folder of transformers, TorchScript, scikit-learn, XGBoost, LightGBM, CatBoost, MLflow, model.tar.gz, code of your own"
    >
      {chosen === null ? (
        <div className="space-y-8">
          <SourceChoice
            title="Drop a model or its folder here"
            note="It is looked at first; the server runs nothing of it. Archives (.zip, .tar, .tar.gz) and folders are taken as they are."
            onSource={(source, filename) => setChosen({ source, filename })}
          />
          <ExternalModelForm />
        </div>
      ) : (
        <>
          {job && <ImportProgress job={job} again={() => setJob(null)} />}
          {/* Kept while the job runs: what was said is not lost when it fails. */}
          <div hidden={job !== null}>
            <ImportForm chosen={chosen} onJob={setJob} other={() => setChosen(null)} />
          </div>
        </>
      )}
    </Page>
  )
}

function ImportForm({ chosen, onJob, other }: { chosen: Chosen; onJob: (job: string) => void; other: () => void }) {
  const project = useProjectRef()
  const refused = useRefusal()
  const [said, setSaid] = useState<Said>({ ...nothing, name: nameOf(chosen.filename) })
  const [asked, setAsked] = useState<Said>(nothing)
  const [sample, setSample] = useState<Chosen | null>(null)
  const found = useQuery({
    queryKey: ['import', chosen.source, asked, sample],
    queryFn: () => atoll.imports.inspect({ source: chosen.source, project, ...answersOf(asked, sample) }),
    placeholderData: (before) => before,
    staleTime: Number.POSITIVE_INFINITY,
    retry: false,
  })
  const create = useMutation({
    mutationFn: () =>
      atoll.imports.create({
        source: chosen.source,
        project,
        name: said.name,
        licence: said.licence,
        origin: said.origin,
        ...answersOf(said, sample),
      }),
    onSuccess: ({ job }) => {
      changed('jobs')
      onJob(job)
    },
    // What is lacking is told with the fields it concerns.
    onError: () => setAsked(said),
  })
  const field = (name: Exclude<keyof Said, 'pictures'>) => ({
    value: said[name],
    onChange: (event: { target: { value: string } }) => setSaid({ ...said, [name]: event.target.value }),
    onBlur: () => name in answersOf(nothing, null) && setAsked(said),
    error: fieldOf(create.error) === name ? sentence(create.error) : null,
  })
  if (found.error && !found.data)
    return (
      <div className="space-y-4">
        <ErrorNote title={`“${chosen.filename}” cannot be imported.`} error={found.error} />
        <Button onClick={other}>Take another file</Button>
      </div>
    )
  if (!found.data) return <SkeletonLines lines={6} />
  const inspection = found.data
  const why = (name: string) => inspection.missing.find((one) => one.field === name)?.why
  const lacking = (name: string) => (create.isError && why(name)) || undefined
  const isTable = !['gguf', 'transformers'].includes(inspection.format)
  return (
    <div className="grid items-start gap-6 lg:grid-cols-[minmax(0,1fr)_minmax(0,1fr)]">
      <ImportFound filename={chosen.filename} found={inspection} other={other} />
      <form
        className="space-y-4"
        onSubmit={(event) => {
          event.preventDefault()
          create.mutate()
        }}
      >
        <TextField label="Name" required {...field('name')} />
        {inspection.format !== 'gguf' && (
          <SelectField
            label="Task"
            hint={why('task')}
            error={lacking('task')}
            value={said.task}
            choices={[{ value: '', label: inspection.task ? `as the file says: ${inspection.task}` : 'choose' }, ...tasks]}
            onChange={(task) => {
              setSaid({ ...said, task })
              setAsked({ ...said, task })
            }}
          />
        )}
        {isTable && (
          <>
            <TextField label="What it predicts" hint="A column of this name among your rows is no input" {...field('target')} />
            <TextField
              label="Columns"
              hint={why('columns') ?? 'In its order, with commas between; only where the file does not say them'}
              placeholder={inspection.columns?.map(({ name }) => name).join(', ')}
              {...field('columns')}
              error={lacking('columns')}
            />
          </>
        )}
        {(inspection.format === 'onnx' || inspection.format === 'torchscript') && (
          <ImportPictures
            said={said.pictures}
            why={why}
            isAsked={create.isError}
            onChange={(pictures, isDone) => {
              setSaid({ ...said, pictures })
              if (isDone) setAsked({ ...said, pictures })
            }}
          />
        )}
        {(why('classes') || inspection.classes || said.classes) && (
          <TextField
            label="Classes"
            hint={why('classes') ?? 'In the order of its scores, with commas between'}
            placeholder={inspection.classes?.join(', ')}
            {...field('classes')}
            error={lacking('classes')}
          />
        )}
        {inspection.format === 'custom' && (
          <SelectField
            label="Packages that its code needs"
            hint="Nothing is installed: its requirements.txt is checked against these"
            value={said.runtime}
            choices={[
              { value: '', label: 'tables: pandas, scikit-learn, XGBoost, LightGBM, CatBoost' },
              { value: 'deep', label: 'and torch, transformers' },
              { value: 'audio', label: 'and sounds' },
            ]}
            onChange={(runtime) => {
              setSaid({ ...said, runtime })
              setAsked({ ...said, runtime })
            }}
          />
        )}
        {(why('scores') || said.scores) && (
          <SelectField
            label="Its scores are"
            hint={why('scores')}
            error={lacking('scores')}
            value={said.scores}
            choices={[
              { value: '', label: 'choose' },
              { value: 'probabilities', label: 'probabilities' },
              { value: 'logits', label: 'numbers before softmax or sigmoid' },
            ]}
            onChange={(scores) => {
              setSaid({ ...said, scores })
              setAsked({ ...said, scores })
            }}
          />
        )}
        {inspection.format !== 'gguf' && <SampleChoice sample={sample} setSample={setSample} why={why('sample')} />}
        {sample && (
          <TextField
            label="Column with the original's answers"
            hint="Where your rows have them: what the model answers must be the same"
            {...field('expected')}
          />
        )}
        <div className="grid gap-4 sm:grid-cols-2">
          <TextField
            label="Licence"
            hint={inspection.licence ? `Its card says: ${inspection.licence}` : 'As its makers state it'}
            {...field('licence')}
          />
          <TextField label="Where it is from" hint="An address, a paper, a person" {...field('origin')} />
        </div>
        {found.error && <ErrorNote error={found.error} />}
        {create.error && inspection.missing.length === 0 && <ErrorNote error={create.error} />}
        <Button look="primary" type="submit" busy={create.isPending} why={refused}>
          Import it
        </Button>
      </form>
    </div>
  )
}

function SampleChoice({
  sample,
  setSample,
  why,
}: {
  sample: Chosen | null
  setSample: (chosen: Chosen | null) => void
  why: string | undefined
}) {
  return (
    <fieldset className="space-y-2">
      <legend className="mb-1 text-sm font-medium text-soft">Rows to compare on</legend>
      <p className="text-xs text-faint">
        {why ??
          'A table (CSV, Parquet): the original and what will be served are asked for these rows. Without it, rows are drawn.'}
      </p>
      {sample ? (
        <p className="flex items-center gap-3">
          {sample.filename}
          <Button size="sm" onClick={() => setSample(null)}>
            Leave it out
          </Button>
        </p>
      ) : (
        <SourceChoice small title="Drop a table of rows here" onSource={(source, filename) => setSample({ source, filename })} />
      )}
    </fieldset>
  )
}

const nameOf = (filename: string): string =>
  filename
    .replace(/\.(zip|tar|tar\.gz|tgz|onnx|gguf|pt|pth|pkl|pickle|joblib|json|ubj|txt|cbm)$/i, '')
    .replace(/[^\p{L}\p{N} ._()+-]/gu, ' ')
    .trim()
