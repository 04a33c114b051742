import { useSyncExternalStore } from 'react'

export type Theme = 'system' | 'light' | 'dark'

const key = 'atoll.theme'
const listeners = new Set<() => void>()

export function readTheme(): Theme {
  try {
    const stored = localStorage.getItem(key)
    return stored === 'light' || stored === 'dark' ? stored : 'system'
  } catch {
    return 'system'
  }
}

/** Puts the chosen theme on the page; the system's choice needs no mark. */
export function applyTheme(theme: Theme = readTheme()): void {
  if (theme === 'system') delete document.documentElement.dataset.theme
  else document.documentElement.dataset.theme = theme
}

export function setTheme(theme: Theme): void {
  try {
    if (theme === 'system') localStorage.removeItem(key)
    else localStorage.setItem(key, theme)
  } catch {
    // Without storage the choice lasts as long as the page.
  }
  applyTheme(theme)
  for (const listener of listeners) listener()
}

/** Whether the page is dark now; renders again when that changes. */
export function useDark(): boolean {
  return useSyncExternalStore(
    (listener) => {
      const media = matchMedia('(prefers-color-scheme: dark)')
      media.addEventListener('change', listener)
      listeners.add(listener)
      return () => {
        media.removeEventListener('change', listener)
        listeners.delete(listener)
      }
    },
    () => {
      const chosen = document.documentElement.dataset.theme
      return chosen ? chosen === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches
    },
  )
}
