import type { Source } from '@atoll/sdk'
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { atoll, changed, fieldOf, sentence } from '../api.ts'
import { SourceChoice } from '../datasets/SourceChoice.tsx'
import { Button } from '../ui/Button.tsx'
import { TextField } from '../ui/Field.tsx'
import { SidePanel } from '../ui/SidePanel.tsx'
import { ErrorNote } from '../ui/State.tsx'

export function AddWeightsPanel({ project, onClose }: { project: string; onClose: () => void }) {
  const [source, setSource] = useState<{ source: Source; filename: string } | null>(null)
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
