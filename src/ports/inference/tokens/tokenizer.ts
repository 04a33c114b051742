import { Tokenizer } from '@huggingface/tokenizers'
import { invalidInput, PlatformError } from '../../../kernel/errors.ts'
import { type PlacedWord, splitWords } from './words.ts'

/** Text to token ids, special tokens included, at most `maxLength` of them. */
export type Tokenise = (text: string) => number[]

interface Part {
  type?: string
  pretokenizers?: Part[]
  individual_digits?: boolean
  [field: string]: unknown
}

/** Reads `tokenizer.json`. What it says of truncation and padding is left aside: the signature decides. */
export function openTokenizer(json: string, maxLength: number): Tokenise {
  const tokenizer = build(json)
  const { before, after } = specialsAround(tokenizer)
  const room = maxLength - before.length - after.length
  if (room < 1) throw invalidInput(`The signature's maxLength ${maxLength} leaves no room beside the tokenizer's special tokens.`)
  const whole = (text: string): number[] => tokenizer.encode(text, { add_special_tokens: false }).ids
  const divide = dividesAtBlanks(JSON.parse(json) as Described) ? atBlanks(whole, room) : whole
  return (text) => {
    const ids = divide(text)
    return [...before, ...(ids.length > room ? ids.slice(0, room) : ids), ...after]
  }
}

/** The parts of `tokenizer.json` that say whether what stands between blanks is divided by itself. */
interface Described {
  normalizer?: Part | null
  pre_tokenizer?: Part | null
  model?: Part | null
  added_tokens?: { content: string; lstrip?: boolean; rstrip?: boolean; single_word?: boolean }[]
}

/** Whether nothing in it looks across blanks: the vocabularies of BERT and its kin. */
const dividesAtBlanks = ({ normalizer, pre_tokenizer, model, added_tokens = [] }: Described): boolean =>
  model?.type === 'WordPiece' &&
  (!normalizer || normalizer.type === 'BertNormalizer' || normalizer.type === 'Lowercase') &&
  (pre_tokenizer?.type === 'BertPreTokenizer' || pre_tokenizer?.type === 'Whitespace') &&
  added_tokens.every((one) => !one.lstrip && !one.rstrip && !one.single_word && !/\s/.test(one.content))

/** Divides a text piece by piece, and each piece that comes again only once; ends where there is no room left. */
function atBlanks(whole: (text: string) => number[], room: number): (text: string) => number[] {
  const known = boundedMap<number[]>(mostKnownWords)
  return (text) => {
    const ids: number[] = []
    for (const piece of text.split(blanks)) {
      if (piece === '') continue
      const own = piece.length > longestKnown ? whole(piece) : known(piece, () => whole(piece))
      for (let i = 0; i < own.length; i++) ids.push(own[i]!)
      if (ids.length >= room) break
    }
    return ids
  }
}

const blanks = /[ \t\n\r]+/
/** Longer pieces are seldom words that come again. */
const longestKnown = 40

/** Reads `tokenizer.json` for the other way: token ids to text, without special tokens. */
export function openWords(json: string): (ids: number[]) => string {
  const tokenizer = build(json)
  return (ids) => tokenizer.decode(ids, { skip_special_tokens: true, clean_up_tokenization_spaces: false })
}

/** Text to token ids word by word, so that each word has a first token; what is longer is cut between words. */
export type TokeniseWords = (text: string) => { ids: number[]; words: PlacedWord[] }

/** Reads `tokenizer.json` for a graph that tells something of each word. */
export function openWordTokenizer(json: string, maxLength: number): TokeniseWords {
  const tokenizer = build(json)
  const { before, after } = specialsAround(tokenizer)
  const room = maxLength - before.length - after.length
  if (room < 1) throw invalidInput(`The signature's maxLength ${maxLength} leaves no room beside the tokenizer's special tokens.`)
  const known = boundedMap<number[]>(mostKnownWords)
  // A later word has a blank before it, which byte-level vocabularies make part of it.
  const idsOf = (word: string): number[] => known(word, () => tokenizer.encode(word, { add_special_tokens: false }).ids)
  return (text) => {
    const ids = [...before]
    const placed: PlacedWord[] = []
    const { words, pieces } = splitWords(text)
    for (const [i, piece] of pieces.entries()) {
      const own = idsOf(placed.length > 0 ? ` ${piece}` : piece)
      if (ids.length - before.length + own.length > room) break
      if (own.length === 0) continue
      placed.push([ids.length, ...words[i]!])
      ids.push(...own)
    }
    return { ids: [...ids, ...after], words: placed }
  }
}

const mostKnownWords = 50_000

/** Remembers what was made for a word; forgets all when there are too many. */
function boundedMap<T>(most: number): (key: string, make: () => T) => T {
  const known = new Map<string, T>()
  return (key, make) => {
    const found = known.get(key)
    if (found) return found
    if (known.size >= most) known.clear()
    const made = make()
    known.set(key, made)
    return made
  }
}

function build(json: string): Tokenizer {
  try {
    const described = JSON.parse(json) as { pre_tokenizer?: Part | null }
    if (described.pre_tokenizer) described.pre_tokenizer = ofUnicode(described.pre_tokenizer)
    return new Tokenizer(described, {})
  } catch (error) {
    throw new PlatformError(
      'invalid_input',
      `The package's tokenizer.json cannot be read: ${(error as Error).message}`,
      {},
      { cause: error },
    )
  }
}

/** What is part of a word to Rust's regular expressions (Unicode TR18, annex C), in which the Python library splits. */
const word = '\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\x{200c}\\x{200d}'

/** Words and digits are those of ASCII in the library, of Unicode in Python. */
function ofUnicode(part: Part): Part {
  if (part.type === 'Whitespace') return matches(`[${word}]+|[^${word}\\s]+`)
  if (part.type === 'Digits') return matches(`[^\\p{N}]+|\\p{N}${part.individual_digits ? '' : '+'}`)
  return part.pretokenizers ? { ...part, pretokenizers: part.pretokenizers.map(ofUnicode) } : part
}

const matches = (regex: string): Part => ({ type: 'Split', pattern: { Regex: regex }, behavior: 'Removed', invert: true })

/** The special tokens that stand before and after a text. */
function specialsAround(tokenizer: Tokenizer): { before: number[]; after: number[] } {
  const bare: number[] = tokenizer.encode(probe, { add_special_tokens: false }).ids
  const whole: number[] = tokenizer.encode(probe).ids
  for (let start = 0; start + bare.length <= whole.length; start++)
    if (bare.every((id, i) => whole[start + i] === id))
      return { before: whole.slice(0, start), after: whole.slice(start + bare.length) }
  throw invalidInput("The package's tokenizer.json changes a text where it adds special tokens, which is not known here.")
}

/** Several tokens in any vocabulary, so that they are not mistaken for special ones. */
const probe = 'a b c 1 2 3'
