/** Passes text on until one of the stop texts appears; what may be the beginning of one is held back. */
export function untilStop(stops: readonly string[], pass: (text: string) => void) {
  let held = ''
  return {
    /** Whether a stop text has come: nothing after it is passed on. */
    push(text: string): boolean {
      held += text
      const found = stops.map((stop) => held.indexOf(stop)).filter((at) => at >= 0)
      if (found.length > 0) {
        const at = Math.min(...found)
        if (at > 0) pass(held.slice(0, at))
        held = ''
        return true
      }
      const keep = longestBeginning(held, stops)
      if (keep < held.length) pass(held.slice(0, held.length - keep))
      held = held.slice(held.length - keep)
      return false
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
