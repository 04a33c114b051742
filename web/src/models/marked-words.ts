export interface MarkedWord {
  word: string
  differs: boolean
  at: number
}

/** Longer texts would take long to compare in a page; their words are left unmarked. */
const mostWords = 600

/** The words of two texts; those outside their longest common subsequence differ. Case and signs do not count. */
export function markedWords(wanted: string, said: string): { wanted: MarkedWord[]; said: MarkedWord[] } {
  const a = wordsOf(wanted)
  const b = wordsOf(said)
  if (a.length > mostWords || b.length > mostWords) return { wanted: plain(a), said: plain(b) }
  const [left, right] = [a.map(bare), b.map(bare)]
  const table = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1))
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--)
      table[i]![j] = left[i] === right[j] ? table[i + 1]![j + 1]! + 1 : Math.max(table[i + 1]![j]!, table[i]![j + 1]!)
  const found = { wanted: plain(a, true), said: plain(b, true) }
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    if (left[i] === right[j]) {
      found.wanted[i++]!.differs = false
      found.said[j++]!.differs = false
    } else if (table[i + 1]![j]! >= table[i]![j + 1]!) i++
    else j++
  }
  return found
}

const wordsOf = (text: string): string[] => text.split(/\s+/).filter(Boolean)
const bare = (word: string): string => word.toLowerCase().replace(/[^\p{L}\p{N}\p{M}]/gu, '') || word
const plain = (words: string[], differs = false): MarkedWord[] => words.map((word, at) => ({ word, differs, at }))
