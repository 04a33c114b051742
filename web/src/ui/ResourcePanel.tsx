import type { Visibility } from '@atoll/sdk'
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { fieldOf, sentence } from '../api.ts'
import { Button } from './Button.tsx'
import { SelectField, TextareaField, TextField } from './Field.tsx'
import { SidePanel } from './SidePanel.tsx'
import { ErrorNote } from './State.tsx'

interface Named {
  name: string
  description: string
  tags: string[]
  visibility: Visibility
}

/** What every noun has: name, description, tags, who sees it. */
export function ResourcePanel<T extends Named>({
  noun,
  resource,
  onClose,
  save,
  onSaved,
}: {
  noun: string
  resource: Named
  onClose: () => void
  save: (patch: Named) => Promise<T>
  onSaved: (now: T) => void
}) {
  const [form, setForm] = useState({ ...resource, tagText: resource.tags.join(', ') })
  const update = useMutation({
    mutationFn: () => {
      const tags = form.tagText
        .split(',')
        .map((tag) => tag.trim())
        .filter(Boolean)
      return save({ name: form.name, description: form.description, tags, visibility: form.visibility })
    },
    onSuccess: (now) => {
      onSaved(now)
      onClose()
    },
  })
  return (
    <SidePanel open onClose={onClose} title={`About this ${noun}`}>
      <form
        className="space-y-4"
        onSubmit={(event) => {
          event.preventDefault()
          update.mutate()
        }}
      >
        <TextField
          label="Name"
          required
          value={form.name}
          onChange={(event) => setForm({ ...form, name: event.target.value })}
          error={fieldOf(update.error) === 'name' ? sentence(update.error) : null}
        />
        <TextareaField
          label="Description"
          rows={5}
          value={form.description}
          onChange={(event) => setForm({ ...form, description: event.target.value })}
        />
        <TextField
          label="Tags"
          hint="Separated by commas"
          value={form.tagText}
          onChange={(event) => setForm({ ...form, tagText: event.target.value })}
        />
        <SelectField
          label="Who sees it"
          value={form.visibility}
          onChange={(visibility) => setForm({ ...form, visibility: visibility as Visibility })}
          choices={[
            { value: 'private', label: 'Only its owner and the project’s admins' },
            { value: 'team', label: 'The project’s members' },
            { value: 'institution', label: 'Everyone signed in' },
            { value: 'public', label: 'Anyone, where an administrator allows it' },
          ]}
        />
        {update.error && fieldOf(update.error) !== 'name' && <ErrorNote error={update.error} />}
        <Button look="primary" type="submit" busy={update.isPending}>
          Save
        </Button>
      </form>
    </SidePanel>
  )
}
