import type { Model, ModelVersion } from '@atoll/sdk'
import { useNavigate } from '@tanstack/react-router'
import { Ellipsis } from 'lucide-react'
import { useState } from 'react'
import { atoll, changed } from '../api.ts'
import { sayDeleted } from '../app/deleted.ts'
import { useProjectRef, useRefusal } from '../app/project.ts'
import { Button } from '../ui/Button.tsx'
import { Menu, MenuItem, MenuLine } from '../ui/Menu.tsx'
import { ResourcePanel } from '../ui/ResourcePanel.tsx'
import { say, sayError } from '../ui/toast.tsx'

export function ModelMenu({ model, version }: { model: Model; version: ModelVersion | null }) {
  const project = useProjectRef()
  const navigate = useNavigate()
  const refused = useRefusal()
  const [editing, setEditing] = useState(false)
  return (
    <>
      <Menu
        label="More about this model"
        trigger={
          <Button aria-label="More" className="w-8 px-0!">
            <Ellipsis aria-hidden="true" className="size-4" />
          </Button>
        }
      >
        {version && (
          <MenuItem
            onSelect={() => void navigator.clipboard.writeText(`${model.name}:${version.number}`).then(() => say('Copied.'))}
          >
            Copy “{model.name}:{version.number}”
          </MenuItem>
        )}
        <MenuItem onSelect={() => setEditing(true)} disabled={Boolean(refused)}>
          Name, description, who sees it
        </MenuItem>
        <MenuLine />
        <MenuItem
          tone="bad"
          disabled={Boolean(refused)}
          onSelect={() =>
            void atoll.models.delete(model.id).then(() => {
              // Away first: what is gone is not to be read again by this page.
              void navigate({ to: '/p/$project/models', params: { project } }).then(() =>
                sayDeleted(model, 'models', 'model', 'projects'),
              )
            }, sayError)
          }
        >
          Delete
        </MenuItem>
      </Menu>
      {editing && (
        <ResourcePanel
          noun="model"
          resource={model}
          onClose={() => setEditing(false)}
          save={(patch) => atoll.models.update(model.id, patch)}
          onSaved={(now) => {
            changed('models', 'model')
            if (now.name !== model.name)
              void navigate({ to: '/p/$project/models/$model', params: { project, model: now.name }, replace: true })
          }}
        />
      )}
    </>
  )
}
