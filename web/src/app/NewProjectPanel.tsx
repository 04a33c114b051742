import { useMutation } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { atoll, changed, fieldOf, sentence } from '../api.ts'
import { Button } from '../ui/Button.tsx'
import { SelectField, TextareaField, TextField } from '../ui/Field.tsx'
import { SidePanel } from '../ui/SidePanel.tsx'

export function NewProjectPanel({ onClose }: { onClose: () => void }) {
  const navigate = useNavigate()
  const [name, setName] = useState('')
  const [description, setDescription] = useState('')
  const [visibility, setVisibility] = useState<'team' | 'institution'>('team')
  const create = useMutation({
    mutationFn: () => atoll.projects.create({ name, description, visibility }),
    onSuccess: (project) => {
      changed('projects')
      onClose()
      void navigate({ to: '/p/$project', params: { project: project.name } })
    },
  })
  return (
    <SidePanel open onClose={onClose} title="New project">
      <form
        className="space-y-4"
        onSubmit={(event) => {
          event.preventDefault()
          create.mutate()
        }}
      >
        <TextField
          label="Name"
          value={name}
          onChange={(event) => setName(event.target.value)}
          required
          autoFocus
          error={create.error && fieldOf(create.error) === 'name' ? sentence(create.error) : null}
        />
        <TextareaField label="Description" value={description} onChange={(event) => setDescription(event.target.value)} />
        <SelectField
          label="Who sees it"
          value={visibility}
          onChange={(value) => setVisibility(value as 'team')}
          choices={[
            { value: 'team', label: 'Its members' },
            { value: 'institution', label: 'Everyone signed in' },
          ]}
        />
        {create.error && fieldOf(create.error) !== 'name' && <p className="text-bad">{sentence(create.error)}</p>}
        <Button look="primary" type="submit" busy={create.isPending} disabled={!name.trim()}>
          Create project
        </Button>
      </form>
    </SidePanel>
  )
}
