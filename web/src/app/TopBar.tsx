import { Link, useNavigate, useRouterState } from '@tanstack/react-router'
import { CircleHelp, LogOut, Menu as MenuIcon, Moon, Search, Sun, SunMoon, UserRound } from 'lucide-react'
import { atoll, queryClient } from '../api.ts'
import { useUser } from '../session/session.ts'
import { Button, IconButton } from '../ui/Button.tsx'
import { Menu, MenuItem, MenuLabel, MenuLine } from '../ui/Menu.tsx'
import { useCurrentTitle } from './page-title.ts'
import { useProject, useProjectRef } from './project.ts'
import { sections } from './sections.ts'
import { readTheme, setTheme } from './theme.ts'

export function TopBar({
  railOpen,
  onRail,
  onSearch,
  onHelp,
}: {
  railOpen: boolean
  onRail: () => void
  onSearch: () => void
  onHelp: () => void
}) {
  return (
    <header className="sticky top-0 z-20 flex h-12 items-center gap-2 border-b bg-surface px-3 sm:px-6">
      <IconButton
        label="Open the navigation"
        aria-controls="rail"
        aria-expanded={railOpen}
        className="lg:hidden"
        onClick={onRail}
      >
        <MenuIcon aria-hidden="true" className="size-4" />
      </IconButton>
      <Breadcrumb />
      <Button
        size="sm"
        onClick={onSearch}
        className="text-faint! sm:w-52 sm:justify-start"
        icon={<Search aria-hidden="true" className="size-3.5" />}
      >
        <span className="sr-only flex-1 text-left font-normal sm:not-sr-only">Search</span>
        <kbd className="hidden font-sans text-xs sm:inline">Ctrl K</kbd>
      </Button>
      <IconButton label="Keyboard shortcuts (?)" onClick={onHelp} className="hidden sm:inline-flex">
        <CircleHelp aria-hidden="true" className="size-4" />
      </IconButton>
      <AccountMenu />
    </header>
  )
}

function Breadcrumb() {
  const ref = useProjectRef()
  const project = useProject()
  const path = useRouterState({ select: (state) => state.location.pathname })
  const title = useCurrentTitle()
  const base = `/p/${encodeURIComponent(ref)}`
  const below = path.startsWith(base) ? path.slice(base.length) : ''
  const section =
    sections.find((one) => one.path && below.startsWith(one.path)) ??
    (below.startsWith('/jobs') ? { title: 'Jobs', path: '/jobs' } : null)
  const deeper = section && below.length > section.path.length + 1
  return (
    <nav aria-label="Breadcrumb" className="min-w-0 flex-1">
      <ol className="flex min-w-0 items-center gap-1.5 text-soft">
        <li className="hidden max-w-48 shrink-0 truncate sm:block">
          <Link to="/p/$project" params={{ project: ref }} className="text-soft no-underline hover:text-ink hover:underline">
            {project?.name ?? ref}
          </Link>
        </li>
        {section && (
          <li className="flex min-w-0 shrink-0 items-center gap-1.5">
            <span aria-hidden="true" className="hidden text-faint sm:inline">
              /
            </span>
            {deeper ? (
              <Link
                to={`/p/$project${section.path}` as '/p/$project'}
                params={{ project: ref }}
                className="text-soft no-underline hover:text-ink hover:underline"
              >
                {section.title}
              </Link>
            ) : (
              <span aria-current="page" className="font-medium text-ink">
                {section.title}
              </span>
            )}
          </li>
        )}
        {deeper && (
          <li className="flex min-w-0 items-center gap-1.5">
            <span aria-hidden="true" className="text-faint">
              /
            </span>
            <span aria-current="page" className="truncate font-medium text-ink">
              {title}
            </span>
          </li>
        )}
      </ol>
    </nav>
  )
}

function AccountMenu() {
  const user = useUser()
  const ref = useProjectRef()
  const navigate = useNavigate()
  const theme = readTheme()
  const themes = [
    { id: 'system', title: 'As the system', icon: SunMoon },
    { id: 'light', title: 'Light', icon: Sun },
    { id: 'dark', title: 'Dark', icon: Moon },
  ] as const
  return (
    <Menu
      label="Account"
      trigger={
        <IconButton label={`Account of ${user.name}`} className="rounded-full! border-strong!">
          <UserRound aria-hidden="true" className="size-4" />
        </IconButton>
      }
    >
      <MenuLabel>
        {user.name}
        {user.email && <span className="block font-normal">{user.email}</span>}
      </MenuLabel>
      <MenuItem asChild>
        <Link to="/p/$project/settings" params={{ project: ref }} className="no-underline">
          Account and tokens
        </Link>
      </MenuItem>
      <MenuLine />
      <MenuLabel>Appearance</MenuLabel>
      {themes.map(({ id, title, icon: Icon }) => (
        <MenuItem key={id} onSelect={() => setTheme(id)}>
          <Icon aria-hidden="true" className="size-3.5" /> {title}
          {theme === id && <span className="ml-auto text-accent">✓</span>}
        </MenuItem>
      ))}
      <MenuLine />
      <MenuItem
        onSelect={() => {
          void atoll.session.end().finally(() => {
            // The pages go first: what they show is not to be asked for again.
            void navigate({ to: '/sign-in' }).then(() => queryClient.clear())
          })
        }}
      >
        <LogOut aria-hidden="true" className="size-3.5" /> Sign out
      </MenuItem>
    </Menu>
  )
}
