import { Link, useRouterState } from '@tanstack/react-router'
import { X } from 'lucide-react'
import { IconButton } from '../ui/Button.tsx'
import { cx } from '../ui/cx.ts'
import { ProjectSwitcher } from './ProjectSwitcher.tsx'
import { useProjectRef } from './project.ts'
import { RunningJobs } from './RunningJobs.tsx'
import { sections } from './sections.ts'

/** Project above, the places of work, and what is running below. */
export function Rail({ onClose }: { onClose: () => void }) {
  const project = useProjectRef()
  const base = `/p/${encodeURIComponent(project)}`
  const path = useRouterState({ select: (state) => state.location.pathname })
  const below = path.startsWith(base) ? path.slice(base.length) : ''
  return (
    <div className="flex h-full flex-col">
      <div className="flex h-12 shrink-0 items-center gap-1 border-b px-2">
        <ProjectSwitcher />
        <IconButton label="Close the navigation" className="lg:hidden" onClick={onClose}>
          <X aria-hidden="true" className="size-4" />
        </IconButton>
      </div>
      <nav aria-label="Project" className="flex-1 overflow-y-auto p-2">
        <ul className="space-y-px">
          {sections.map(({ title, path: place, icon: Icon }) => {
            const here = place === '' ? below === '' || below === '/' : below.startsWith(place)
            return (
              <li key={title}>
                <Link
                  to={`/p/$project${place}` as '/p/$project'}
                  params={{ project }}
                  aria-current={here ? 'page' : undefined}
                  className={cx(
                    'flex h-8 items-center gap-2.5 rounded-md px-2 font-medium no-underline',
                    here ? 'bg-accent-soft text-accent' : 'text-soft hover:bg-hover hover:text-ink',
                  )}
                >
                  <Icon aria-hidden="true" className="size-4 shrink-0" />
                  {title}
                </Link>
              </li>
            )
          })}
        </ul>
      </nav>
      <RunningJobs />
    </div>
  )
}
