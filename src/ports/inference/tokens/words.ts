/** Where a word begins and ends, in characters (Unicode code points). */
export type Word = [start: number, end: number]

const isPart = /[\p{L}\p{N}\p{M}_]/u
const isBetween = /[\p{Z}\p{Cc}]/u

/**
 * Letters, digits, marks and "_" that follow one another are a word, separators and control characters are between words, and every other sign
 * is a word of its own: as in `atoll_engines/text/tagging/words.py`.
 */
export function splitWords(text: string): { words: Word[]; pieces: string[] } {
  const words: Word[] = []
  const pieces: string[] = []
  let piece = ''
  let at = 0
  const close = () => {
    if (piece === '') return
    words.push([at - [...piece].length, at])
    pieces.push(piece)
    piece = ''
  }
  for (const sign of text) {
    if (isPart.test(sign)) piece += sign
    else {
      close()
      if (!isBetween.test(sign)) {
        words.push([at, at + 1])
        pieces.push(sign)
      }
    }
    at++
  }
  close()
  return { words, pieces }
}

/** The words of a text that fit into a row of tokens: `[first token, start, end]` of each. */
export type PlacedWord = [token: number, start: number, end: number]

export interface WordsOfText {
  text: string
  words: PlacedWord[]
}

export interface Span {
  /** In characters (Unicode code points), the end not included. */
  start: number
  end: number
  label: string
  text: string
  /** The mean probability of its words' tags. */
  score: number
}

/** The spans that tags of words say: 0 is outside, then begin and inside of each label. An inside tag that continues nothing begins a span. */
export function spansOf(
  { text, words }: WordsOfText,
  labels: readonly string[],
  at: { tag(token: number): number; confidence(token: number): number },
): Span[] {
  const signs = [...text]
  const spans: (Span & { words: number })[] = []
  let open: string | null = null
  for (const [token, start, end] of words) {
    const tag = Math.round(at.tag(token))
    const label = tag > 0 ? labels[(tag - 1) >> 1] : undefined
    if (label === undefined) {
      open = null
      continue
    }
    const score = at.confidence(token)
    const last = spans.at(-1)
    if (tag % 2 === 0 && label === open && last) {
      last.end = end
      last.score += score
      last.words++
    } else spans.push({ start, end, label, text: '', score, words: 1 })
    open = label
  }
  return spans.map(({ words: count, ...span }) => ({
    ...span,
    text: signs.slice(span.start, span.end).join(''),
    score: span.score / count,
  }))
}
