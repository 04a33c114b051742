import { useNavigate } from '@tanstack/react-router'
import { useEffect } from 'react'
import { useProjectRef } from './project.ts'
import { sections } from './sections.ts'

/** Keys that work everywhere, as the help lists them. */
export const shortcutList: readonly { keys: string; does: string }[] = [
  { keys: 'Ctrl K or /', does: 'Search any noun, start any action' },
  { keys: '?', does: 'This list' },
  ...sections.map((section) => ({ keys: `g ${section.key}`, does: `Go to ${section.title}` })),
  { keys: 'c d', does: 'Add data' },
  { keys: 'c g', does: 'State a goal' },
  { keys: 'c t', does: 'Train a model' },
  { keys: '↑ ↓', does: 'Move between the rows of a list' },
  { keys: '← →', does: 'Move a handle of a chart (with Shift: faster)' },
  { keys: 'Esc', does: 'Close what is open' },
]

const creating: Record<string, string> = { d: '/datasets/new', g: '/goals/new', t: '/training/new' }

const typing = (target: EventTarget | null) =>
  target instanceof HTMLElement &&
  (target.isContentEditable || target.matches('input:not([type=checkbox],[type=radio]), textarea, select'))

export function useShortcuts(open: { palette: () => void; help: () => void }): void {
  const navigate = useNavigate()
  const project = useProjectRef()
  useEffect(() => {
    let first = ''
    let timer = 0
    const go = (path: string) => void navigate({ to: `/p/$project${path}` as '/p/$project', params: { project } })
    const onKey = (event: KeyboardEvent) => {
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'k') {
        event.preventDefault()
        open.palette()
        return
      }
      if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return
      if (document.querySelector('[role="dialog"],[role="alertdialog"],[role="menu"]')) return
      const second = first
      first = ''
      window.clearTimeout(timer)
      if (second === 'g') {
        const section = sections.find((one) => one.key === event.key)
        if (section) go(section.path)
      } else if (second === 'c') {
        const path = creating[event.key]
        if (path) go(path)
      } else if (event.key === '?') open.help()
      else if (event.key === '/') {
        event.preventDefault()
        open.palette()
      } else if (event.key === 'g' || event.key === 'c') {
        first = event.key
        timer = window.setTimeout(() => {
          first = ''
        }, 1200)
      }
    }
    window.addEventListener('keydown', onKey)
    return () => window.removeEventListener('keydown', onKey)
  })
}
