import type { Dataset, DatasetVersion } from '@atoll/sdk'
import { Link, useNavigate } from '@tanstack/react-router'
import { Ellipsis } from 'lucide-react'
import { useState } from 'react'
import { atoll, changed } from '../api.ts'
import { sayDeleted } from '../app/deleted.ts'
import { useProjectRef, useRefusal } from '../app/project.ts'
import { Button } from '../ui/Button.tsx'
import { Menu, MenuItem, MenuLine } from '../ui/Menu.tsx'
import { ResourcePanel } from '../ui/ResourcePanel.tsx'
import { sayError } from '../ui/toast.tsx'

/** Export, new version, rename, delete (with a way back). */
export function DatasetMenu({ dataset, version }: { dataset: Dataset; version: DatasetVersion | null }) {
  const project = useProjectRef()
  const navigate = useNavigate()
  const refused = useRefusal()
  const [editing, setEditing] = useState(false)
  const exportAs = (format: 'csv' | 'parquet') =>
    `/v1/datasets/${dataset.id}/export?format=${format}${version ? `&version=${version.id}` : ''}`
  const remove = () =>
    atoll.datasets
      .delete(dataset.id)
      .then(() => {
        // Away first: what is gone is not to be read again by this page.
        void navigate({ to: '/p/$project/datasets', params: { project } }).then(() =>
          sayDeleted(dataset, 'datasets', 'dataset', 'projects'),
        )
      })
      .catch(sayError)
  return (
    <>
      <Menu
        label="More about this data set"
        trigger={
          <Button aria-label="More" className="w-8 px-0!">
            <Ellipsis aria-hidden="true" className="size-4" />
          </Button>
        }
      >
        <MenuItem asChild>
          <a href={exportAs('csv')} download className="no-underline">
            Export as CSV
          </a>
        </MenuItem>
        <MenuItem asChild>
          <a href={exportAs('parquet')} download className="no-underline">
            Export as Parquet
          </a>
        </MenuItem>
        <MenuLine />
        <MenuItem asChild disabled={Boolean(refused)}>
          <Link to="/p/$project/datasets/new" params={{ project }} search={{ dataset: dataset.name }} className="no-underline">
            Add a version
          </Link>
        </MenuItem>
        <MenuItem asChild disabled={Boolean(refused)}>
          <Link to="/p/$project/recipes/new" params={{ project }} search={{ dataset: dataset.name }} className="no-underline">
            New recipe for it
          </Link>
        </MenuItem>
        <MenuItem onSelect={() => setEditing(true)} disabled={Boolean(refused)}>
          Name, description, who sees it
        </MenuItem>
        <MenuLine />
        <MenuItem tone="bad" disabled={Boolean(refused)} onSelect={() => void remove()}>
          Delete
        </MenuItem>
      </Menu>
      {editing && (
        <ResourcePanel
          noun="data set"
          resource={dataset}
          onClose={() => setEditing(false)}
          save={(patch) => atoll.datasets.update(dataset.id, patch)}
          onSaved={(now) => {
            changed('datasets', 'dataset')
            if (now.name !== dataset.name)
              void navigate({ to: '/p/$project/datasets/$dataset', params: { project, dataset: now.name }, replace: true })
          }}
        />
      )}
    </>
  )
}
