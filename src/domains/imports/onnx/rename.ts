import { tagged } from './proto-writer.ts'

export interface Part {
  number: number
  wire: number
  content: Buffer
  /** With its tag and length. */
  whole: Buffer
}

/** The fields of a protocol buffer in memory that was read as one before. */
export function fieldsIn(bytes: Buffer): Part[] {
  const parts: Part[] = []
  let at = 0
  const varint = (): number => {
    let value = 0
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[at++]!
      value += (byte & 127) * scale
      if (!(byte >= 128)) return value
    }
  }
  while (at < bytes.length) {
    const begin = at
    const tag = varint()
    const wire = tag % 8
    let start = at
    if (wire === 0) varint()
    else {
      const length = wire === 2 ? varint() : wire === 5 ? 4 : 8
      start = at
      at += length
    }
    parts.push({ number: Math.floor(tag / 8), wire, content: bytes.subarray(start, at), whole: bytes.subarray(begin, at) })
  }
  return parts
}

/** A node whose inputs and outputs are called otherwise, in the graphs within it too. */
export function renamedNode(bytes: Buffer, rename: ReadonlyMap<string, string>): Buffer {
  if (rename.size === 0) return bytes
  return Buffer.concat(
    fieldsIn(bytes).map((part) => {
      if (part.number === 1 || part.number === 2) {
        const to = rename.get(part.content.toString('utf8'))
        return to === undefined ? part.whole : tagged(part.number, to)
      }
      return part.number === 5 ? tagged(5, renamedAttribute(part.content, rename)) : part.whole
    }),
  )
}

const renamedAttribute = (bytes: Buffer, rename: ReadonlyMap<string, string>): Buffer =>
  Buffer.concat(
    fieldsIn(bytes).map((part) =>
      part.number === 6 || part.number === 11 ? tagged(part.number, renamedGraph(part.content, rename)) : part.whole,
    ),
  )

const renamedGraph = (bytes: Buffer, rename: ReadonlyMap<string, string>): Buffer =>
  Buffer.concat(fieldsIn(bytes).map((part) => (part.number === 1 ? tagged(1, renamedNode(part.content, rename)) : part.whole)))

/** A tensor under another name. */
export const renamedTensor = (bytes: Buffer, to: string): Buffer =>
  Buffer.concat(fieldsIn(bytes).map((part) => (part.number === 8 ? tagged(8, to) : part.whole)))
