import { useQuery } from '@tanstack/react-query'
import { useNavigate, useRouter } from '@tanstack/react-router'
import { Command } from 'cmdk'
import { Dialog } from 'radix-ui'
import { useDeferredValue, useEffect, useState } from 'react'
import { atoll, sentence } from '../api.ts'
import { pathOf } from './places.ts'
import { useProjectRef } from './project.ts'
import { actions, sections } from './sections.ts'
import { setTheme } from './theme.ts'

const itemClass =
  'flex cursor-pointer items-center gap-3 rounded-md px-2.5 py-1.5 data-[selected=true]:bg-accent-soft data-[selected=true]:text-accent'

/** Finds any noun and any action. */
export default function Palette({ onClose, onHelp }: { onClose: () => void; onHelp: () => void }) {
  const [text, setText] = useState('')
  const wanted = useDeferredValue(text.trim())
  const project = useProjectRef()
  const navigate = useNavigate()
  const router = useRouter()
  const found = useQuery({
    queryKey: ['search', wanted],
    queryFn: () => atoll.platform.search(wanted, { limit: 20 }),
    enabled: wanted.length > 0,
    placeholderData: (old) => old,
    staleTime: 5000,
  })
  const go = (path: string) => {
    onClose()
    router.history.push(path)
  }
  const dress = (theme: 'light' | 'dark') => {
    setTheme(theme)
    onClose()
  }
  // What is known here answers each key at once; the search comes after.
  const typed = text.trim().toLowerCase()
  const matches = (words: string) => words.toLowerCase().includes(typed)
  const places = sections.filter((section) => matches(`go to ${section.title}`))
  const begun = actions.filter((action) => matches(`${action.title} ${action.words}`))
  // Of what an earlier word found, only what still fits: Enter must not take anything else.
  const stale = found.isPlaceholderData || wanted.toLowerCase() !== typed
  const hits = typed ? (found.data?.items ?? []).filter((hit) => !stale || hit.name.toLowerCase().includes(typed)) : []
  const first = hits[0]?.id ?? begun[0]?.path ?? (places[0] ? `go ${places[0].title}` : '')
  const [selected, setSelected] = useState('')
  // Enter takes what stands first, also when that came after the last key was pressed.
  useEffect(() => setSelected(first), [first])
  return (
    <Dialog.Root open onOpenChange={(open) => !open && onClose()}>
      <Dialog.Portal>
        <Dialog.Overlay className="fixed inset-0 z-40 bg-black/30" />
        <Dialog.Content
          aria-describedby={undefined}
          className="appear fixed top-[12vh] left-1/2 z-50 w-[min(38rem,calc(100vw-1.5rem))] -translate-x-1/2 overflow-hidden rounded-lg border bg-raised shadow-pop"
        >
          <Dialog.Title className="sr-only">Search and actions</Dialog.Title>
          <Command shouldFilter={false} value={selected} onValueChange={setSelected} label="Search and actions">
            <Command.Input
              autoFocus
              value={text}
              onValueChange={setText}
              placeholder="Find data, goals, models, endpoints, actions"
              className="h-12 w-full border-b bg-transparent px-4 text-lg outline-none"
            />
            <Command.List className="h-[min(24rem,60vh)] overflow-y-auto p-1.5 [&_[cmdk-group-heading]]:px-2.5 [&_[cmdk-group-heading]]:pt-2 [&_[cmdk-group-heading]]:pb-1 [&_[cmdk-group-heading]]:text-xs [&_[cmdk-group-heading]]:text-faint">
              {hits.length > 0 && (
                <Command.Group heading="Found">
                  {hits.map((hit) => (
                    <Command.Item
                      key={hit.id}
                      value={hit.id}
                      className={itemClass}
                      onSelect={() => go(pathOf(hit.project || project, hit.noun, hit.id))}
                    >
                      <span className="w-20 shrink-0 text-xs text-faint">{hit.noun}</span>
                      <span className="min-w-0 flex-1 truncate font-medium">{hit.name}</span>
                      <span className="max-w-48 truncate text-xs text-faint">{hit.description}</span>
                    </Command.Item>
                  ))}
                </Command.Group>
              )}
              {begun.length > 0 && (
                <Command.Group heading="Actions">
                  {begun.map((action) => (
                    <Command.Item
                      key={action.path}
                      value={action.path}
                      className={itemClass}
                      onSelect={() => {
                        onClose()
                        void navigate({ to: `/p/$project${action.path}` as '/p/$project', params: { project } })
                      }}
                    >
                      {action.title}
                    </Command.Item>
                  ))}
                  {matches('dark theme appearance') && (
                    <Command.Item value="dark" className={itemClass} onSelect={() => dress('dark')}>
                      Dark appearance
                    </Command.Item>
                  )}
                  {matches('light theme appearance') && (
                    <Command.Item value="light" className={itemClass} onSelect={() => dress('light')}>
                      Light appearance
                    </Command.Item>
                  )}
                  {matches('keyboard shortcuts help') && (
                    <Command.Item
                      value="help"
                      className={itemClass}
                      onSelect={() => {
                        onClose()
                        onHelp()
                      }}
                    >
                      Keyboard shortcuts
                    </Command.Item>
                  )}
                </Command.Group>
              )}
              {places.length > 0 && (
                <Command.Group heading="Go to">
                  {places.map((section) => (
                    <Command.Item
                      key={section.title}
                      value={`go ${section.title}`}
                      className={itemClass}
                      onSelect={() => {
                        onClose()
                        void navigate({ to: `/p/$project${section.path}` as '/p/$project', params: { project } })
                      }}
                    >
                      {section.title}
                    </Command.Item>
                  ))}
                </Command.Group>
              )}
              <Command.Empty className="px-4 py-10 text-center text-soft">
                {found.isFetching ? 'Looking…' : found.error ? sentence(found.error) : `Nothing is called “${wanted}”.`}
              </Command.Empty>
            </Command.List>
          </Command>
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  )
}
