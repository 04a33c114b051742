import { X } from 'lucide-react'
import { useSyncExternalStore } from 'react'
import { Button, IconButton } from './Button.tsx'
import { cx } from './cx.ts'

interface Toast {
  id: number
  text: string
  tone: 'plain' | 'bad'
  action?: { label: string; run: () => void }
}

let toasts: Toast[] = []
let next = 1
const listeners = new Set<() => void>()
const set = (now: Toast[]) => {
  toasts = now
  for (const listener of listeners) listener()
}
const drop = (id: number) => set(toasts.filter((toast) => toast.id !== id))

/** Says what was done, in the corner; with a way back where there is one. */
export function say(text: string, options: { tone?: 'plain' | 'bad'; action?: Toast['action'] } = {}): void {
  const id = next++
  set([...toasts.slice(-3), { id, text, tone: options.tone ?? 'plain', action: options.action }])
  setTimeout(() => drop(id), options.action || options.tone === 'bad' ? 10_000 : 4000)
}

/** Says that something did not work. */
export const sayError = (error: unknown): void => say(error instanceof Error ? error.message : String(error), { tone: 'bad' })

export function Toasts() {
  const shown = useSyncExternalStore(
    (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    () => toasts,
  )
  return (
    <section
      aria-label="Messages"
      aria-live="polite"
      className="pointer-events-none fixed right-4 bottom-4 z-60 flex w-[min(24rem,calc(100vw-2rem))] flex-col gap-2"
    >
      {shown.map((toast) => (
        <div
          key={toast.id}
          className={cx(
            'appear pointer-events-auto flex items-center gap-2 rounded-lg border bg-raised py-2 pr-1.5 pl-3.5 shadow-pop',
            toast.tone === 'bad' && 'border-bad/50',
          )}
        >
          <p className="min-w-0 flex-1">{toast.text}</p>
          {toast.action && (
            <Button
              size="sm"
              onClick={() => {
                toast.action?.run()
                drop(toast.id)
              }}
            >
              {toast.action.label}
            </Button>
          )}
          <IconButton label="Dismiss" onClick={() => drop(toast.id)}>
            <X aria-hidden="true" className="size-3.5" />
          </IconButton>
        </div>
      ))}
    </section>
  )
}
