/** Writes protocol buffers. */
export function varint(value: number): Buffer {
  const bytes: number[] = []
  let rest = BigInt.asUintN(64, BigInt(value))
  do {
    const low = Number(rest & 127n)
    rest >>= 7n
    bytes.push(rest > 0n ? low | 128 : low)
  } while (rest > 0n)
  return Buffer.from(bytes)
}

export const tagged = (number: number, content: Buffer | string): Buffer => {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content
  return Buffer.concat([varint(number * 8 + 2), varint(bytes.length), bytes])
}
export const whole = (number: number, value: number): Buffer => Buffer.concat([varint(number * 8), varint(value)])
const float = (number: number, value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeFloatLE(value)
  return Buffer.concat([varint(number * 8 + 5), bytes])
}

/** An attribute of a node: a whole number, a text, whole numbers. */
function attribute(name: string, value: number | string | number[]): Buffer {
  if (typeof value === 'string') return Buffer.concat([tagged(1, name), tagged(4, value), whole(20, 3)])
  if (Array.isArray(value)) return Buffer.concat([tagged(1, name), ...value.map((one) => whole(8, one)), whole(20, 7)])
  return Number.isInteger(value)
    ? Buffer.concat([tagged(1, name), whole(3, value), whole(20, 2)])
    : Buffer.concat([tagged(1, name), float(2, value), whole(20, 1)])
}

/** A node of a graph (field 1 of GraphProto). */
export const node = (
  operator: string,
  inputs: string[],
  output: string,
  attributes: Record<string, number | string | number[]> = {},
): Buffer =>
  tagged(
    1,
    Buffer.concat([
      ...inputs.map((name) => tagged(1, name)),
      tagged(2, output),
      tagged(4, operator),
      ...Object.entries(attributes).map(([name, value]) => tagged(5, attribute(name, value))),
    ]),
  )

/** A constant of whole numbers (field 5 of GraphProto); without a shape it is a scalar. */
export const wholeNumbers = (name: string, values: number[], isScalar = false): Buffer => {
  const raw = Buffer.alloc(8 * values.length)
  for (const [i, value] of values.entries()) raw.writeBigInt64LE(BigInt(value), 8 * i)
  return tagged(5, Buffer.concat([...(isScalar ? [] : [whole(1, values.length)]), whole(2, 7), tagged(8, name), tagged(9, raw)]))
}

/** A constant float32 scalar (field 5 of GraphProto). */
export const floatNumber = (name: string, value: number): Buffer => {
  const raw = Buffer.alloc(4)
  raw.writeFloatLE(value)
  return tagged(5, Buffer.concat([whole(2, 1), tagged(8, name), tagged(9, raw)]))
}

/** An input or output (ValueInfoProto); null is the free number of rows. */
export function valueInfo(name: string, type: number, shape: (number | null)[]): Buffer {
  const dimensions = shape.map((size) => tagged(1, size === null ? tagged(2, 'rows') : whole(1, size)))
  const tensor = Buffer.concat([whole(1, type), tagged(2, Buffer.concat(dimensions))])
  return Buffer.concat([tagged(1, name), tagged(2, tagged(1, tensor))])
}
