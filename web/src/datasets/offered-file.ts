import type { Sending } from './sending.ts'

let offered: Sending | null = null
const listeners = new Set<() => void>()

/** A file dropped on another page waits here for the page that adds data. */
export function offerFile(file: Sending): void {
  offered = file
  for (const listener of listeners) listener()
}

/** Takes the waiting file; it is given once. */
export function takeOffered(): Sending | null {
  const file = offered
  offered = null
  return file
}

/** Calls back when a file is offered while the page is already open. */
export function onOffered(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}
