import type { Notes, Reader } from './encode.ts'
import type { RawBatch } from './inference.ts'

/** The readers of a signature's columns. */
export interface Columns {
  numbers: readonly Reader<number>[]
  strings: readonly Reader<string>[]
}

export interface BodyReader {
  /** Lays out the rows of a body's text; null for one that is written in any way it does not know. Throws what the readers throw. */
  encode(text: string, notes: Notes): RawBatch | null
  /** Remembers the order in which a client writes the fields of a row. */
  learn(row: object): void
}

interface Field {
  /** The name as it stands in JSON, with its quotes. */
  name: Uint8Array
  /** Between these a number needs no further look. */
  low: number
  high: number
  numbers: Reader<number> | null
  strings: Reader<string> | null
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
const rowKey = Buffer.from('{"row"')
const rowsKey = Buffer.from('{"rows"')
const words = [
  [Buffer.from('null'), null],
  [Buffer.from('true'), true],
  [Buffer.from('false'), false],
] as const

const encoder = new TextEncoder()

/** The text that is read, as bytes: a string is asked for its kind with every character. One call at a time, none of them waits. */
let bytes: Uint8Array = new Uint8Array(4096)
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
  for (const reader of numberReaders)
    byName.set(reader.name, { name: named(reader), low: reader.low, high: reader.high, numbers: reader, strings: null })
  for (const reader of stringReaders)
    byName.set(reader.name, { name: named(reader), low: Number.NaN, high: Number.NaN, numbers: null, strings: reader })
  let fields: Field[] | null = null
  let absent: Field[] = []

  function learn(row: object): void {
    const found = Object.keys(row).map((name) => byName.get(name))
    fields = found.every((field) => field !== undefined) ? found : null
    absent = [...byName.values()].filter((field) => !found.includes(field))
  }

  function encode(text: string, notes: Notes): RawBatch | null {
    if (fields === null || text.length > maxBytes) return null
    if (text.length + 8 > bytes.length) bytes = new Uint8Array(2 * text.length + 8)
    const { written: length } = encoder.encodeInto(text, bytes)
    // Something beyond ASCII. The zero ends a number that nothing follows.
    if (length !== text.length) return null
    bytes[length] = 0
    const isMany = isAt(rowsKey, 0)
    if (!isMany && !isAt(rowKey, 0)) return null
    at = isMany ? rowsKey.length : rowKey.length
    expect(colon)
    if (isMany) expect(openList)
    let room = isMany ? 8 : 1
    let values = new Float64Array(room * kn)
    const strings: string[] = []
    let rows = 0
    for (;;) {
      if (rows === room) {
        if (rows >= maxRows) return null
        room *= 2
        const more = new Float64Array(room * kn)
        more.set(values)
        values = more
      }
      readRow(text, fields, rows, { values, strings, notes })
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
    text: string,
    order: readonly Field[],
    r: number,
    { values, strings, notes }: { values: Float64Array; strings: string[]; notes: Notes },
  ): void {
    expect(open)
    for (let f = 0; f < order.length; f++) {
      if (f > 0) expect(comma)
      skipSpace()
      const { name, low, high, numbers, strings: reader } = order[f]!
      if (at < 0 || !isAt(name, at)) {
        giveUp()
        return
      }
      at += name.length
      expect(colon)
      skipSpace()
      if (at < 0) return
      const first = bytes[at]!
      if (numbers !== null && (first === minus || (first >= zero && first <= nine))) {
        const value = readNumber(text)
        if (at < 0) return
        values[r * kn + numbers.index] = value >= low && value <= high ? value : numbers.read(value, r, notes)
        continue
      }
      const value = first === quote ? readText(text) : readOther(text, first)
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

const named = ({ name }: { name: string }): Uint8Array => Buffer.from(JSON.stringify(name))

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

function readOther(text: string, first: number): unknown {
  if (first === minus || (first >= zero && first <= nine)) return readNumber(text)
  for (const [word, value] of words) {
    if (!isAt(word, at)) continue
    at += word.length
    return value
  }
  giveUp()
  return undefined
}

/** Digits as one whole number, then one division, which is exact where both are; else as the language reads them. */
function readNumber(text: string): number {
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
  if (hasExponent || digits > largestExact || decimals > 22) return Number(text.slice(from, p))
  const value = decimals === 0 ? digits : digits / powersOfTen[decimals]!
  return isNegative ? -value : value
}

function readText(text: string): string {
  const start = ++at
  for (;;) {
    const code = bytes[at]!
    if (code === quote) return text.slice(start, at++)
    // Escapes, control characters, and the end of the body.
    if (code === backslash || code < space) {
      giveUp()
      return ''
    }
    at++
  }
}
