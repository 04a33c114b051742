import type { RawBody } from '../../kernel/raw-body.ts'
import type { Notes, Reader } from './encode.ts'
import type { RawBatch } from './inference.ts'

/** The readers of a signature's columns. */
export interface Columns {
  numbers: readonly Reader<number>[]
  strings: readonly Reader<string>[]
}

export interface BodyReader {
  /**
   * Lays out the rows of a body; null for one that is written in any way it does not know. Throws what the readers throw.
   * With `isOnce` a row is laid out where the next one will be (making a place for each costs as much as filling it), and many rows are given up at once.
   */
  encode(body: RawBody, notes: Notes, isOnce: boolean): RawBatch | null
  /** Remembers the order in which a client writes the fields of a row. */
  learn(row: object): void
}

interface Field {
  /** The name as it stands in JSON, with its quotes. */
  name: Uint8Array
  /** What stands before the value where nothing but the usual blanks is written, by style. */
  leads: readonly [Lead, Lead]
  /** Between these a number needs no further look. */
  low: number
  high: number
  numbers: Reader<number> | null
  strings: Reader<string> | null
}

/** A text to be compared four bytes at a time. */
interface Lead {
  words: Int32Array
  rest: Uint8Array
  length: number
}

const maxRows = 10_000
const maxBytes = 2 ** 20
const powersOfTen = Array.from({ length: 23 }, (_, i) => 10 ** i)
const largestExact = Number.MAX_SAFE_INTEGER
const space = 32
const quote = 34
const plus = 43
const comma = 44
const minus = 45
const dot = 46
const zero = 48
const nine = 57
const colon = 58
const largeE = 69
const openList = 91
const backslash = 92
const shutList = 93
const smallE = 101
const open = 123
const shut = 125
const beyondAscii = 128
const rowKey = Buffer.from('{"row"')
const rowsKey = Buffer.from('{"rows"')
const words = [
  [Buffer.from('null'), null],
  [Buffer.from('true'), true],
  [Buffer.from('false'), false],
] as const

/** The body that is read, in a place of its own: what is compiled for it then knows its kind and its end. One call at a time, none of them waits. */
let bytes: Uint8Array = new Uint8Array(4096)
let view = new DataView(bytes.buffer)
/** The text of the body, made where a value of it is needed as text. */
let source: RawBody
/** Where reading stands; -1 once something was not plain. */
let at = 0

/**
 * Reads `{"row": {…}}` and `{"rows": [{…}, …]}` straight into tensors, where the fields of each row come in the order of the last body that was parsed
 * in full: clients are programs and write the same way each time. Only plain values are known (numbers, ASCII text without escapes, true, false, null);
 * every one goes through the same checks as from parsed JSON.
 */
export function bodyReader({ numbers: numberReaders, strings: stringReaders }: Columns): BodyReader {
  const kn = numberReaders.length
  const ks = stringReaders.length
  const byName = new Map<string, Field>()
  for (const reader of numberReaders) byName.set(reader.name, fieldOf(reader, { numbers: reader }))
  for (const reader of stringReaders) byName.set(reader.name, fieldOf(reader, { strings: reader }))
  let fields: Field[] | null = null
  let absent: Field[] = []
  const onceValues = new Float64Array(kn)

  function learn(row: object): void {
    const found = Object.keys(row).map((name) => byName.get(name))
    fields = found.every((field) => field !== undefined) ? found : null
    absent = [...byName.values()].filter((field) => !found.includes(field))
  }

  function encode(body: RawBody, notes: Notes, isOnce: boolean): RawBatch | null {
    const length = body.end - body.start
    if (fields === null || length > maxBytes) return null
    take(body, length)
    const isMany = isAt(rowsKey, 0)
    if (!isMany && !isAt(rowKey, 0)) return null
    at = isMany ? rowsKey.length : rowKey.length
    expect(colon)
    if (isMany) expect(openList)
    let room = isMany ? 8 : 1
    let values = isOnce && !isMany ? onceValues : new Float64Array(room * kn)
    const strings: string[] = []
    let rows = 0
    for (;;) {
      if (rows === room) {
        if (isOnce || rows >= maxRows) return null
        room *= 2
        const more = new Float64Array(room * kn)
        more.set(values)
        values = more
      }
      readRow(fields, rows, { values, strings, notes })
      if (at < 0) return null
      rows++
      skipSpace()
      if (!isMany || bytes[at] !== comma) break
      at++
    }
    if (isMany) expect(shutList)
    expect(shut)
    skipSpace()
    if (at !== length || rows > maxRows) return null
    return { rows, numbers: rows === room ? values : values.slice(0, rows * kn), strings }
  }

  function readRow(
    order: readonly Field[],
    r: number,
    { values, strings, notes }: { values: Float64Array; strings: string[]; notes: Notes },
  ): void {
    expect(open)
    for (let f = 0; f < order.length; f++) {
      const { name, leads, low, high, numbers, strings: reader } = order[f]!
      // Nearly all programs write `, "x": ` or `,"x":`; what has other blanks is read piece by piece.
      if (f === 0 || !(follows(leads[0]) || follows(leads[1]))) {
        if (f > 0) expect(comma)
        skipSpace()
        if (at < 0 || !isAt(name, at)) {
          giveUp()
          return
        }
        at += name.length
        expect(colon)
        skipSpace()
        if (at < 0) return
      }
      const first = bytes[at]!
      if (numbers !== null && (first === minus || (first >= zero && first <= nine))) {
        const value = readNumber()
        if (at < 0) return
        values[r * kn + numbers.index] = value >= low && value <= high ? value : numbers.read(value, r, notes)
        continue
      }
      const value = first === quote ? readText() : readOther(first)
      if (at < 0) return
      if (numbers !== null) values[r * kn + numbers.index] = numbers.read(value, r, notes)
      else strings[r * ks + reader!.index] = reader!.read(value, r, notes)
    }
    expect(shut)
    for (const { numbers, strings: reader } of absent) {
      if (numbers) values[r * kn + numbers.index] = numbers.read(undefined, r, notes)
      else strings[r * ks + reader!.index] = reader!.read(undefined, r, notes)
    }
  }

  return { encode, learn }
}

function fieldOf(
  { name, low, high }: Reader<unknown>,
  { numbers = null, strings = null }: Partial<Pick<Field, 'numbers' | 'strings'>>,
): Field {
  const quoted = JSON.stringify(name)
  return {
    name: Buffer.from(quoted),
    leads: [leadOf(`, ${quoted}: `), leadOf(`,${quoted}:`)],
    low: numbers ? low : Number.NaN,
    high: numbers ? high : Number.NaN,
    numbers,
    strings,
  }
}

function leadOf(text: string): Lead {
  const all = Buffer.from(text)
  const whole = all.length - (all.length % 4)
  const words = Int32Array.from({ length: whole / 4 }, (_, i) => all.readInt32LE(4 * i))
  return { words, rest: Uint8Array.from(all.subarray(whole)), length: all.length }
}

/** Lays a body where it is read. A zero ends what nothing follows: no text that is expected holds one. */
function take(body: RawBody, length: number): void {
  // Room for whatever is compared at the end.
  if (length + 4096 > bytes.length) {
    bytes = new Uint8Array(2 * length + 4096)
    view = new DataView(bytes.buffer)
  }
  body.bytes.copy(bytes, 0, body.start, body.end)
  bytes[length] = 0
  source = body
}

/** Goes on behind a text, if it stands here. */
function follows({ words, rest, length }: Lead): boolean {
  const from = at
  if (from < 0 || from + length > bytes.length) return false
  for (let i = 0; i < words.length; i++) if (view.getInt32(from + 4 * i, true) !== words[i]) return false
  const tail = from + 4 * words.length
  for (let i = 0; i < rest.length; i++) if (bytes[tail + i] !== rest[i]) return false
  at = from + length
  return true
}

function giveUp(): void {
  at = -1
}

function isAt(word: Uint8Array, from: number): boolean {
  const source = bytes
  for (let i = 0; i < word.length; i++) if (source[from + i] !== word[i]) return false
  return true
}

function skipSpace(): void {
  while (bytes[at] === space) at++
}

function expect(code: number): void {
  const source = bytes
  let p = at
  while (source[p] === space) p++
  at = p >= 0 && source[p] === code ? p + 1 : -1
}

function readOther(first: number): unknown {
  if (first === minus || (first >= zero && first <= nine)) return readNumber()
  for (const [word, value] of words) {
    if (!isAt(word, at)) continue
    at += word.length
    return value
  }
  giveUp()
  return undefined
}

/** Digits as one whole number, then one division, which is exact where both are; else as the language reads them. */
function readNumber(): number {
  const source = bytes
  const from = at
  let p = from
  const isNegative = source[p] === minus
  if (isNegative) p++
  const start = p
  let digits = 0
  let code = source[p]!
  while (code >= zero && code <= nine) {
    digits = digits * 10 + (code - zero)
    code = source[++p]!
  }
  // "01" is no number, and "-" neither.
  let isNumber = p > start && (p === start + 1 || source[start] !== zero)
  let decimals = 0
  if (code === dot) {
    const point = p
    code = source[++p]!
    while (code >= zero && code <= nine) {
      digits = digits * 10 + (code - zero)
      code = source[++p]!
    }
    decimals = p - point - 1
    if (decimals === 0) isNumber = false
  }
  let hasExponent = false
  if (code === smallE || code === largeE) {
    hasExponent = true
    code = source[++p]!
    if (code === minus || code === plus) code = source[++p]!
    if (!(code >= zero && code <= nine)) isNumber = false
    while (code >= zero && code <= nine) code = source[++p]!
  }
  if (!isNumber || (code !== comma && code !== shut && code !== space)) {
    giveUp()
    return 0
  }
  at = p
  if (hasExponent || digits > largestExact || decimals > 22) return Number(textOf(from, p))
  const value = decimals === 0 ? digits : digits / powersOfTen[decimals]!
  return isNegative ? -value : value
}

function readText(): string {
  const start = ++at
  for (;;) {
    const code = bytes[at]!
    if (code === quote) return textOf(start, at++)
    // Escapes, control characters, the end of the body, and whatever is beyond ASCII.
    if (code === backslash || code < space || code >= beyondAscii) {
      giveUp()
      return ''
    }
    at++
  }
}

/** A part of the body; all of it before the end of the part is ASCII, so that a byte is a character. */
const textOf = (from: number, to: number): string => source.ascii.slice(from, to)
