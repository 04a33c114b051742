const notes = new WeakMap<object, Record<string, unknown>>()

/** Says where an error came from, for the line of the log that tells of it. */
export function noteFault(error: unknown, facts: Record<string, unknown>): void {
  if (typeof error === 'object' && error !== null) notes.set(error, { ...notes.get(error), ...facts })
}

export const faultNotes = (error: unknown): Record<string, unknown> =>
  (typeof error === 'object' && error !== null && notes.get(error)) || {}
