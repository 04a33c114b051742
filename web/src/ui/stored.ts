import { useState } from 'react'

/** State that this browser remembers. A full or forbidden storage only means that it forgets. */
export function useStored<T>(key: string, initial: T): [T, (value: T) => void] {
  const name = `atoll.${key}`
  const [value, setValue] = useState<T>(() => {
    try {
      const text = localStorage.getItem(name)
      return text === null ? initial : (JSON.parse(text) as T)
    } catch {
      return initial
    }
  })
  return [
    value,
    (next) => {
      setValue(next)
      try {
        localStorage.setItem(name, JSON.stringify(next))
      } catch {
        // Private windows may refuse; the page works on without memory.
      }
    },
  ]
}
