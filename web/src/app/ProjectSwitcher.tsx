import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { ChevronsUpDown, Plus } from 'lucide-react'
import { useState } from 'react'
import { atoll } from '../api.ts'
import { Menu, MenuItem, MenuLabel, MenuLine } from '../ui/Menu.tsx'
import { NewProjectPanel } from './NewProjectPanel.tsx'
import { useProject, useProjectRef } from './project.ts'

/** The project at hand, and the way to the others. */
export function ProjectSwitcher() {
  const ref = useProjectRef()
  const project = useProject()
  const [making, setMaking] = useState(false)
  const list = useQuery({ queryKey: ['projects', 'list'], queryFn: () => atoll.projects.list({ limit: 200 }), staleTime: 60_000 })
  return (
    <>
      <Menu
        align="start"
        label="Projects"
        trigger={
          <button type="button" className="flex h-9 min-w-0 flex-1 items-center gap-2 rounded-md px-2 text-left hover:bg-hover">
            <img src="/icon.svg" alt="" className="size-5 shrink-0" />
            <span className="min-w-0 flex-1 truncate font-semibold">
              <span className="sr-only">Project: </span>
              {project?.name ?? ref}
            </span>
            <ChevronsUpDown aria-hidden="true" className="size-3.5 shrink-0 text-faint" />
          </button>
        }
      >
        <MenuLabel>Projects</MenuLabel>
        {list.data?.items.map((other) => (
          <MenuItem key={other.id} asChild>
            <Link to="/p/$project" params={{ project: other.name }} className="no-underline">
              <span className="min-w-0 flex-1 truncate">{other.name}</span>
              <span className="text-xs text-faint">{other.role ?? ''}</span>
            </Link>
          </MenuItem>
        ))}
        <MenuLine />
        <MenuItem onSelect={() => setMaking(true)}>
          <Plus aria-hidden="true" className="size-3.5" /> New project
        </MenuItem>
      </Menu>
      {making && <NewProjectPanel onClose={() => setMaking(false)} />}
    </>
  )
}
