import { invalidInput } from '../../kernel/errors.ts'
import { fixedTypes, isDatatype } from './datatypes.ts'
import type { InferInput, InferRequest } from './request.ts'

/** One input, its values one after another (row-major). */
export interface Tensor {
  name: string
  datatype: string
  shape: number[]
  /** Numbers and words; of BYTES that came as bytes, those. */
  values: ArrayLike<number | boolean | string | Uint8Array>
}

/** Values of one request: ten thousand rows of a thousand columns, or an image of forty million pixels. */
const mostValues = 50_000_000
const mostDimensions = 8

/** The tensors of a request, those in JSON and those whose bytes follow it, each checked against its shape. */
export function readTensors({ inputs }: InferRequest, binary: Uint8Array): Tensor[] {
  let at = 0
  const names = new Set<string>()
  const tensors = inputs.map((input) => {
    if (names.has(input.name)) throw refused(input, 'it is there twice')
    names.add(input.name)
    if (!isDatatype(input.datatype)) throw refused(input, `"${input.datatype}" is no datatype of the protocol`)
    const count = countOf(input)
    const size = input.parameters?.binary_data_size
    if (input.parameters?.shared_memory_region !== undefined)
      throw refused(input, 'shared memory is not taken here; send the values')
    if (size === undefined) return { ...headOf(input), values: valuesInJson(input, count) }
    if (typeof size !== 'number' || !Number.isInteger(size) || size < 0)
      throw refused(input, 'its binary_data_size is no whole number')
    if (at + size > binary.length)
      throw refused(input, `its binary_data_size is ${size}, but only ${binary.length - at} bytes are left`)
    const bytes = binary.subarray(at, at + size)
    at += size
    return {
      ...headOf(input),
      values: input.datatype === 'BYTES' ? lengthPrefixed(input, bytes, count) : fixed(input, bytes, count),
    }
  })
  if (at < binary.length)
    throw invalidInput(`${binary.length - at} bytes follow the last tensor. Give each tensor in bytes its binary_data_size.`, {
      field: 'inputs',
    })
  return tensors
}

const headOf = ({ name, datatype, shape }: InferInput) => ({ name, datatype, shape })

function countOf(input: InferInput): number {
  const { shape } = input
  if (shape.length > mostDimensions)
    throw refused(input, `it has ${shape.length} dimensions; at most ${mostDimensions} are taken`)
  const count = shape.reduce((product, size) => product * size, 1)
  if (count > mostValues) throw refused(input, `it has ${count} values; at most ${mostValues} are taken`)
  return count
}

function valuesInJson(input: InferInput, count: number): (number | boolean | string)[] {
  const { datatype, data } = input
  if (data === undefined) throw refused(input, 'it has neither "data" nor a binary_data_size')
  const values: unknown[] = []
  flatten(data, values, count + 1)
  if (values.length !== count)
    throw refused(
      input,
      `its shape [${input.shape.join(', ')}] stands for ${count} values, but it has ${values.length > count ? 'more' : values.length}`,
    )
  const type = fixedTypes[datatype]
  for (let i = 0; i < count; i++) {
    const value = values[i]
    // Missing numbers have no other word in JSON.
    if (value === null && type && datatype.includes('F')) values[i] = Number.NaN
    else if (type ? !type.takes(value) : typeof value !== 'string')
      throw refused(input, `value ${i} is ${JSON.stringify(value)?.slice(0, 60)}, which is no ${datatype}`)
  }
  return values as (number | boolean | string)[]
}

/** Nested or flat, in row-major order; stops where it is more than there should be. */
function flatten(data: unknown, into: unknown[], most: number): void {
  if (!Array.isArray(data)) {
    into.push(data)
    return
  }
  for (const inner of data) {
    if (into.length >= most) return
    flatten(inner, into, most)
  }
}

function fixed(input: InferInput, bytes: Uint8Array, count: number): ArrayLike<number | boolean> {
  const type = fixedTypes[input.datatype]!
  if (bytes.length !== count * type.bytes)
    throw refused(
      input,
      `its shape [${input.shape.join(', ')}] of ${input.datatype} takes ${count * type.bytes} bytes, but it has ${bytes.length}`,
    )
  if (input.datatype === 'UINT8') return bytes
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (input.datatype === 'BOOL') return Array.from({ length: count }, (_, i) => type.read(view, i))
  const values = new Float64Array(count)
  for (let i = 0; i < count; i++) values[i] = type.read(view, i * type.bytes) as number
  return values
}

/** Each value with its length before it, in four bytes. */
function lengthPrefixed(input: InferInput, bytes: Uint8Array, count: number): Uint8Array[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const values: Uint8Array[] = []
  let at = 0
  while (at < bytes.length && values.length < count) {
    const length = at + 4 <= bytes.length ? view.getUint32(at, true) : Number.POSITIVE_INFINITY
    if (at + 4 + length > bytes.length) throw refused(input, `the length before value ${values.length} leads beyond its end`)
    values.push(bytes.subarray(at + 4, at + 4 + length))
    at += 4 + length
  }
  if (values.length === count && at === bytes.length) return values
  throw refused(
    input,
    `its shape [${input.shape.join(', ')}] stands for ${count} values, but its bytes hold ${values.length === count ? 'more' : values.length}`,
  )
}

const refused = ({ name }: Pick<InferInput, 'name'>, why: string) =>
  invalidInput(`The input "${name.slice(0, 80)}" cannot be read: ${why}.`, { field: `inputs.${name.slice(0, 80)}` })
