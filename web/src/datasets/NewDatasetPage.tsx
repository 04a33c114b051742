import type { ReadOptions, Source } from '@atoll/sdk'
import { keepPreviousData, useMutation, useQuery } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { useState } from 'react'
import { atoll, changed, fieldOf, sentence } from '../api.ts'
import { useProjectRef } from '../app/project.ts'
import { Button } from '../ui/Button.tsx'
import { cx } from '../ui/cx.ts'
import { SelectField, TextareaField, TextField } from '../ui/Field.tsx'
import { count } from '../ui/format.ts'
import { Page, Section } from '../ui/Page.tsx'
import { ErrorNote, Notice, SkeletonLines } from '../ui/State.tsx'
import { type ColumnChoice, DetectedTable } from './DetectedTable.tsx'
import { MediaReading } from './MediaReading.tsx'
import { ReadOptionsForm } from './ReadOptionsForm.tsx'
import { SourceChoice } from './SourceChoice.tsx'

/** Adds a data set, or a version of the one named in the address: source, how it is read, what is kept. */
export function NewDatasetPage() {
  const project = useProjectRef()
  const navigate = useNavigate()
  const versionOf = useSearch({ strict: false }).dataset
  const [source, setSource] = useState<{ source: Source; filename: string } | null>(null)
  const [options, setOptions] = useState<Partial<ReadOptions>>({})
  const [choices, setChoices] = useState<Record<string, ColumnChoice>>({})
  const [name, setName] = useState('')
  const [target, setTarget] = useState<string | null>(null)
  const [description, setDescription] = useState('')

  const parent = useQuery({
    queryKey: ['dataset', project, versionOf],
    queryFn: () => atoll.datasets.get(versionOf ?? '', { project }),
    enabled: Boolean(versionOf),
  })
  const detection = useQuery({
    queryKey: ['detection', source?.source, options],
    queryFn: () => atoll.datasets.detect({ source: source!.source, options }),
    enabled: source !== null,
    placeholderData: keepPreviousData,
    staleTime: Number.POSITIVE_INFINITY,
  })
  const create = useMutation({
    mutationFn: () => {
      const columns = Object.entries(choices)
        .filter(([, choice]) => choice.action !== 'keep' || choice.type)
        .map(([column, choice]) => ({ name: column, type: choice.type, action: choice.action }))
      const how = { source: source!.source, options, columns: columns.length ? columns : undefined }
      return versionOf
        ? atoll.datasets.addVersion(parent.data?.id ?? versionOf, { ...how, note: description })
        : atoll.datasets.create({ ...how, name, project, description, target: aim || null })
    },
    onSuccess: ({ dataset }) => {
      changed('datasets', 'dataset', 'jobs', 'projects')
      void navigate({ to: '/p/$project/datasets/$dataset', params: { project, dataset: dataset.name } })
    },
  })
  const personal =
    detection.data?.columns.filter((column) => column.personalData && (choices[column.name]?.action ?? 'keep') === 'keep') ?? []
  const kept = detection.data?.columns.filter((column) => choices[column.name]?.action !== 'drop') ?? []
  // What a layout found stands beside its choice.
  const notes = detection.data?.notes.slice(detection.data.media ? 1 : 0) ?? []
  const aim = target ?? detection.data?.media?.target ?? ''
  const title = versionOf ? `New version of ${parent.data?.name ?? versionOf}` : 'Add data'

  return (
    <Page title={title} lead="Nothing is stored before you have seen how it was read.">
      {source === null ? (
        <SourceChoice
          onSource={(chosen, filename) => {
            setSource({ source: chosen, filename })
            if (!name) setName(nameFrom(filename))
          }}
        />
      ) : (
        <div className="space-y-6">
          <Section
            title="How it is read"
            note={source.filename}
            actions={
              <Button
                size="sm"
                look="quiet"
                onClick={() => {
                  setSource(null)
                  setOptions({})
                  setChoices({})
                }}
              >
                Another file
              </Button>
            }
          >
            {detection.data?.media ? (
              <MediaReading media={detection.data.media} onChange={setOptions} />
            ) : (
              detection.data && <ReadOptionsForm detection={detection.data} options={options} onChange={setOptions} />
            )}
            {detection.isPending && <SkeletonLines lines={3} />}
            {detection.error && (
              <ErrorNote error={detection.error} title="The file could not be read so." retry={() => void detection.refetch()} />
            )}
            {notes.length > 0 && (
              <ul className="mt-3 list-disc space-y-0.5 pl-5 text-sm text-soft">
                {notes.map((note) => (
                  <li key={note}>{note}</li>
                ))}
              </ul>
            )}
          </Section>
          {detection.data && (
            <Section
              bare
              title="Columns"
              note={`${count(detection.data.columns.length, 'column')}${detection.data.rowsEstimate ? `, about ${count(detection.data.rowsEstimate, 'row')}` : ''}`}
              className={cx(detection.isFetching && 'opacity-60')}
            >
              {personal.length > 0 && (
                <div className="mb-3">
                  <Notice
                    severity="warning"
                    word="Personal data"
                    action={
                      <span className="flex gap-2">
                        <Button size="sm" onClick={() => setChoices({ ...choices, ...allTo(personal, choices, 'pseudonymise') })}>
                          Pseudonymise {personal.length > 1 ? 'them' : 'it'}
                        </Button>
                        <Button size="sm" onClick={() => setChoices({ ...choices, ...allTo(personal, choices, 'drop') })}>
                          Drop {personal.length > 1 ? 'them' : 'it'}
                        </Button>
                      </span>
                    }
                  >
                    {personal.map((column) => column.name).join(', ')} {personal.length > 1 ? 'look' : 'looks'} like personal
                    data. A pseudonym is a keyed hash: the same value gives the same pseudonym, and nobody can turn it back
                    without the key of this server.
                  </Notice>
                </div>
              )}
              <DetectedTable
                detection={detection.data}
                choices={choices}
                onChange={(column, choice) => setChoices({ ...choices, [column]: choice })}
              />
            </Section>
          )}
          {detection.data && (
            <Section title={versionOf ? 'What changed' : 'What it is'}>
              <form
                className="grid gap-4 md:grid-cols-2"
                onSubmit={(event) => {
                  event.preventDefault()
                  create.mutate()
                }}
              >
                {!versionOf && (
                  <>
                    <TextField
                      label="Name"
                      required
                      value={name}
                      onChange={(event) => setName(event.target.value)}
                      error={fieldOf(create.error)?.endsWith('name') ? sentence(create.error) : null}
                    />
                    <SelectField
                      label="Column to predict"
                      hint="It can be chosen later."
                      value={aim}
                      onChange={setTarget}
                      choices={[{ value: '', label: 'not yet' }, ...kept.map((column) => column.name)]}
                    />
                  </>
                )}
                <TextareaField
                  wrap="md:col-span-2"
                  label={versionOf ? 'Note' : 'Description'}
                  placeholder={versionOf ? 'What is new in this version' : 'Where it comes from, what a row is'}
                  value={description}
                  onChange={(event) => setDescription(event.target.value)}
                />
                {create.error && (
                  <div className="md:col-span-2">
                    <ErrorNote error={create.error} />
                  </div>
                )}
                <div className="md:col-span-2">
                  <Button look="primary" type="submit" busy={create.isPending} disabled={!versionOf && !name.trim()}>
                    {versionOf ? 'Add this version' : 'Add this data'}
                  </Button>
                </div>
              </form>
            </Section>
          )}
        </div>
      )}
    </Page>
  )
}

/** "2024 customers (final).csv" → "2024 customers (final)". */
const nameFrom = (filename: string): string =>
  filename
    .replace(/\.(csv|tsv|txt|parquet|jsonl|ndjson|xlsx|zip|tar|tgz|tar\.gz|gz)$/i, '')
    .replace(/[^\p{L}\p{N} ._()+-]/gu, ' ')
    .replace(/^[^\p{L}\p{N}]+/u, '')
    .trim()
    .slice(0, 120)

const allTo = (columns: { name: string }[], choices: Record<string, ColumnChoice>, action: ColumnChoice['action']) =>
  Object.fromEntries(columns.map((column) => [column.name, { ...choices[column.name], action }]))
