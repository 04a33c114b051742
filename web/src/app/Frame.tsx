import { useQuery } from '@tanstack/react-query'
import { Outlet, useNavigate, useRouterState } from '@tanstack/react-router'
import { lazy, Suspense, useEffect, useState } from 'react'
import { sessionQuery } from '../session/session.ts'
import { cx } from '../ui/cx.ts'
import { ErrorNote } from '../ui/State.tsx'
import { DropAnywhere } from './DropAnywhere.tsx'
import { projectQuery, useProjectRef } from './project.ts'
import { Rail } from './Rail.tsx'
import { useShortcuts } from './shortcuts.ts'
import { TopBar } from './TopBar.tsx'

const Palette = lazy(() => import('./Palette.tsx'))
const ShortcutsHelp = lazy(() => import('./ShortcutsHelp.tsx'))

/** A session that ended meanwhile leads to the sign-in, and from there back to this page. */
function useSignedIn() {
  const { data } = useQuery(sessionQuery)
  const navigate = useNavigate()
  const lost = data?.user === null
  useEffect(() => {
    if (!lost) return
    const { pathname, search } = window.location
    void navigate({ to: '/sign-in', search: { next: pathname + search }, replace: true })
  }, [lost])
}

/** What stays while pages change: rail, top bar, palette, help. */
export function Frame() {
  const project = useQuery(projectQuery(useProjectRef()))
  const [railOpen, setRailOpen] = useState(false)
  const [palette, setPalette] = useState(false)
  const [help, setHelp] = useState(false)
  const path = useRouterState({ select: (state) => state.location.pathname })
  useSignedIn()
  useShortcuts({ palette: () => setPalette(true), help: () => setHelp(true) })
  // A new page folds the rail away.
  useEffect(() => setRailOpen(false), [path])

  return (
    <div className="min-h-dvh lg:pl-56">
      <a
        href="#content"
        className="sr-only z-70 rounded-md bg-accent px-3 py-2 text-on-accent focus:not-sr-only focus:fixed focus:top-2 focus:left-2"
      >
        Skip to the content
      </a>
      {railOpen && (
        <button
          type="button"
          aria-label="Close the navigation"
          className="fixed inset-0 z-30 bg-black/30 lg:hidden"
          onClick={() => setRailOpen(false)}
        />
      )}
      <aside
        id="rail"
        className={cx(
          'fixed inset-y-0 left-0 z-40 w-60 border-r bg-surface lg:visible lg:w-56 lg:translate-x-0',
          railOpen ? 'shadow-pop' : 'invisible -translate-x-full',
        )}
      >
        <Rail onClose={() => setRailOpen(false)} />
      </aside>
      <TopBar
        railOpen={railOpen}
        onRail={() => setRailOpen(true)}
        onSearch={() => setPalette(true)}
        onHelp={() => setHelp(true)}
      />
      <main id="content" tabIndex={-1} className="outline-none">
        {project.error ? (
          <div className="mx-auto max-w-2xl px-4 py-10">
            <ErrorNote error={project.error} retry={() => void project.refetch()} />
          </div>
        ) : (
          <Outlet />
        )}
      </main>
      <DropAnywhere />
      <Suspense>
        {palette && <Palette onClose={() => setPalette(false)} onHelp={() => setHelp(true)} />}
        {help && <ShortcutsHelp onClose={() => setHelp(false)} />}
      </Suspense>
    </div>
  )
}
