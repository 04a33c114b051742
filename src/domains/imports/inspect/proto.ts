import type { ByteSource } from './byte-source.ts'

/** One field of a protocol buffer: where its content lies in the file. */
export interface ProtoField {
  number: number
  /** 0: varint, 1: 8 bytes, 2: length and bytes, 5: 4 bytes. */
  wire: number
  start: number
  end: number
  /** Of a varint, in two's complement. */
  value: number
}

const windowBytes = 1 << 18
const mostFields = 20_000_000
const mostTextBytes = 4096

/** Walks protocol buffers in a file of any size without holding more than a window of it. Throws `wrong` on what is none. */
export function protoReader(source: ByteSource, wrong: (why: string) => Error) {
  let from = 0
  let window: Buffer = Buffer.alloc(0)
  let fields = 0

  async function need(at: number, bytes: number): Promise<void> {
    if (at >= from && at + bytes <= from + window.length) return
    window = await source.read(at, at + Math.max(bytes, windowBytes))
    from = at
  }

  let next = 0
  function varint(at: number, end: number): number {
    let value = 0
    let scale = 1
    const begin = at
    for (let i = 0; i < 10; i++, at++) {
      const byte = at < end ? window[at - from] : undefined
      if (byte === undefined) throw wrong('it is cut off')
      value += (byte & 127) * scale
      if (byte < 128) {
        next = at + 1
        // Beyond 49 bits the sum above has lost digits: -1 would come out as 0.
        return i < 7 ? value : exact(begin, at)
      }
      scale *= 128
    }
    throw wrong('a number in it is longer than numbers are')
  }
  function exact(begin: number, last: number): number {
    let value = 0n
    for (let at = last; at >= begin; at--) value = (value << 7n) | BigInt(window[at - from]! & 127)
    return Number(BigInt.asIntN(64, value))
  }

  async function* fieldsOf(start: number, end: number): AsyncGenerator<ProtoField> {
    for (let at = start; at < end; ) {
      if (++fields > mostFields) throw wrong(`it has more than ${mostFields} fields`)
      await need(at, Math.min(20, end - at))
      const tag = varint(at, end)
      const number = Math.floor(tag / 8)
      const wire = ((tag % 8) + 8) % 8
      if (number < 1 || number > 536_870_911) throw wrong('a field in it has no number')
      if (wire === 0) {
        const value = varint(next, end)
        at = next
        yield { number, wire, start: at, end: at, value }
        continue
      }
      const length = wire === 2 ? varint(next, end) : wire === 5 ? 4 : wire === 1 ? 8 : Number.NaN
      const begin = next
      if (!(length >= 0) || begin + length > end) throw wrong('a field in it is longer than what holds it')
      at = begin + length
      yield { number, wire, start: begin, end: at, value: 0 }
    }
  }

  async function bytes(field: { start: number; end: number }, most: number): Promise<Buffer> {
    if (field.end - field.start > most)
      throw wrong(`a part of it has ${field.end - field.start} bytes where at most ${most} are usual`)
    await need(field.start, field.end - field.start)
    return window.subarray(field.start - from, field.end - from)
  }

  async function text(field: ProtoField, most = mostTextBytes): Promise<string> {
    if (field.wire !== 2) throw wrong('a text in it is none')
    return (await bytes(field, most)).toString('utf8')
  }

  /** Numbers of a repeated varint, packed or one by one. */
  async function ints(field: ProtoField, into: number[], most: number): Promise<void> {
    if (field.wire === 0) into.push(field.value)
    else {
      const packed = await bytes(field, most * 10)
      const base = field.start
      for (let at = base; at < base + packed.length; ) {
        await need(at, Math.min(10, base + packed.length - at))
        into.push(varint(at, base + packed.length))
        at = next
      }
    }
    if (into.length > most) throw wrong(`it lists more than ${most} numbers where fewer are usual`)
  }

  return { fieldsOf, bytes, text, ints }
}
export type ProtoReader = ReturnType<typeof protoReader>
