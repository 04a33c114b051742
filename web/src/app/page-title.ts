import { useEffect, useSyncExternalStore } from 'react'

let title = ''
const listeners = new Set<() => void>()

/** A page says its name: in the window's title and at the end of the breadcrumb. */
export function usePageTitle(name: string): void {
  useEffect(() => {
    title = name
    document.title = `${name} · Atoll`
    for (const listener of listeners) listener()
  }, [name])
}

export const useCurrentTitle = (): string =>
  useSyncExternalStore(
    (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    () => title,
  )
