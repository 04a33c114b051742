import type { ByteSource } from '../byte-source.ts'
import type { PickleValue } from './values.ts'

const windowBytes = 1 << 18
/** Longer texts are only counted. */
const mostTextBytes = 1 << 16

/** Reads a pickle's bytes one after another; what is large is stepped over. */
export function pickleBytes(source: ByteSource, start: number, wrong: (why: string) => Error) {
  let window: Buffer = Buffer.alloc(0)
  let from = start
  let at = 0

  async function need(bytes: number): Promise<void> {
    if (at + bytes <= window.length) return
    const position = from + at
    // The last opcodes of a file have fewer bytes behind them; reading beyond is refused where it happens.
    if (from + window.length >= source.sizeBytes && position >= from && position <= from + window.length && window.length > 0)
      return
    window = await source.read(position, Math.min(source.sizeBytes, position + Math.max(bytes, windowBytes)))
    from = position
    at = 0
  }
  function skip(bytes: number): number {
    if (!(bytes >= 0) || from + at + bytes > source.sizeBytes) throw wrong('it is cut off')
    const begin = at
    at += bytes
    return begin
  }
  function take(bytes: number): number {
    if (at + bytes > window.length) throw wrong('it is cut off')
    return skip(bytes)
  }
  function jump(position: number): void {
    window = Buffer.alloc(0)
    from = position
    at = 0
  }
  /** Steps over bytes; keeps them where they are few. */
  async function taken(length: number): Promise<Buffer | null> {
    if (length > mostTextBytes) {
      skip(length)
      jump(from + at)
      return null
    }
    await need(length)
    const begin = take(length)
    return Buffer.from(window.subarray(begin, begin + length))
  }
  async function text(length: number): Promise<PickleValue> {
    const content = await taken(length)
    return content ? content.toString('utf8') : { kind: 'other' }
  }
  async function bytes(length: number): Promise<PickleValue> {
    return { kind: 'bytes', sizeBytes: length, head: await taken(length) }
  }
  async function line(): Promise<string> {
    await need(mostTextBytes)
    const end = window.indexOf(10, at)
    if (end < 0 || end - at > mostTextBytes) throw wrong('a line in it does not end')
    const found = window.toString('utf8', at, end)
    at = end + 1
    return found
  }
  /** Numbers of Python have any length; those beyond 2^53 are not needed exactly. */
  async function long(length: number): Promise<number> {
    if (length < 0) throw wrong('a number in it has no length')
    const content = await taken(length)
    if (!content) return Number.NaN
    let value = 0
    for (let i = Math.min(content.length, 16) - 1; i >= 0; i--) value = value * 256 + content[i]!
    const isNegative = content.length > 0 && content.length <= 6 && content.at(-1)! > 127
    return isNegative ? value - 256 ** content.length : value
  }
  return {
    need,
    skip,
    jump,
    taken,
    text,
    bytes,
    line,
    long,
    position: () => from + at,
    uint8: () => window[take(1)]!,
    uint16: () => window.readUInt16LE(take(2)),
    int32: () => window.readInt32LE(take(4)),
    uint32: () => window.readUInt32LE(take(4)),
    uint64: () => {
      const value = window.readBigUInt64LE(take(8))
      if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw wrong('a length in it is larger than any file')
      return Number(value)
    },
    float64: () => window.readDoubleBE(take(8)),
  }
}
