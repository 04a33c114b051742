import type { WeightsInput } from '@atoll/sdk'
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { atoll, changed, fieldOf, sentence } from '../api.ts'
import { SourceChoice } from '../datasets/SourceChoice.tsx'
import { Button } from '../ui/Button.tsx'
import { TextField } from '../ui/Field.tsx'
import { SidePanel } from '../ui/SidePanel.tsx'
import { ErrorNote } from '../ui/State.tsx'

/** A repository of a hub; whether its host may be reached is said when it is asked for. */
function HubChoice({ onSource }: { onSource: (source: WeightsInput['source'], repository: string) => void }) {
  const [repository, setRepository] = useState('')
  const [revision, setRevision] = useState('main')
  return (
    <form
      className="space-y-3 border-t pt-3"
      onSubmit={(event) => {
        event.preventDefault()
        onSource({ hub: { repository: repository.trim(), revision: revision.trim() || 'main' } }, repository.trim())
      }}
    >
      <p className="text-soft">Or a repository of a model hub, where an administrator has allowed its host.</p>
      <TextField
        label="Repository"
        required
        placeholder="distilbert/distilbert-base-uncased"
        value={repository}
        onChange={(event) => setRepository(event.target.value)}
      />
      <TextField
        label="Revision"
        hint="A branch, a tag or a commit; its commit is recorded"
        value={revision}
        onChange={(event) => setRevision(event.target.value)}
      />
      <Button type="submit">Take this repository</Button>
    </form>
  )
}

export function AddWeightsPanel({ project, onClose }: { project: string; onClose: () => void }) {
  const [source, setSource] = useState<{ source: WeightsInput['source']; filename: string } | null>(null)
  const [name, setName] = useState('')
  const [licence, setLicence] = useState('')
  const [origin, setOrigin] = useState('')
  const create = useMutation({
    mutationFn: () => atoll.weights.create({ name, source: source!.source, licence, origin, project }),
    onSuccess: () => {
      changed('weights', 'jobs')
      onClose()
    },
  })
  return (
    <SidePanel open onClose={onClose} title="Add weights">
      {source === null ? (
        <div className="space-y-3">
          <p className="text-soft">
            The folder of the weights, or an archive of it (.zip, .tar, .tar.gz): config.json, tokenizer.json and *.safetensors.
          </p>
          <SourceChoice
            onSource={(chosen, filename) => {
              setSource({ source: chosen, filename })
              if (!name) setName(filename.replace(/\.(zip|tar|tar\.gz|tgz)$/i, ''))
            }}
          />
          <HubChoice
            onSource={(chosen, repository) => {
              setSource({ source: chosen, filename: repository })
              if (!name) setName(repository.split('/').at(-1) ?? '')
            }}
          />
        </div>
      ) : (
        <form
          className="space-y-4"
          onSubmit={(event) => {
            event.preventDefault()
            create.mutate()
          }}
        >
          <p className="text-soft">{source.filename}</p>
          <TextField
            label="Name"
            required
            value={name}
            onChange={(event) => setName(event.target.value)}
            error={fieldOf(create.error) === 'name' ? sentence(create.error) : null}
          />
          <TextField
            label="Licence"
            hint="As their makers state it; read from the model card when empty"
            value={licence}
            onChange={(event) => setLicence(event.target.value)}
          />
          <TextField
            label="Where they are from"
            hint="An address, a paper, a person"
            value={origin}
            onChange={(event) => setOrigin(event.target.value)}
          />
          {create.error && fieldOf(create.error) !== 'name' && <ErrorNote error={create.error} />}
          <Button look="primary" type="submit" busy={create.isPending}>
            Add weights
          </Button>
        </form>
      )}
    </SidePanel>
  )
}
