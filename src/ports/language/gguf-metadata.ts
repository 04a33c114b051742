import { type Cursor, shown } from './gguf-cursor.ts'
import type { GgufHeader } from './gguf-header.ts'
import { valueBytes, valueType } from './gguf-types.ts'

type Value = string | number | boolean | List
/** A list is stepped over; where it lies is kept. */
interface List {
  type: number
  length: number
  /** Numbers: where they begin. Texts: where each begins, and where the last ends. */
  starts: number | Uint32Array
}

const longestKey = 65_535
const longestText = 8 * 2 ** 20
const longestItem = 65_536
const mostItems = 4 * 2 ** 20
const mostControlTokens = 4_096

type Facts = Pick<
  GgufHeader,
  | 'architecture'
  | 'name'
  | 'licence'
  | 'contextLength'
  | 'layers'
  | 'width'
  | 'pooling'
  | 'contextBytesPerToken'
  | 'vocabulary'
  | 'tokenizer'
  | 'controlTokens'
  | 'chatTemplate'
> & { alignment: number }

/** Reads the metadata of a GGUF file: keys once each, values of known kinds, lists that fit together. */
export function readMetadata(at: Cursor, count: number, wrong: (why: string) => Error): Facts {
  const values = new Map<string, Value>()
  for (let i = 0; i < count; i++) {
    const key = at.text(longestKey, 'a key')
    if (!/^[\x21-\x7e]+$/.test(key)) throw wrong(`a key of its metadata is no word ("${shown(key)}")`)
    if (values.has(key)) throw wrong(`its metadata has "${shown(key)}" twice`)
    values.set(key, readValue(at, key, wrong))
  }
  const text = (key: string): string | null => {
    const value = values.get(key)
    return typeof value === 'string' ? value : null
  }
  const list = (key: string, type: number): List | null => {
    const value = values.get(key)
    if (value === undefined) return null
    if (typeof value !== 'object' || value.type !== type) throw wrong(`"${shown(key)}" is not a list of the kind it should be`)
    return value
  }
  /** A size of the network; some have a list, one number for each layer, of which the largest counts. */
  const size = (key: string, most: number): number | null => {
    const value = values.get(key)
    const found = typeof value === 'object' ? largestOf(at, value) : value
    if (value === undefined) return null
    if (typeof found !== 'number' || !Number.isInteger(found) || found < 1 || found > most)
      throw wrong(`"${shown(key)}" is ${String(found)}, which no model can have`)
    return found
  }
  const needed = (key: string, most: number): number => {
    const found = size(key, most)
    if (found === null) throw wrong(`its metadata lacks "${shown(key)}"`)
    return found
  }

  const architecture = text('general.architecture')
  if (architecture === null || !/^[\w.-]{1,64}$/.test(architecture)) throw wrong('it does not say what kind of network it holds')
  if ((size('split.count', 65_535) ?? 1) > 1) throw wrong('it is one part of several; join them to one file first')
  const alignment = values.get('general.alignment') ?? 32
  if (typeof alignment !== 'number' || !isPowerOfTwo(alignment) || alignment < 8 || alignment > 65_536)
    throw wrong('its alignment is no power of two between 8 and 65536')

  const of = (key: string) => `${architecture}.${key}`
  const layers = needed(of('block_count'), 4_096)
  const width = needed(of('embedding_length'), 2 ** 20)
  const heads = size(of('attention.head_count'), 2 ** 16) ?? 1
  const keyHeads = size(of('attention.head_count_kv'), 2 ** 16) ?? heads
  const headWidth = Math.ceil(width / heads)
  const keyWidth = size(of('attention.key_length'), 2 ** 16) ?? headWidth
  const valueWidth = size(of('attention.value_length'), 2 ** 16) ?? headWidth

  const tokenizer = text('tokenizer.ggml.model')
  const tokens = list('tokenizer.ggml.tokens', valueType.string)
  if (tokenizer === null || tokens === null || tokens.length === 0)
    throw wrong('it has no vocabulary, so that no text can be put to it')
  const types = list('tokenizer.ggml.token_type', valueType.int32)
  const scores = list('tokenizer.ggml.scores', valueType.float32)
  for (const [what, other] of [
    ['kinds', types],
    ['scores', scores],
  ] as const)
    if (other && other.length !== tokens.length)
      throw wrong(`its vocabulary has ${tokens.length} tokens and ${other.length} ${what}`)
  for (const [key, value] of values)
    if (/^tokenizer\.ggml\.\w+_token_id$/.test(key) && !(typeof value === 'number' && value >= 0 && value < tokens.length))
      throw wrong(`"${shown(key)}" names a token that is not in its vocabulary`)

  return {
    alignment,
    architecture,
    name: text('general.name')?.slice(0, 200) ?? null,
    licence: text('general.license')?.slice(0, 200) ?? null,
    contextLength: needed(of('context_length'), 2 ** 27),
    layers,
    width,
    pooling: poolings[Number(values.get(of('pooling_type')))] ?? null,
    contextBytesPerToken: layers * keyHeads * (keyWidth + valueWidth) * 2,
    vocabulary: tokens.length,
    tokenizer,
    controlTokens: types ? controlTokens(at, tokens, types) : [],
    chatTemplate: text('tokenizer.chat_template'),
  }
}

/** llama.cpp's `llama_pooling_type`; 0 is none, 4 ranks pairs of texts. */
const poolings: Record<number, GgufHeader['pooling']> = { 1: 'mean', 2: 'first', 3: 'last' }

function readValue(at: Cursor, key: string, wrong: (why: string) => Error): Value {
  const type = at.uint32()
  if (type === valueType.string) return at.text(longestText, `"${shown(key)}"`)
  if (type === valueType.array) return readList(at, key, wrong)
  const read = readers.get(type)
  if (!read) throw wrong(`"${shown(key)}" is of a kind that is not known (${type})`)
  const value = read(at)
  if (type === valueType.bool) {
    if (value > 1) throw wrong(`"${shown(key)}" is neither true nor false`)
    return value === 1
  }
  if (!Number.isFinite(value)) throw wrong(`"${shown(key)}" is no finite number`)
  return value
}

const readers: ReadonlyMap<number, (at: Cursor) => number> = new Map([
  [valueType.uint8, (at: Cursor) => at.uint8()],
  [valueType.int8, (at: Cursor) => at.int8()],
  [valueType.uint16, (at: Cursor) => at.uint16()],
  [valueType.int16, (at: Cursor) => at.int16()],
  [valueType.uint32, (at: Cursor) => at.uint32()],
  [valueType.int32, (at: Cursor) => at.int32()],
  [valueType.float32, (at: Cursor) => at.float32()],
  [valueType.bool, (at: Cursor) => at.uint8()],
  [valueType.uint64, (at: Cursor) => at.uint64()],
  [valueType.int64, (at: Cursor) => at.int64()],
  [valueType.float64, (at: Cursor) => at.float64()],
])

function readList(at: Cursor, key: string, wrong: (why: string) => Error): List {
  const type = at.uint32()
  const length = at.count(mostItems, `items of "${shown(key)}"`)
  const bytes = valueBytes.get(type)
  if (bytes !== undefined) return { type, length, starts: at.skip(length * bytes) }
  if (type !== valueType.string) throw wrong(`"${shown(key)}" is a list of a kind that is not known (${type})`)
  // Each has a length of eight bytes: a claim that the file cannot keep costs no memory.
  const begin = at.offset
  at.skip(length * 8)
  at.offset = begin
  const starts = new Uint32Array(length * 2)
  for (let i = 0; i < length; i++) {
    const size = at.count(longestItem, `bytes of an item of "${shown(key)}"`)
    starts[2 * i] = at.skip(size)
    starts[2 * i + 1] = at.offset
  }
  return { type, length, starts }
}

/** Tokens of the kind "control" (3 in llama.cpp's `llama_token_type`). */
function controlTokens(at: Cursor, tokens: List, types: List): string[] {
  const kinds = at.slice(types.starts as number, (types.starts as number) + 4 * types.length)
  const starts = tokens.starts as Uint32Array
  const found: string[] = []
  for (let i = 0; i < tokens.length && found.length < mostControlTokens; i++) {
    if (kinds.readInt32LE(4 * i) !== 3) continue
    const text = at.slice(starts[2 * i]!, starts[2 * i + 1]!).toString('utf8')
    if (text !== '') found.push(text)
  }
  return found
}

function largestOf(at: Cursor, { type, length, starts }: List): number | null {
  if ((type !== valueType.uint32 && type !== valueType.int32) || length === 0 || length > 4_096) return null
  const bytes = at.slice(starts as number, (starts as number) + 4 * length)
  let largest = 0
  for (let i = 0; i < length; i++) largest = Math.max(largest, bytes.readInt32LE(4 * i))
  return largest
}

const isPowerOfTwo = (value: number): boolean => Number.isInteger(value) && value > 0 && (value & (value - 1)) === 0
