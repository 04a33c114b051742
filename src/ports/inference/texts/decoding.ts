/** How a package with an encoder and a decoder writes a text, token by token (docs/job-contract.md). */
export interface TextDecoding {
  /** What stands before each text, and what ends one. */
  start: number[]
  end: number[]
  /** The most tokens of one text, or of one window of a recording. */
  maxTokens: number
  /** Never written; never written first. */
  suppress: number[]
  suppressFirst: number[]
  /** No token from this number on is written; null where all may be. */
  below: number | null
  /** Recordings: how many samples the encoder hears at once, and how long a frame is at whose quietest a longer one is cut. */
  window?: { samples: number; frame: number } | null
}

/** What was written for a row; with its parts in seconds where it is of a recording. */
export interface WrittenAnswer {
  text: string
  segments?: { start: number; end: number; text: string }[]
}

/** The logits of the next token after those so far. */
export type NextLogits = (tokens: readonly number[]) => Promise<Float32Array>

/**
 * The most probable token each time, until one ends the text or it is as long as it may be: the rule of training
 * (atoll_engines/sequences/decoding.py). `check` is called before each token and throws where nobody waits any longer.
 */
export async function writeTokens(decoding: TextDecoding, next: NextLogits, check: () => void): Promise<number[]> {
  const { start, maxTokens } = decoding
  const ends = new Set(decoding.end)
  const never = new Set(decoding.suppress)
  const neverFirst = new Set([...decoding.suppress, ...decoding.suppressFirst])
  const written: number[] = []
  while (written.length < maxTokens) {
    check()
    const logits = await next([...start, ...written])
    const token = firstLargest(logits, decoding.below ?? logits.length, written.length === 0 ? neverFirst : never)
    if (ends.has(token)) break
    written.push(token)
  }
  return written
}

function firstLargest(logits: Float32Array, below: number, without: ReadonlySet<number>): number {
  let best = -1
  for (let token = 0; token < Math.min(below, logits.length); token++)
    if ((best < 0 || logits[token]! > logits[best]!) && !without.has(token)) best = token
  // As argmax of nothing but what may not be written says.
  return Math.max(0, best)
}
