import { shown } from './byte-source.ts'
import type { OnnxValue } from './onnx.ts'
import type { ProtoField, ProtoReader } from './proto.ts'

/** Element types of ONNX tensors, their bytes, and their names in the Open Inference Protocol. */
const elementTypes: Record<number, { bytes: number; name: string }> = {
  1: { bytes: 4, name: 'FP32' },
  2: { bytes: 1, name: 'UINT8' },
  3: { bytes: 1, name: 'INT8' },
  4: { bytes: 2, name: 'UINT16' },
  5: { bytes: 2, name: 'INT16' },
  6: { bytes: 4, name: 'INT32' },
  7: { bytes: 8, name: 'INT64' },
  8: { bytes: 0, name: 'BYTES' },
  9: { bytes: 1, name: 'BOOL' },
  10: { bytes: 2, name: 'FP16' },
  11: { bytes: 8, name: 'FP64' },
  12: { bytes: 4, name: 'UINT32' },
  13: { bytes: 8, name: 'UINT64' },
  14: { bytes: 8, name: 'COMPLEX64' },
  15: { bytes: 16, name: 'COMPLEX128' },
  16: { bytes: 2, name: 'BF16' },
}

export const bytesPerElement = (type: number): number | null => elementTypes[type]?.bytes ?? null
export const typeName = (type: number): string => elementTypes[type]?.name ?? `type ${type}`

export interface TensorFacts {
  name: string
  type: number
  elements: number
  external: { location: string; offset: number; length: number } | null
}

const mostDimensions = 64
const mostElements = 2 ** 40

/** The head of a tensor; that its numbers are as many as its shape says. */
export async function readTensor(reader: ProtoReader, at: ProtoField, wrong: (why: string) => Error): Promise<TensorFacts> {
  const dims: number[] = []
  let type = 0
  let name = ''
  let raw: number | null = null
  let listed = 0
  let isElsewhere = false
  const pairs: Record<string, string> = {}
  for await (const field of reader.fieldsOf(at.start, at.end)) {
    const length = field.end - field.start
    if (field.number === 1) await reader.ints(field, dims, mostDimensions)
    else if (field.number === 2) type = field.value
    else if (field.number === 8) name = await reader.text(field)
    else if (field.number === 9) raw = (raw ?? 0) + length
    else if (field.number === 4) listed += length / 4
    else if (field.number === 10) listed += length / 8
    else if (field.number === 6) listed += 1
    else if (field.number === 13) await readPairOf(reader, field, pairs)
    else if (field.number === 14) isElsewhere = field.value === 1
  }
  let elements = 1
  for (const size of dims) {
    // Products that wrap around are how a small file comes to claim a small buffer for a large shape.
    if (size < 0 || size > Number.MAX_SAFE_INTEGER) throw wrong(`the tensor "${shown(name)}" has a size of ${size}`)
    elements *= size
    if (elements > mostElements) throw wrong(`the shape [${dims.join(', ')}] of the tensor "${shown(name)}" cannot be`)
  }
  const bytes = bytesPerElement(type)
  if (bytes === null && type < 17) throw wrong(`the tensor "${shown(name)}" holds numbers of a kind that is not known (${type})`)
  const external = isElsewhere || 'location' in pairs ? placeOf(pairs, name, elements * (bytes ?? 0), wrong) : null
  if (!external && raw !== null && bytes && raw !== elements * bytes)
    throw wrong(`the tensor "${shown(name)}" has ${raw} bytes where its shape [${dims.join(', ')}] asks for ${elements * bytes}`)
  if (!external && raw === null && (type === 1 || type === 11 || type === 8) && listed !== elements)
    throw wrong(`the tensor "${shown(name)}" has ${listed} values where its shape [${dims.join(', ')}] asks for ${elements}`)
  return { name, type, elements, external }
}

function placeOf(pairs: Record<string, string>, tensor: string, bytes: number, wrong: (why: string) => Error) {
  const location = pairs.location ?? ''
  // Whether the bundle holds it is seen by whoever has the bundle; that it does not lead out of it, here.
  if (
    location === '' ||
    /^[/\\]|^[A-Za-z]:|\0|\\/.test(location) ||
    location.split('/').some((part) => part === '..' || part === '')
  )
    throw wrong(`the tensor "${shown(tensor)}" lies in "${shown(location)}", outside of what was brought`)
  const offset = Number(pairs.offset ?? 0)
  const length = Number(pairs.length ?? bytes)
  if (!Number.isSafeInteger(offset) || !Number.isSafeInteger(length) || offset < 0 || length !== bytes)
    throw wrong(`where the tensor "${shown(tensor)}" lies in "${shown(location)}" cannot be`)
  return { location: location.replace(/^(\.\/)+/, ''), offset, length }
}

async function readPairOf(reader: ProtoReader, at: ProtoField, into: Record<string, string>): Promise<void> {
  let key = ''
  let value = ''
  for await (const field of reader.fieldsOf(at.start, at.end)) {
    if (field.number === 1) key = await reader.text(field)
    else if (field.number === 2) value = await reader.text(field)
  }
  if (['location', 'offset', 'length', 'checksum'].includes(key)) into[key] = value
}

/** The name, type and shape of an input or output. */
export async function readValueInfo(reader: ProtoReader, at: ProtoField): Promise<OnnxValue> {
  const value: OnnxValue = { name: '', type: 0, shape: null, kind: 'other' }
  for await (const field of reader.fieldsOf(at.start, at.end)) {
    if (field.number === 1) value.name = await reader.text(field)
    else if (field.number === 2)
      for await (const kind of reader.fieldsOf(field.start, field.end)) {
        if (kind.number === 4) value.kind = 'sequence'
        else if (kind.number === 5) value.kind = 'map'
        else if (kind.number === 1) {
          value.kind = 'tensor'
          await readTensorType(reader, kind, value)
        }
      }
  }
  return value
}

async function readTensorType(reader: ProtoReader, at: ProtoField, into: OnnxValue): Promise<void> {
  for await (const field of reader.fieldsOf(at.start, at.end)) {
    if (field.number === 1) into.type = field.value
    else if (field.number === 2) {
      into.shape = []
      for await (const dimension of reader.fieldsOf(field.start, field.end)) {
        if (dimension.number !== 1) continue
        let size: number | null = null
        for await (const part of reader.fieldsOf(dimension.start, dimension.end)) if (part.number === 1) size = part.value
        if (into.shape.length < mostDimensions) into.shape.push(size)
      }
    }
  }
}
