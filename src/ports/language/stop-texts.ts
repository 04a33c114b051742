/** Passes text on until one of the stop texts appears; what may be the beginning of one is held back. */
export function untilStop(stopsNow: () => readonly string[], pass: (text: string) => void) {
  let held = ''
  return {
    /** The stop text that has come, if one has: neither it nor anything after it is passed on. */
    push(text: string): string | null {
      const stops = stopsNow()
      held += text
      const found = stops
        .map((stop) => ({ stop, at: held.indexOf(stop) }))
        .filter(({ at }) => at >= 0)
        .sort((a, b) => a.at - b.at)[0]
      if (found) {
        if (found.at > 0) pass(held.slice(0, found.at))
        held = ''
        return found.stop
      }
      const keep = longestBeginning(held, stops)
      if (keep < held.length) pass(held.slice(0, held.length - keep))
      held = held.slice(held.length - keep)
      return null
    },
    /** No more text comes: what was held back was no stop text. */
    end(): void {
      if (held !== '') pass(held)
      held = ''
    },
  }
}

/** How many characters at the end of a text are the beginning of a stop text. */
function longestBeginning(text: string, stops: readonly string[]): number {
  let longest = 0
  for (const stop of stops)
    for (let length = Math.min(stop.length - 1, text.length); length > longest; length--)
      if (text.endsWith(stop.slice(0, length))) {
        longest = length
        break
      }
  return longest
}
