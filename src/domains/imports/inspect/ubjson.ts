const deepest = 64
/** Arrays of numbers are the trees: they are stepped over. */
const mostKept = 20_000
const widths: Record<string, number> = { i: 1, U: 1, I: 2, l: 4, L: 8, d: 4, D: 8, C: 1, Z: 0, T: 0, F: 0 }

/** Reads UBJSON (ubjson.org) as XGBoost writes it; long arrays of numbers come back as null. Never reads beyond its bytes. */
export function readUbjson(bytes: Buffer, wrong: (why: string) => Error): unknown {
  let at = 0
  let values = 0

  const skip = (length: number): number => {
    if (!(length >= 0) || at + length > bytes.length) throw wrong('it is cut off')
    const begin = at
    at += length
    return begin
  }
  const letter = (): string => {
    for (;;) {
      const code = String.fromCharCode(bytes[skip(1)]!)
      if (code !== 'N') return code
    }
  }
  function whole(type: string): number {
    if (type === 'i') return bytes.readInt8(skip(1))
    if (type === 'U') return bytes.readUInt8(skip(1))
    if (type === 'I') return bytes.readInt16BE(skip(2))
    if (type === 'l') return bytes.readInt32BE(skip(4))
    if (type === 'L') return Number(bytes.readBigInt64BE(skip(8)))
    throw wrong('a length in it is no whole number')
  }
  const length = (): number => {
    const found = whole(letter())
    if (found < 0 || found > bytes.length) throw wrong('a length in it is larger than the file')
    return found
  }
  const text = (): string => {
    const size = length()
    const begin = skip(size)
    return bytes.toString('utf8', begin, begin + size)
  }
  const peek = (): string => String.fromCharCode(bytes[at] ?? 0)

  function value(type: string, depth: number): unknown {
    if (depth > deepest) throw wrong(`it lies more than ${deepest} deep`)
    if (++values > 10_000_000) throw wrong('it holds more values than models do')
    if (type === 'Z') return null
    if (type === 'T' || type === 'F') return type === 'T'
    if (type === 'd') return bytes.readFloatBE(skip(4))
    if (type === 'D') return bytes.readDoubleBE(skip(8))
    if (type === 'C') return String.fromCharCode(bytes[skip(1)]!)
    if (type === 'S' || type === 'H') return text()
    if (type === '[') return array(depth)
    if (type === '{') return object(depth)
    return whole(type)
  }
  function shape(): { type: string | null; count: number | null } {
    let type: string | null = null
    if (peek() === '$') {
      at++
      type = letter()
    }
    if (peek() !== '#') return { type, count: null }
    at++
    return { type, count: length() }
  }
  function array(depth: number): unknown {
    const { type, count } = shape()
    if (type !== null && count !== null && type in widths && count > mostKept) {
      skip(widths[type]! * count)
      return null
    }
    const items: unknown[] = []
    for (let i = 0; count === null || i < count; i++) {
      if (count === null && peek() === ']') break
      const one = value(type ?? letter(), depth + 1)
      if (items.length < mostKept) items.push(one)
    }
    if (count === null) skip(1)
    return items
  }
  function object(depth: number): unknown {
    const { type, count } = shape()
    const made: Record<string, unknown> = Object.create(null)
    for (let i = 0; count === null || i < count; i++) {
      if (count === null && peek() === '}') break
      const key = text()
      made[key] = value(type ?? letter(), depth + 1)
    }
    if (count === null) skip(1)
    return made
  }

  return value(letter(), 0)
}
