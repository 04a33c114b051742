/** How one value of a datatype lies in the bytes of a tensor (little-endian), where all values take equally many. */
export interface FixedType {
  bytes: number
  read(view: DataView, at: number): number | boolean
  write(view: DataView, at: number, value: number): void
  /** Whether a value that JSON gave can be one of this type. */
  takes(value: unknown): boolean
}

const isNumber = (value: unknown): boolean => typeof value === 'number'
const whole = (low: number, high: number) => (value: unknown) =>
  typeof value === 'number' && Number.isInteger(value) && value >= low && value <= high

const unsigned = (bits: number) => whole(0, 2 ** bits - 1)
const signed = (bits: number) => whole(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)

/** The datatypes of the protocol but BYTES, whose values have a length each. 64-bit integers become the nearest double, as in JSON. */
export const fixedTypes: Readonly<Record<string, FixedType>> = {
  BOOL: {
    bytes: 1,
    read: (view, at) => view.getUint8(at) !== 0,
    write: (view, at, value) => view.setUint8(at, value ? 1 : 0),
    takes: (value) => typeof value === 'boolean' || value === 0 || value === 1,
  },
  UINT8: {
    bytes: 1,
    read: (view, at) => view.getUint8(at),
    write: (view, at, value) => view.setUint8(at, value),
    takes: unsigned(8),
  },
  UINT16: {
    bytes: 2,
    read: (view, at) => view.getUint16(at, true),
    write: (view, at, value) => view.setUint16(at, value, true),
    takes: unsigned(16),
  },
  UINT32: {
    bytes: 4,
    read: (view, at) => view.getUint32(at, true),
    write: (view, at, value) => view.setUint32(at, value, true),
    takes: unsigned(32),
  },
  UINT64: {
    bytes: 8,
    read: (view, at) => Number(view.getBigUint64(at, true)),
    write: (view, at, value) => view.setBigUint64(at, BigInt(value), true),
    takes: unsigned(64),
  },
  INT8: { bytes: 1, read: (view, at) => view.getInt8(at), write: (view, at, value) => view.setInt8(at, value), takes: signed(8) },
  INT16: {
    bytes: 2,
    read: (view, at) => view.getInt16(at, true),
    write: (view, at, value) => view.setInt16(at, value, true),
    takes: signed(16),
  },
  INT32: {
    bytes: 4,
    read: (view, at) => view.getInt32(at, true),
    write: (view, at, value) => view.setInt32(at, value, true),
    takes: signed(32),
  },
  INT64: {
    bytes: 8,
    read: (view, at) => Number(view.getBigInt64(at, true)),
    write: (view, at, value) => view.setBigInt64(at, BigInt(value), true),
    takes: signed(64),
  },
  FP16: { bytes: 2, read: (view, at) => fromHalf(view.getUint16(at, true)), write: notWritten, takes: isNumber },
  BF16: { bytes: 2, read: (view, at) => fromBrain(view.getUint16(at, true)), write: notWritten, takes: isNumber },
  FP32: {
    bytes: 4,
    read: (view, at) => view.getFloat32(at, true),
    write: (view, at, value) => view.setFloat32(at, value, true),
    takes: isNumber,
  },
  FP64: {
    bytes: 8,
    read: (view, at) => view.getFloat64(at, true),
    write: (view, at, value) => view.setFloat64(at, value, true),
    takes: isNumber,
  },
}

export const isDatatype = (name: unknown): name is string =>
  typeof name === 'string' && (name === 'BYTES' || Object.hasOwn(fixedTypes, name))

function notWritten(): never {
  throw new Error('Answers are never of this type.')
}

/** IEEE 754 binary16. */
export function fromHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >> 10) & 0x1f
  const fraction = bits & 0x3ff
  if (exponent === 0) return sign * fraction * 2 ** -24
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
}

const asFloat = new DataView(new ArrayBuffer(4))

/** The upper half of a binary32. */
function fromBrain(bits: number): number {
  asFloat.setUint32(0, bits * 65_536)
  return asFloat.getFloat32(0)
}
