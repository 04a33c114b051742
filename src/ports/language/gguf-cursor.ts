/** The head is longer than what was read of the file. */
export class NeedMore extends Error {}

/** Foreign text in a sentence. */
export const shown = (text: string): string => text.slice(0, 80).replace(/[^\x20-\x7e]/g, '?')

/** Reads numbers and texts one after another, never beyond what there is. */
export class Cursor {
  offset = 0
  private readonly buffer: Buffer
  private readonly wrong: (why: string) => Error

  constructor(buffer: Buffer, wrong: (why: string) => Error) {
    this.buffer = buffer
    this.wrong = wrong
  }

  /** Steps over so many bytes and says where they begin. */
  skip(length: number): number {
    const start = this.offset
    if (start + length > this.buffer.length) throw new NeedMore()
    this.offset = start + length
    return start
  }

  bytes(length: number): Buffer {
    const start = this.skip(length)
    return this.buffer.subarray(start, start + length)
  }

  slice(start: number, end: number): Buffer {
    return this.buffer.subarray(start, end)
  }

  uint8 = (): number => this.buffer[this.skip(1)]!
  int8 = (): number => this.buffer.readInt8(this.skip(1))
  uint16 = (): number => this.buffer.readUInt16LE(this.skip(2))
  int16 = (): number => this.buffer.readInt16LE(this.skip(2))
  uint32 = (): number => this.buffer.readUInt32LE(this.skip(4))
  int32 = (): number => this.buffer.readInt32LE(this.skip(4))
  float32 = (): number => this.buffer.readFloatLE(this.skip(4))
  float64 = (): number => this.buffer.readDoubleLE(this.skip(8))
  int64 = (): number => Number(this.buffer.readBigInt64LE(this.skip(8)))

  /** Of a size or place within a file: what no file can have is refused rather than rounded. */
  uint64(): number {
    const value = this.buffer.readBigUInt64LE(this.skip(8))
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw this.wrong('a number in its head is larger than any file')
    return Number(value)
  }

  count(most: number, what: string): number {
    const count = this.buffer.readBigUInt64LE(this.skip(8))
    if (count > BigInt(most)) throw this.wrong(`it claims ${count} ${what}, more than any model has (${most})`)
    return Number(count)
  }

  text(most: number, what: string): string {
    return this.bytes(this.count(most, `bytes of ${what}`)).toString('utf8')
  }
}
