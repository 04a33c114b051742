/** What a pickle would make, as an inert tree: nothing is imported, called or built. */
export type PickleValue =
  | null
  | boolean
  | number
  | string
  | { kind: 'bytes'; sizeBytes: number; head: Buffer | null }
  | { kind: 'global'; module: string; name: string }
  | Items<'list'>
  | Items<'tuple'>
  | Items<'set'>
  | { kind: 'dict'; entries: Map<string, PickleValue> }
  | { kind: 'call'; of: PickleValue; args: PickleValue; state: PickleValue }
  /** The array that joblib lays between two opcodes. */
  | { kind: 'array'; shape: number[]; dtype: string; head: Buffer | null; objects: PickleValue }
  | { kind: 'other' }

interface Items<Kind extends string> {
  kind: Kind
  items: PickleValue[]
  count: number
}

export const globalName = (value: PickleValue): string | null =>
  isKind(value, 'global') ? `${value.module}.${value.name}` : null

/** The class of an object, as a name. */
export const classOf = (value: PickleValue): string | null => {
  if (!isKind(value, 'call')) return null
  const made = globalName(value.of)
  // copyreg._reconstructor(cls, object, None) makes objects of old protocols.
  if (made === 'copyreg._reconstructor' || made === 'copy_reg._reconstructor') return globalName(itemsOf(value.args)[0] ?? null)
  return made
}

export const itemsOf = (value: PickleValue | undefined): PickleValue[] =>
  value && typeof value === 'object' && 'items' in value ? value.items : []

/** A field of an object's state. */
export function fieldOf(value: PickleValue, name: string): PickleValue | undefined {
  if (!isKind(value, 'call')) return undefined
  const state = isKind(value.state, 'tuple') ? (value.state.items[0] ?? null) : value.state
  return isKind(state, 'dict') ? state.entries.get(name) : undefined
}

export function isKind<K extends string>(value: PickleValue | undefined, kind: K): value is Extract<PickleValue, { kind: K }> {
  return value !== null && typeof value === 'object' && value.kind === kind
}

/** The values of a small array of numbers or texts; null where it is none that can be told. */
export function arrayValues(value: PickleValue | undefined): (string | number | boolean)[] | null {
  if (value === undefined) return null
  if (isKind(value, 'array')) return value.objects ? arrayValues(value.objects) : decoded(value.head, value.dtype, value.shape)
  if (isKind(value, 'list') || isKind(value, 'tuple')) return plain(value.items, value.count)
  if (!isKind(value, 'call') || !/(^|\.)_reconstruct$|\._frombuffer$/.test(globalName(value.of) ?? '')) return null
  const state = itemsOf(value.state)
  const shape = itemsOf(state[1]).map(Number)
  const content = state[4]
  if (isKind(content, 'list')) return plain(content.items, content.count)
  return isKind(content, 'bytes') ? decoded(content.head, dtypeOf(state[2]), shape) : null
}

const plain = (items: PickleValue[], count: number) =>
  items.length === count && items.every((item) => ['string', 'number', 'boolean'].includes(typeof item))
    ? (items as (string | number | boolean)[])
    : null

/** `<f8` of `numpy.dtype('f8', False, True)` and its state. */
export function dtypeOf(value: PickleValue | undefined): string {
  if (!isKind(value, 'call')) return ''
  const [code] = itemsOf(value.args)
  return typeof code === 'string' ? code.replace(/^[<>=|]/, '') : ''
}

function decoded(head: Buffer | null, dtype: string, shape: number[]): (string | number | boolean)[] | null {
  const [, letter, size] = /^([a-zA-Z])(\d+)$/.exec(dtype) ?? []
  const count = shape.reduce((product, n) => product * n, 1)
  // Texts of numpy are four bytes a character.
  const each = letter === 'U' ? 4 * Number(size) : Number(size)
  if (!head || !each || head.length < count * each) return null
  const read: Record<string, (at: number) => number | boolean> = {
    i1: (at) => head.readInt8(at),
    u1: (at) => head.readUInt8(at),
    i4: (at) => head.readInt32LE(at),
    i8: (at) => Number(head.readBigInt64LE(at)),
    f4: (at) => head.readFloatLE(at),
    f8: (at) => head.readDoubleLE(at),
    b1: (at) => head.readUInt8(at) !== 0,
  }
  if (letter === 'U') {
    const text = (at: number) =>
      Array.from({ length: Number(size) }, (_, i) => head.readUInt32LE(at + 4 * i))
        .filter((code) => code > 0 && code <= 0x10ffff)
        .map((code) => String.fromCodePoint(code))
        .join('')
    return Array.from({ length: count }, (_, i) => text(i * each))
  }
  const one = read[dtype]
  return one ? Array.from({ length: count }, (_, i) => one(i * each)) : null
}
